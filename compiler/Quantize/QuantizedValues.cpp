//===- QuantizedValues.cpp - fp8 copies of the values of a function -------===//
#include "compiler/Quantize/QuantizedValues.h"

#include "compiler/Fuse/FusedSpec.h"
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

static RankedTensorType transposedType(Value x, Type format) {
  RankedTensorType type = tensorType(x);
  return RankedTensorType::get({type.getDimSize(1), type.getDimSize(0)}, format);
}

Value QuantizedValues::quantize(Value x, Value part, Value scale, Type format, bool transposed) {
  RankedTensorType type =
      transposed ? transposedType(part, format) : tensorType(part).clone(format);
  return place.placed(x,
                      QuantizeOp::create(place.at(x), x.getLoc(), type, part, scale, transposed));
}

/// Whether `x` comes from the forward, costs a pass of its own to quantise, and is alive behind
/// `reader`, an op of the backward, in any case.
static bool isSavedBeyond(Value x, Operation *reader) {
  Operation *maker = x.getDefiningOp();
  if (!maker || isa<RowwiseOpInterface>(maker) || isInBackward(maker) || !isInBackward(reader))
    return false;
  return llvm::any_of(x.getUsers(), [&](Operation *user) {
    return user != reader && isInBackward(user) && reader->isBeforeInBlock(user);
  });
}

Value QuantizedValues::get(Value x, Value scale, Type format, bool transposed, Operation *reader) {
  auto [entry, isNew] = copies.try_emplace({x, transposed ? 1 : 0});
  if (!isNew)
    return entry->second;
  if (transposed && isSavedBeyond(x, reader)) {
    OpBuilder builder(reader);
    auto late = QuantizeOp::create(builder, reader->getLoc(), transposedType(x, format), x, scale,
                                   /*transposed=*/true);
    late->setDiscardableAttrs(reader->getDiscardableAttrDictionary());
    return entry->second = late;
  }
  SmallVector<Value> parts = inParts ? partsOf(x) : SmallVector<Value>{x};
  for (Value &part : parts)
    part = quantize(x, part, scale, format, transposed);
  if (parts.size() == 1)
    return entry->second = parts[0];
  if (!transposed)
    return entry->second = place.placed(
               x, JoinOp::create(place.at(x), x.getLoc(), tensorType(x).clone(format), parts, 1));
  return entry->second = place.placed(
             x, JoinRowsOp::create(place.at(x), x.getLoc(), transposedType(x, format), parts));
}

} // namespace swamla
