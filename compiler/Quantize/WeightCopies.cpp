//===- WeightCopies.cpp - fp8 copies of parameters ------------------------===//
#include "compiler/Quantize/WeightCopies.h"

#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace swamla {

/// A weight as its declaration says it.
static FailureOr<QuantizedWeight> describe(Operation *symbol, StringAttr name) {
  auto param = dyn_cast<ParamOp>(symbol);
  auto group = dyn_cast<ParamGroupOp>(symbol);
  std::optional<uint64_t> offset = param ? param.getOffset() : group.getOffset();
  auto site = symbol->getAttrOfType<IntegerAttr>(kScaleSiteAttr);
  if (!offset || !site)
    return symbol->emitOpError() << "is read as fp8 and has no "
                                 << (offset ? StringRef(kScaleSiteAttr) : "offset")
                                 << "; run --swamla-quantize and --swamla-layout-params first";
  auto type = cast<RankedTensorType>(param ? param.getType() : group.getType());
  return QuantizedWeight{name, type, static_cast<int64_t>(*offset), site.getInt()};
}

FailureOr<SmallVector<QuantizedWeight>> findQuantizedWeights(ModuleOp module) {
  SymbolTable symbols(module);
  llvm::MapVector<StringAttr, QuantizedWeight> found;
  WalkResult walked = module.walk([&](GetParamOp get) {
    if (!isa<Float8E4M3FNType>(cast<RankedTensorType>(get.getType()).getElementType()))
      return WalkResult::advance();
    StringAttr name = get.getParamAttr().getAttr();
    if (!found.contains(name)) {
      FailureOr<QuantizedWeight> weight = describe(symbols.lookup(name), name);
      if (failed(weight))
        return WalkResult::interrupt();
      found[name] = *weight;
    }
    (get.getTransposed() ? found[name].transposed : found[name].straight) = true;
    return WalkResult::advance();
  });
  if (walked.wasInterrupted())
    return failure();
  SmallVector<QuantizedWeight> weights;
  for (auto &[name, weight] : found)
    weights.push_back(weight);
  llvm::sort(weights, [](const auto &a, const auto &b) { return a.site < b.site; });
  return weights;
}

Value WeightCopier::read(const QuantizedWeight &weight) {
  return create<GetFlatOp>(weight.type, "params", weight.offset);
}

void WeightCopier::copyWith(const QuantizedWeight &weight, Value matrix, Value scale) {
  // All copies before the first is stored, so that they become one pass over the matrix.
  int64_t rows = weight.type.getDimSize(0), columns = weight.type.getDimSize(1);
  Value straight, transposed;
  if (weight.straight)
    straight = create<QuantizeOp>(RankedTensorType::get({rows, columns}, format()), matrix, scale,
                                  /*transposed=*/false);
  if (weight.transposed)
    transposed = create<QuantizeOp>(RankedTensorType::get({columns, rows}, format()), matrix, scale,
                                    /*transposed=*/true);
  if (straight)
    create<SetFlatOp>(kF8WorkingBuffer, weight.offset, straight);
  if (transposed)
    create<SetFlatOp>(kF8TransposedBuffer, weight.offset, transposed);
}

/// In place: what is there is zero, or the same.
Value WeightCopier::createAmax(const QuantizedWeight &weight, Value matrix) {
  RankedTensorType type = f32({weight.type.getDimSize(0)});
  Value before = create<GetScalingOp>(type, kAmaxBuffer, amaxOffset(weight));
  return create<RowAmaxOp>(type, matrix, before);
}

void WeightCopier::copy(const QuantizedWeight &weight, Value matrix) {
  int64_t rows = weight.type.getDimSize(0), columns = weight.type.getDimSize(1);
  if (state.recipe == Recipe::Rowwise) {
    Value amax = create<RowAmaxOp>(f32({rows}), matrix, Value());
    Value scale = create<RowScaleOp>(f32({rows}), amax, format(), columns);
    copyWith(weight, matrix, scale);
    create<SetScalingOp>(kScaleBuffer, scaleOffset(state.recipe, weight.site), scale);
    return;
  }
  Value scale =
      create<GetScalingOp>(f32({1}), kScaleBuffer, scaleOffset(state.recipe, weight.site));
  Value amax = createAmax(weight, matrix);
  copyWith(weight, matrix, scale);
  create<SetScalingOp>(kAmaxBuffer, amaxOffset(weight), amax);
}

void WeightCopier::storeAmax(const QuantizedWeight &weight, Value matrix) {
  if (state.recipe == Recipe::Rowwise)
    return;
  Value amax = createAmax(weight, matrix);
  create<SetScalingOp>(kAmaxBuffer, amaxOffset(weight), amax);
}

void WeightCopier::forget(function_ref<Value(Value)> zeros) {
  if (state.recipe == Recipe::Rowwise)
    return;
  Value amax = create<GetScalingOp>(f32({state.sites, state.rows}), kAmaxBuffer, 0);
  create<SetScalingOp>(kAmaxBuffer, 0, zeros(amax));
  if (historyLength() == 0)
    return;
  Value history = create<GetScalingOp>(f32({historyLength(), state.sites}), kAmaxHistoryBuffer, 0);
  create<SetScalingOp>(kAmaxHistoryBuffer, 0, zeros(history));
}

void WeightCopier::updateScales() {
  if (state.recipe == Recipe::Rowwise)
    return;
  RankedTensorType each = f32({state.sites});
  Value amax = create<GetScalingOp>(f32({state.sites, state.rows}), kAmaxBuffer, 0);
  Value scale = create<GetScalingOp>(each, kScaleBuffer, 0, kScaleStride);
  SmallVector<Value> history;
  unsigned length = historyLength();
  for (unsigned i = 0; i < length; ++i)
    history.push_back(create<GetScalingOp>(each, kAmaxHistoryBuffer, i * state.sites));
  SmallVector<Type> types(length, each);
  auto update = create<UpdateScalesOp>(amax.getType(), each, types, amax, scale, history,
                                       state.cotangentsFrom, state.cotangents);
  create<SetScalingOp>(kAmaxBuffer, 0, update.getNewAmax());
  create<SetScalingOp>(kScaleBuffer, 0, update.getNewScale(), kScaleStride);
  for (auto [i, entry] : llvm::enumerate(update.getNewHistory()))
    create<SetScalingOp>(kAmaxHistoryBuffer, i * state.sites, entry);
}

} // namespace swamla
