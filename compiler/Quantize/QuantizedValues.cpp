//===- QuantizedValues.cpp - fp8 copies of the values of a function -------===//
#include "compiler/Quantize/QuantizedValues.h"

#include "dialects/Swamla/IR/VerifyUtils.h"

using namespace mlir;

namespace swamla {

/// The op whose pass over memory makes a value, or the value that it is with other scales.
static Operation *makerOf(Value part) {
  auto scaled = part.getDefiningOp<ScaleColumnsOp>();
  return (scaled ? scaled.getX() : part).getDefiningOp();
}

SmallVector<Value> partsOf(Value x) {
  auto join = x.getDefiningOp<JoinOp>();
  if (!join || join.getHeads() != 1)
    return {x};
  SmallVector<Value> parts(join.getParts());
  Operation *maker = makerOf(parts[0]);
  bool together =
      isa_and_present<RowwiseOpInterface>(maker) && llvm::all_of(parts, [&](Value part) {
        return makerOf(part) == maker && part.getType() == parts[0].getType();
      });
  return together ? parts : SmallVector<Value>{x};
}

OpBuilder &BehindValue::at(Value x) {
  Operation *maker = x.getDefiningOp(), *after = last.lookup(maker);
  if (after || maker)
    builder.setInsertionPointAfter(after ? after : maker);
  else
    builder.setInsertionPointToStart(x.getParentBlock());
  return builder;
}

Value QuantizedValues::quantize(Value x, Value part, Value scale, Type format, bool transposed) {
  RankedTensorType type = tensorType(part);
  SmallVector<int64_t> shape(type.getShape());
  if (transposed)
    std::swap(shape[0], shape[1]);
  return place.placed(x, QuantizeOp::create(place.at(x), x.getLoc(), type.clone(shape, format),
                                            part, scale, transposed));
}

Value QuantizedValues::get(Value x, Value scale, Type format, bool transposed) {
  auto [entry, isNew] = copies.try_emplace({x, transposed ? 1 : 0});
  if (!isNew)
    return entry->second;
  SmallVector<Value> parts = inParts ? partsOf(x) : SmallVector<Value>{x};
  for (Value &part : parts)
    part = quantize(x, part, scale, format, transposed);
  if (parts.size() == 1)
    return entry->second = parts[0];
  RankedTensorType type = tensorType(x);
  SmallVector<int64_t> shape(type.getShape());
  if (!transposed)
    return entry->second = place.placed(
               x, JoinOp::create(place.at(x), x.getLoc(), type.clone(shape, format), parts, 1));
  std::swap(shape[0], shape[1]);
  return entry->second = place.placed(
             x, JoinRowsOp::create(place.at(x), x.getLoc(), type.clone(shape, format), parts));
}

} // namespace swamla
