//===- ApplyBuilder.cpp - emits the bodies of @apply and @cast ------------===//
#include "compiler/Optimizer/ApplyBuilder.h"

using namespace mlir;

namespace swamla {

Value ApplyBuilder::get(StringRef buffer, FlatRange range) {
  return create<GetFlatOp>(range.type(builder.getF32Type()), buffer, range.begin);
}

Value ApplyBuilder::castToWorking(FlatRange range, Value params) {
  return create<CastOp>(range.type(builder.getBF16Type()), params);
}

ClipFactorOp ApplyBuilder::buildClip(FlatRange all) {
  Value grads = get("grads", all);
  Value rows = create<SquareSumOp>(all.rowType(builder.getF32Type()), grads);
  Value sum = create<SumOp>(numberType, rows);
  return create<ClipFactorOp>(numberType, numberType, sum, scalar("grad_scale"), scalar("clip"));
}

ArrayRef<StringRef> ApplyBuilder::stateBuffers() const {
  static constexpr StringRef adamw[] = {"adamw.m", "adamw.v"}, lion[] = {"lion.m"};
  return kind == OptimizerKind::Adamw ? ArrayRef(adamw) : ArrayRef(lion);
}

SmallVector<Value> ApplyBuilder::scalars(ClipFactorOp clip) {
  static constexpr StringRef adamw[] = {
      "lr", "beta1", "beta2", "eps", "weight_decay", "bias_correction1", "bias_correction2"};
  static constexpr StringRef lion[] = {"lr", "beta1", "beta2", "weight_decay"};
  SmallVector<Value> values{clip.getFactor(), clip.getNorm()};
  for (StringRef name : kind == OptimizerKind::Adamw ? ArrayRef(adamw) : ArrayRef(lion))
    values.push_back(scalar(name));
  return values;
}

ValueRange ApplyBuilder::createUpdate(FlatRange range, ArrayRef<Value> values, ValueRange numbers) {
  Type type = range.type(builder.getF32Type()), gradient = keepGrads ? Type() : type;
  if (kind == OptimizerKind::Adamw)
    return create<AdamwOp>(type, gradient, type, type, values[0], values[1], values[2], values[3],
                           numbers, range.decay)
        ->getResults();
  return create<LionOp>(type, gradient, type, values[0], values[1], values[2], numbers, range.decay)
      ->getResults();
}

void ApplyBuilder::buildUpdate(FlatRange range, ClipFactorOp clip) {
  SmallVector<StringRef> buffers{"params", "grads"};
  llvm::append_range(buffers, stateBuffers());
  SmallVector<Value> numbers = scalars(clip), values;
  for (StringRef buffer : buffers)
    values.push_back(get(buffer, range));
  ValueRange updated = createUpdate(range, values, numbers);
  // Before the stores: next to the update, so that the two become one op.
  Value working = range.hasWorkingCopy ? castToWorking(range, updated[0]) : Value();
  if (keepGrads)
    buffers.erase(buffers.begin() + 1);
  for (auto [buffer, value] : llvm::zip_equal(buffers, updated))
    create<SetFlatOp>(buffer, range.begin, value);
  if (working)
    create<SetFlatOp>(kWorkingBuffer, range.begin, working);
}

void ApplyBuilder::buildCast(FlatRange range) {
  create<SetFlatOp>(kWorkingBuffer, range.begin, castToWorking(range, get("params", range)));
}

} // namespace swamla
