//===- Specialize.cpp - the batch becomes static --------------------------===//
#include "compiler/Expand/Passes.h"

using namespace mlir;

namespace swamla {
#define GEN_PASS_DEF_SPECIALIZEPASS
#include "compiler/Expand/Passes.h.inc"

namespace {
class SpecializePass : public impl::SpecializePassBase<SpecializePass> {
public:
  using SpecializePassBase::SpecializePassBase;
  void runOnOperation() override;

private:
  LogicalResult specialize(ModelOp model);
};
} // namespace

static RankedTensorType withBatch(RankedTensorType type, int64_t batch) {
  SmallVector<int64_t> shape(type.getShape());
  shape[0] = batch;
  return RankedTensorType::get(shape, type.getElementType());
}

LogicalResult SpecializePass::specialize(ModelOp model) {
  Block &body = model.getBody().front();
  int64_t found = cast<RankedTensorType>(body.getArgument(0).getType()).getDimSize(0);
  bool isDynamic = ShapedType::isDynamic(found);
  if (batch == 0 && !isDynamic)
    return success();
  if (batch < 1)
    return model.emitError() << "the model has no batch yet: expected a batch >= 1 (--batch=N), "
                                "found "
                             << batch.getValue();
  if (!isDynamic && found != batch)
    return model.emitError() << "expected a model without a batch, or with batch "
                             << batch.getValue() << " as asked for, found one with batch " << found;
  auto setBatch = [&](Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (type && type.getRank() > 0 && type.isDynamicDim(0))
      value.setType(withBatch(type, batch));
  };
  for (Value argument : body.getArguments())
    setBatch(argument);
  for (Operation &op : body)
    for (Value result : op.getResults())
      setBatch(result);
  return success();
}

void SpecializePass::runOnOperation() {
  if (batch < 0) {
    getOperation().emitError() << "batch: expected a number >= 1, found " << batch.getValue();
    return signalPassFailure();
  }
  for (ModelOp model : getOperation().getOps<ModelOp>())
    if (failed(specialize(model)))
      return signalPassFailure();
}

} // namespace swamla
