//===- CpuTarget.h - the CPU that kernels are generated for ---------------===//
#pragma once

#include "llvm/ADT/StringRef.h"

#include <optional>
#include <string>

namespace swamla {

/// An x86-64 microarchitecture level (System V ABI, "x86-64-v2" ... "x86-64-v4").
struct CpuTarget {
  unsigned level = 3; ///< 2, 3 or 4

  /// The name that LLVM and step.bin know it by.
  std::string name() const { return "x86-64-v" + std::to_string(level); }
  /// f32 elements of one vector register.
  unsigned lanes() const { return level == 4 ? 16 : level == 3 ? 8 : 4; }
  /// Whether a fused multiply-add is one instruction (otherwise LLVM calls libm's fmaf).
  bool hasFma() const { return level >= 3; }

  /// Reads "x86-64-v2", "x86-64-v3", "x86-64-v4", or "native": the best of them that this machine
  /// runs. Nullopt for anything else.
  static std::optional<CpuTarget> parse(llvm::StringRef name);
};

} // namespace swamla
