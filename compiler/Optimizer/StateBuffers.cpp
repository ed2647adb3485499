//===- StateBuffers.cpp - where optimizer states lie, in each format ------===//
#include "compiler/Optimizer/StateBuffers.h"

using namespace mlir;

namespace swamla {

static std::string scaleBuffer(StringRef buffer) { return (buffer + ".scale").str(); }

int64_t StateBuffers::blockOf(OptimizerState state) {
  switch (state) {
  case OptimizerState::Fp32:
  case OptimizerState::Bf16:
    return flatRowWidth;
  case OptimizerState::Fp8:
  case OptimizerState::Int8:
    return 256;
  case OptimizerState::Int4:
    return 128;
  }
  llvm_unreachable("unknown format");
}

StateFormat StateBuffers::format() const {
  switch (state) {
  case OptimizerState::Bf16:
    return StateFormat::bf16;
  case OptimizerState::Fp8:
    return StateFormat::fp8;
  case OptimizerState::Int8:
    return StateFormat::int8;
  case OptimizerState::Int4:
    return StateFormat::int4;
  case OptimizerState::Fp32:
    break;
  }
  llvm_unreachable("f32 has no codes");
}

Type StateBuffers::codeType() const {
  switch (state) {
  case OptimizerState::Fp32:
    return builder.getF32Type();
  case OptimizerState::Bf16:
    return builder.getBF16Type();
  case OptimizerState::Fp8:
    return Float8E4M3FNType::get(builder.getContext());
  case OptimizerState::Int8:
  case OptimizerState::Int4:
    return builder.getI8Type();
  }
  llvm_unreachable("unknown format");
}

void StateBuffers::declare(StringRef buffer, int64_t elements, int64_t blocks) {
  if (!hasScales()) // the layout of the parameters
    return;
  auto codes = RankedTensorType::get({elements / parts()}, codeType());
  auto scales = RankedTensorType::get({blocks}, builder.getF32Type());
  StateOp::create(builder, loc, buffer, codes);
  StateOp::create(builder, loc, scaleBuffer(buffer), scales);
}

LoadedState StateBuffers::load(StringRef buffer, bool nonnegative, FlatRange range) {
  LoadedState loaded{buffer, nonnegative, {}, {}, {}};
  loaded.codes = create<GetFlatOp>(codesType(range), buffer, codesBegin(range));
  if (state == OptimizerState::Fp32) {
    loaded.values.push_back(loaded.codes);
    return loaded;
  }
  SmallVector<Type> types;
  for (int64_t i = 0; i < parts(); ++i) {
    FlatRange part = range.part(i, parts());
    types.push_back(part.type(builder.getF32Type()));
    if (hasScales())
      loaded.scales.push_back(create<GetFlatOp>(part.rowType(builder.getF32Type()),
                                                scaleBuffer(buffer), part.firstBlock));
  }
  auto values =
      create<LoadStateOp>(types, format(), nonnegative, loaded.codes, loaded.scales).getValues();
  loaded.values.append(values.begin(), values.end());
  return loaded;
}

SmallVector<std::function<void()>> StateBuffers::replace(const LoadedState &loaded, FlatRange range,
                                                         ValueRange values, Value norm) {
  SmallVector<std::function<void()>> stores;
  auto store = [&](const std::string &buffer, int64_t offset, Value value) {
    stores.push_back([=, this] { create<SetFlatOp>(buffer, offset, value); });
  };
  if (state == OptimizerState::Fp32) {
    store(loaded.buffer.str(), range.begin, values.front());
    return stores;
  }
  SmallVector<Type> scaleTypes(ValueRange(loaded.scales).getTypes());
  auto stored = create<StoreStateOp>(loaded.codes.getType(), scaleTypes, format(),
                                     loaded.nonnegative, values, loaded.codes, loaded.scales, norm);
  store(loaded.buffer.str(), codesBegin(range), stored.getNewCodes());
  for (auto [i, scale] : llvm::enumerate(stored.getNewScales()))
    store(scaleBuffer(loaded.buffer), range.part(static_cast<int64_t>(i), parts()).firstBlock,
          scale);
  return stores;
}

} // namespace swamla
