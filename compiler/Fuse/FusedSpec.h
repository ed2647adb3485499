//===- FusedSpec.h - building and asking swamla.fused ---------------------===//
#pragma once

#include "dialects/Swamla/IR/SwamlaDialect.h"

#include "mlir/IR/Builders.h"

namespace swamla {

/// Discardable attributes that the passes of this phase read and hand on.
inline constexpr llvm::StringLiteral scopeAttr = "scope";         ///< "h.3.attn"
inline constexpr llvm::StringLiteral backwardAttr = "backward";   ///< made by a gradient rule
inline constexpr llvm::StringLiteral recomputeAttr = "recompute"; ///< a clone for the backward
inline constexpr llvm::StringLiteral setupAttr = "setup";         ///< computed once, at load

/// Operands and maps of a swamla.fused that is being put together.
struct FusedSpec {
  llvm::SmallVector<int64_t> domain;
  unsigned rowDims = 1;
  llvm::SmallVector<mlir::Value> ins, outs;
  llvm::SmallVector<mlir::AffineMap> inMaps, outMaps;
  llvm::SmallVector<int64_t> gather; ///< for each in: the in that supplies its symbol, or -1
  mlir::StringAttr label;

  /// Adds an in, or finds it: the same value through the same map is read once. Answers its number.
  unsigned addIn(mlir::Value value, mlir::AffineMap map, int64_t source = -1);
  void addOut(mlir::Value init, mlir::AffineMap map);
};

/// Emits the op; `body` gets the block arguments (ins, then outs) and answers one scalar per out.
FusedOp createFused(
    mlir::OpBuilder &builder, mlir::Location loc, const FusedSpec &spec,
    llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::OpBuilder &, mlir::ValueRange)> body);

/// True for an out's map that adds up rows: a row dim is missing, or grouped by floordiv.
bool isColumnReduction(mlir::AffineMap map, unsigned rowDims);

/// True if the out starts from nothing: its init is a tensor.empty.
bool isFresh(mlir::Value init);

/// True for an op that only attributes determine, such as a table: computed once, never per step.
bool isConstant(FusedOp op);

/// True for ops of the backward, recomputed ones among them.
bool isInBackward(mlir::Operation *op);

} // namespace swamla
