//===- Rules.h - what the gradient rules share ----------------------------===//
#pragma once

#include "dialects/Swamla/IR/SwamlaDialect.h"

#include "mlir/IR/Builders.h"

namespace swamla {

/// What a rule answers: the cotangent of each operand, null where there is none.
using OperandCotangents = mlir::FailureOr<llvm::SmallVector<mlir::Value>>;

/// A tensor of zeros: the cotangent of a value that nothing depends on, where an op needs one all
/// the same.
mlir::Value buildZero(mlir::OpBuilder &builder, mlir::Location loc, mlir::Type type);

} // namespace swamla
