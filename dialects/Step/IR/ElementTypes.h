//===- ElementTypes.h - element types that many places ask about ----------===//
#pragma once

#include "mlir/IR/BuiltinTypes.h"

namespace swamla {

/// The eight-bit floats: E4M3 of activations and weights (largest number 448, no infinity) and E5M2
/// of gradients (largest 57344). One byte an element.
inline bool isF8(mlir::Type type) {
  return llvm::isa<mlir::Float8E4M3FNType, mlir::Float8E5M2Type>(type);
}

/// Hopper multiplies f8 matrices with m, n and k multiples of this, from addresses and pitches that
/// are multiples of so many bytes; cuBLASLt reads their scales, too, from such addresses only (seen
/// with 13.1: from others every algorithm answers "not supported").
inline constexpr int64_t kF8Chunk = 16;

} // namespace swamla
