//===- VerifyUtils.h - what the op verifiers have in common ---------------===//
// Each check emits one error that says what it expected and what it found.
//===----------------------------------------------------------------------===//
#pragma once

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"

#include "llvm/ADT/Twine.h"

#include <optional>

namespace swamla {

inline mlir::RankedTensorType tensorType(mlir::Value value) {
  return llvm::cast<mlir::RankedTensorType>(value.getType());
}

/// `type` is exactly a static tensor of `shape` and, where given, of `element`.
mlir::LogicalResult expectTensor(mlir::Operation *op, const llvm::Twine &what,
                                 mlir::RankedTensorType type, llvm::ArrayRef<int64_t> shape,
                                 mlir::Type element = {});

/// The same with `element` or f32: what is added up, or read once a row, may be wider than the
/// rest.
mlir::LogicalResult expectTensorOrWider(mlir::Operation *op, const llvm::Twine &what,
                                        mlir::RankedTensorType type, llvm::ArrayRef<int64_t> shape,
                                        mlir::Type element);

/// `type` has `rank` dims; `form` shows them in the error, as in "tensor<M x C>".
mlir::LogicalResult expectRank(mlir::Operation *op, const llvm::Twine &what,
                               mlir::RankedTensorType type, int64_t rank, llvm::StringRef form);

/// `low` <= value, and <= `high` where given.
mlir::LogicalResult expectInt(mlir::Operation *op, const llvm::Twine &what, int64_t value,
                              int64_t low, std::optional<int64_t> high = std::nullopt);

/// `divisor` >= 1 divides `value`; the two names go into the error.
mlir::LogicalResult expectDivides(mlir::Operation *op, llvm::StringRef divisorName, int64_t divisor,
                                  llvm::StringRef valueName, int64_t value);

/// A finite number > 0.
mlir::LogicalResult expectPositive(mlir::Operation *op, const llvm::Twine &what,
                                   const llvm::APFloat &value);

/// A number in [0, 1): a dropout probability, label smoothing.
mlir::LogicalResult expectFraction(mlir::Operation *op, const llvm::Twine &what,
                                   const llvm::APFloat &value);

} // namespace swamla
