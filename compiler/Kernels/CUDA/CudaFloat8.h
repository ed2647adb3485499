//===- CudaFloat8.h - f8E4M3FN and f8E5M2 on the GPU ----------------------===//
//
// The conversion units work on pairs: two numbers in an i16, the first in the low
// byte. Rounding is to nearest even; what is beyond the largest number becomes it;
// NaN becomes 0x7F. Reading is exact, and goes through f16, of which every f8 is
// one.
//
// In memory, and wherever the LLVM dialect must name a type, an f8 is an i8.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/PatternMatch.h"

namespace swamla {

/// Two f32 rounded to `element`, an i16 (cvt.rn.satfinite.e4m3x2.f32 or e5m2x2).
mlir::Value packF8(mlir::ImplicitLocOpBuilder &builder, mlir::Type element, mlir::Value low,
                   mlir::Value high);
/// The two numbers of an i16 as f32: low, high.
std::pair<mlir::Value, mlir::Value> unpackF8(mlir::ImplicitLocOpBuilder &builder,
                                             mlir::Type element, mlir::Value pair);

/// i8 for the f8 types, else the type itself.
mlir::Type memoryType(mlir::Type element);

/// Replaces arith.truncf to f8 (from f32 or bf16) and arith.extf of f8 (to f32 or bf16) on scalars.
void populateCudaFloat8Patterns(mlir::RewritePatternSet &patterns);

} // namespace swamla
