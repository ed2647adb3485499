//===- Liveness.h - who reads a value last --------------------------------===//
#pragma once

#include "compiler/Plan/ProgramPlan.h"

namespace swamla {

/// The result that starts from operand number i of an op: `outs` of a fused op that are no
/// tensor.empty, `init` of a matmul or embedding_grad. Empty for all other operands.
mlir::OpResult tiedResult(mlir::OpOperand &operand);
/// The operand that a result starts from; null if it is fresh.
mlir::OpOperand *tiedOperand(mlir::OpResult result);

/// Positions of ops and last uses of values in a function of one block. Linear in the number of
/// ops.
class Liveness {
public:
  explicit Liveness(mlir::func::FuncOp func);

  int64_t positionOf(mlir::Operation *op) const { return positions.lookup(op); }
  /// Position of the last op that reads the value itself (a view of it counts where it is made).
  int64_t lastUse(mlir::Value value) const { return lastUses.lookup(value); }
  /// Position of the last op that reads the value's bytes through views, joins and ops that update
  /// it in place, if all of those go as one would wish.
  int64_t lastUseOfBytes(mlir::Value value) const { return lastUsesOfBytes.lookup(value); }
  /// Whether the value's bytes are to become a part of a join.
  bool feedsJoin(mlir::Value value) const { return joined.contains(value); }
  /// Whether the value ends, through ops that update it in place, in the parameter or buffer range
  /// that it was read from.
  bool returnsHome(mlir::Value value, mlir::Operation *getter) const;

private:
  llvm::DenseMap<mlir::Operation *, int64_t> positions;
  llvm::DenseMap<mlir::Value, int64_t> lastUses, lastUsesOfBytes;
  llvm::DenseSet<mlir::Value> joined;
};

/// Sets firstStep and lastStep of every arena storage.
void computeLifetimes(ProgramPlan &plan);

/// Most bytes of the arena that are live at one step, and that step (-1 without steps).
struct PeakLive {
  int64_t bytes = 0;
  int64_t step = -1;
};
PeakLive peakLive(const ProgramPlan &plan);

} // namespace swamla
