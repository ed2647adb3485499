//===- CpuTarget.cpp - the CPU that kernels are generated for -------------===//
#include "compiler/Kernels/CPU/CpuTarget.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/TargetParser/Host.h"

using namespace llvm;

namespace swamla {

/// The features that each level adds to the one below it and that kernels use.
static CpuTarget detectHost() {
  StringMap<bool> features = sys::getHostCPUFeatures();
  auto hasAll = [&](ArrayRef<StringRef> names) {
    return all_of(names, [&](StringRef name) { return features.lookup(name); });
  };
  CpuTarget host{2};
  if (hasAll({"avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe"}))
    host.level = 3;
  if (host.level == 3 && hasAll({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}))
    host.level = 4;
  return host;
}

std::optional<CpuTarget> CpuTarget::parse(StringRef name) {
  if (name == "native")
    return detectHost();
  unsigned level = StringSwitch<unsigned>(name)
                       .Case("x86-64-v2", 2)
                       .Case("x86-64-v3", 3)
                       .Case("x86-64-v4", 4)
                       .Default(0);
  if (level == 0)
    return std::nullopt;
  return CpuTarget{level};
}

} // namespace swamla
