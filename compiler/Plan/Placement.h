//===- Placement.h - gives every value of a function a place --------------===//
//
// One walk over the function in order. Views share their source's storage,
// ops that update in place share their operand's, all others get a storage of
// their own; a join then pulls the storages of its parts into its own. Copies
// are inserted where a value would have to be in two places.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Plan/Buffers.h"
#include "compiler/Plan/Liveness.h"
#include "compiler/Plan/ProgramPlan.h"

#include "llvm/ADT/StringMap.h"

namespace swamla {

class Placement {
public:
  Placement(mlir::func::FuncOp func, PlanBuffers &buffers, KernelOutliner &outliner);

  /// Fills the plan. Fails, with a diagnostic, on an op that no phase should have left, and where
  /// the bytes of a parameter would be overwritten before their last reader.
  mlir::FailureOr<ProgramPlan> run();

private:
  mlir::LogicalResult visit(mlir::Operation *op);

  // Persistent.cpp: values that live in buffers with names.
  mlir::LogicalResult placePersistent(mlir::Operation *op);
  mlir::LogicalResult placeArguments();
  mlir::LogicalResult store(mlir::Operation *op, mlir::Value value, llvm::StringRef buffer,
                            const Layout &target);
  mlir::LogicalResult storeResults(mlir::func::ReturnOp op);
  mlir::LogicalResult checkNoPendingWrite(mlir::Operation *op, const Place &place);
  /// The storage of a buffer with a name, whose elements are like those of `type`.
  Storage *persistent(llvm::StringRef buffer, mlir::RankedTensorType type);

  // Views.cpp: splits, slices and joins.
  void placeSplit(SplitOp op);
  void placeSlice(SliceRowsOp op);
  void placeJoin(mlir::Operation *op, int64_t heads, bool byRows);
  bool pullInto(mlir::Value part, Storage *into, const Layout &target);
  bool canMove(Storage *storage, llvm::ArrayRef<Layout> layouts);
  /// The place of a dense copy of a value, made just now.
  unsigned copyToDense(mlir::Operation *op, mlir::Value value);

  // InPlace.cpp: ops that compute.
  mlir::LogicalResult placeCompute(mlir::Operation *op);
  unsigned placeTied(mlir::OpOperand &operand, mlir::OpResult result);
  bool canTakeOver(mlir::OpOperand &operand, mlir::OpResult result);
  bool mayWritePersistent(const Place &place, mlir::OpOperand &operand, mlir::OpResult result);
  bool hasLaterReader(const Place &place, mlir::Operation *op);
  bool sharesBytesWithOperands(mlir::OpOperand &operand, mlir::OpResult result);
  static bool sameElements(FusedOp op, unsigned in, unsigned out);

  // Reuse.cpp: fresh results where operands die.
  void reuseDyingOperands(FusedOp op);
  void reuseTogether(FusedOp op);
  bool canReuse(FusedOp op, unsigned in, unsigned out);
  bool outlives(const Place &place, mlir::Value result);
  void takeOver(FusedOp op, unsigned in, unsigned out);

  void copy(mlir::Operation *op, unsigned from, unsigned to) {
    plan.steps.push_back({StepKind::Copy, op, {from, to}});
  }

  ProgramPlan plan;
  PlanBuffers &buffers;
  KernelOutliner &outliner;
  Liveness liveness;
  llvm::StringMap<Storage *> persistents;
  /// Places in persistent buffers that hold a new value that its set_grad or set_flat has not
  /// reached yet.
  llvm::SmallVector<unsigned> pendingWrites;
};

} // namespace swamla
