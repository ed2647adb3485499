//===- Placement.cpp - gives every value of a function a place ------------===//
#include "compiler/Plan/Placement.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace swamla {

Placement::Placement(func::FuncOp func, PlanBuffers &buffers, KernelOutliner &outliner)
    : buffers(buffers), outliner(outliner), liveness(func) {
  plan.func = func;
}

FailureOr<ProgramPlan> Placement::run() {
  if (failed(placeArguments()))
    return failure();
  for (Operation &op : plan.func.getBody().front())
    if (failed(visit(&op)))
      return failure();
  if (!pendingWrites.empty()) {
    Value value = plan.places[pendingWrites.front()].value;
    return value.getDefiningOp()->emitOpError()
           << "updates a parameter buffer in place, but no set_grad or set_flat stores the result";
  }
  return std::move(plan);
}

LogicalResult Placement::visit(Operation *op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([](tensor::EmptyOp) { return success(); })
      .Case<GetParamOp, GetGradOp, GetFlatOp, GetScalingOp, ScalarOp>(
          [&](Operation *getter) { return placePersistent(getter); })
      .Case([&](SetGradOp set) {
        FailureOr<int64_t> offset = buffers.paramOffset(op, set.getParamAttr());
        if (failed(offset))
          return failure();
        auto type = cast<RankedTensorType>(set.getValue().getType());
        return store(op, set.getValue(), "grads", Layout::dense(type, *offset));
      })
      .Case([&](SetFlatOp set) {
        auto type = cast<RankedTensorType>(set.getValue().getType());
        if (failed(buffers.useFlat(op, set.getBuffer(), type)))
          return failure();
        return store(op, set.getValue(), set.getBuffer(),
                     Layout::dense(type, static_cast<int64_t>(set.getOffset())));
      })
      .Case([&](SetScalingOp set) {
        auto type = cast<RankedTensorType>(set.getValue().getType());
        auto offset = static_cast<int64_t>(set.getOffset());
        Layout layout = buffers.scalingRange(set.getBuffer(), type, offset,
                                             static_cast<int64_t>(set.getStride()));
        return store(op, set.getValue(), set.getBuffer(), layout);
      })
      .Case([&](SplitOp split) { return placeSplit(split), success(); })
      .Case([&](SliceRowsOp slice) { return placeSlice(slice), success(); })
      .Case(
          [&](JoinOp join) { return placeJoin(op, join.getHeads(), /*byRows=*/false), success(); })
      .Case([&](JoinRowsOp join) {
        bool vectors = join.getType().getRank() == 1; // end to end: columns of one row
        return placeJoin(op, 1, !vectors), success();
      })
      .Case<FusedOp, MatmulOp, AttentionOp, AttentionGradOp, EmbeddingGradOp>(
          [&](Operation *compute) { return placeCompute(compute); })
      .Case([&](func::ReturnOp ret) { return storeResults(ret); })
      .Default([](Operation *other) {
        return other->emitOpError()
               << "is illegal for --swamla-plan; expected swamla.fused, matmul, attention, their "
                  "gradients, views, and accesses to parameters: other ops are converted by "
                  "--swamla-form-fused, gradients by --swamla-accumulate-grads";
      });
}

Storage *Placement::persistent(StringRef buffer, RankedTensorType type) {
  auto [entry, isNew] = persistents.try_emplace(buffer, nullptr);
  if (isNew)
    entry->second = plan.addPersistentStorage(buffer, elementBytes(type));
  return entry->second;
}

} // namespace swamla
