//===- Machine.h - what GPUs can do ---------------------------------------===//
//
// The table of GPUs that a report knows, and where each figure comes from. To add
// a GPU is to add an entry to Machine.cpp.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <array>
#include <string>

namespace swamla {

/// What arithmetic is done in.
enum class Arithmetic { Fp32, Tf32, Bf16, Fp8 };
inline constexpr std::array<Arithmetic, 4> kAllArithmetic = {Arithmetic::Fp32, Arithmetic::Tf32,
                                                             Arithmetic::Bf16, Arithmetic::Fp8};
/// "fp32", "tf32", "bf16", "fp8"
llvm::StringRef name(Arithmetic arithmetic);

/// Where a figure comes from.
enum class Source {
  Measured,   ///< on this GPU
  Documented, ///< by its vendor
  Scaled      ///< the vendor's, times measured / documented of the H200's most similar figure
};
/// "measured", "documented", "scaled"
llvm::StringRef name(Source source);

struct Figure {
  double value; ///< a second
  Source source;
};

struct Machine {
  llvm::StringLiteral key;    ///< as in --report=KEY
  llvm::StringLiteral device; ///< as the driver calls it
  Figure copyBytes;           ///< read and written together, by a copy larger than the caches
  std::array<Figure, 4> flop; ///< dense, by Arithmetic
  int64_t node;               ///< GPUs that NVLink connects
  Figure link;                ///< bytes from one of them to the others
  Figure network;             ///< bytes from a GPU to other nodes

  const Figure &flops(Arithmetic arithmetic) const { return flop[static_cast<size_t>(arithmetic)]; }
};

llvm::ArrayRef<Machine> allMachines();
/// Null if there is none of that key.
const Machine *findMachine(llvm::StringRef key);
/// "h200, h100"
std::string machineList();

} // namespace swamla
