//===- Machine.cpp - what GPUs can do -------------------------------------===//
//
// Sources. Measured: docs/results/2026-11-25-h200-bf16.txt (copy), and cuBLASLt's
// products of 8192^3 random numbers, in bf16 and E4M3 (docs/report.md).
// Documented: NVIDIA's data sheets of the H200 and H100 SXM, dense, at boost clock:
// 4.8 and 3.35 TB/s, 67 TFLOP/s in fp32, 495 in tf32, 989 in bf16, 1979 in fp8;
// NVLink 900 GB/s, both directions together. Its data sheets of the DGX H100 and
// H200: eight GPUs, a ConnectX-7 of 400 Gb/s for each.
//
//===----------------------------------------------------------------------===//
#include "compiler/Report/Machine.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

namespace swamla {

namespace {
constexpr double kTera = 1e12;
// Of the H200.
constexpr double kCopy = 4.15 * kTera, kBf16 = 796 * kTera, kFp8 = 1511 * kTera;
constexpr double kDocumentedCopy = 4.8 * kTera, kDocumentedBf16 = 989 * kTera;
// Of the chip that both cards carry.
constexpr Figure kFp32 = {67 * kTera, Source::Documented};
constexpr Figure kTf32 = {495 * kTera * kBf16 / kDocumentedBf16, Source::Scaled};

constexpr int64_t kNode = 8;
constexpr Figure kLink = {450e9, Source::Documented};
constexpr Figure kNetwork = {50e9, Source::Documented};

constexpr Machine kMachines[] = {
    {"h200",
     "NVIDIA H200",
     {kCopy, Source::Measured},
     {kFp32, kTf32, Figure{kBf16, Source::Measured}, Figure{kFp8, Source::Measured}},
     kNode,
     kLink,
     kNetwork},
    {"h100",
     "NVIDIA H100 80GB HBM3",
     {3.35 * kTera * kCopy / kDocumentedCopy, Source::Scaled},
     {kFp32, kTf32, Figure{kBf16, Source::Scaled}, Figure{kFp8, Source::Scaled}},
     kNode,
     kLink,
     kNetwork},
};
} // namespace

llvm::StringRef name(Arithmetic arithmetic) {
  constexpr llvm::StringLiteral names[] = {"fp32", "tf32", "bf16", "fp8"};
  return names[static_cast<size_t>(arithmetic)];
}

llvm::StringRef name(Source source) {
  constexpr llvm::StringLiteral names[] = {"measured", "documented", "scaled"};
  return names[static_cast<size_t>(source)];
}

llvm::ArrayRef<Machine> allMachines() { return kMachines; }

const Machine *findMachine(llvm::StringRef key) {
  const auto *found = llvm::find_if(kMachines, [&](const Machine &m) { return m.key == key; });
  return found == std::end(kMachines) ? nullptr : found;
}

std::string machineList() {
  return llvm::join(llvm::map_range(kMachines, [](const Machine &m) { return m.key.str(); }), ", ");
}

} // namespace swamla
