//===- EmitAffine.h - offset maps as integer arithmetic -------------------===//
#pragma once

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace swamla {

/// Evaluates the offset expression of a row kernel, given its leaves: dims, symbols and constants
/// as integers of one type, scalars or vectors. Divisions and remainders are unsigned:
/// RowKernelPlan has checked that they are of values that are never negative, and that there is no
/// ceildiv.
mlir::Value emitAffine(mlir::ImplicitLocOpBuilder &builder, mlir::AffineExpr expr,
                       llvm::function_ref<mlir::Value(mlir::AffineExpr)> leaf);

} // namespace swamla
