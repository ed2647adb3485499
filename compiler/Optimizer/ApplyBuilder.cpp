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

ArrayRef<ApplyBuilder::State> ApplyBuilder::allStates() const {
  static constexpr State adamw[] = {{"adamw.m", false}, {"adamw.v", true}};
  static constexpr State lion[] = {{"lion.m", false}};
  return config.kind == OptimizerKind::Adamw ? ArrayRef(adamw) : ArrayRef(lion);
}

void ApplyBuilder::declareStates(int64_t elements, int64_t blocks) {
  for (const State &state : allStates())
    states.declare(state.buffer, elements, blocks);
}

SmallVector<Value> ApplyBuilder::scalars(ClipFactorOp clip) {
  static constexpr StringRef adamw[] = {
      "lr", "beta1", "beta2", "eps", "weight_decay", "bias_correction1", "bias_correction2"};
  static constexpr StringRef lion[] = {"lr", "beta1", "beta2", "weight_decay"};
  SmallVector<Value> values{clip.getFactor(), clip.getNorm()};
  for (StringRef name : config.kind == OptimizerKind::Adamw ? ArrayRef(adamw) : ArrayRef(lion))
    values.push_back(scalar(name));
  return values;
}

ValueRange ApplyBuilder::createUpdate(FlatRange range, ArrayRef<Value> values, ValueRange numbers) {
  Type type = range.type(builder.getF32Type()), gradient = config.keepGrads ? Type() : type;
  if (config.kind == OptimizerKind::Adamw)
    return create<AdamwOp>(type, gradient, type, type, values[0], values[1], values[2], values[3],
                           numbers, range.decay)
        ->getResults();
  return create<LionOp>(type, gradient, type, values[0], values[1], values[2], numbers, range.decay)
      ->getResults();
}

void ApplyBuilder::buildUpdate(FlatRange range, ClipFactorOp clip) {
  SmallVector<Value> numbers = scalars(clip);
  int64_t parts = states.parts();
  SmallVector<SmallVector<Value>, 2> values(parts);
  for (int64_t i = 0; i < parts; ++i)
    for (StringRef buffer : {"params", "grads"})
      values[i].push_back(get(buffer, range.part(i, parts)));
  SmallVector<LoadedState, 2> loaded;
  for (const State &state : allStates()) {
    loaded.push_back(states.load(state.buffer, state.nonnegative, range));
    for (int64_t i = 0; i < parts; ++i)
      values[i].push_back(loaded.back().values[i]);
  }
  // All that is computed comes before the stores, and becomes one op.
  SmallVector<std::function<void()>> stores;
  SmallVector<SmallVector<Value, 2>, 2> newStates(loaded.size());
  for (int64_t i = 0; i < parts; ++i) {
    FlatRange part = range.part(i, parts);
    ValueRange updated = createUpdate(part, values[i], numbers);
    for (auto [state, value] : llvm::zip_equal(newStates, updated.take_back(loaded.size())))
      state.push_back(value);
    Value working = range.hasWorkingCopy ? castToWorking(part, updated[0]) : Value();
    if (range.weight >= 0)
      copier->copy(weights[range.weight], updated[0]);
    stores.push_back([=, this] {
      create<SetFlatOp>("params", part.begin, updated[0]);
      if (!config.keepGrads)
        create<SetFlatOp>("grads", part.begin, updated[1]);
      if (working)
        create<SetFlatOp>(kWorkingBuffer, part.begin, working);
    });
  }
  for (auto [state, next] : llvm::zip_equal(loaded, newStates))
    llvm::append_range(stores, states.replace(state, range, next, clip.getNorm()));
  for (const std::function<void()> &store : stores)
    store();
}

void ApplyBuilder::buildCast(FlatRange range) {
  create<SetFlatOp>(kWorkingBuffer, range.begin, castToWorking(range, get("params", range)));
}

} // namespace swamla
