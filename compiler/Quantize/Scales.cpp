//===- Scales.cpp - the scales of the values of a function ----------------===//
#include "compiler/Quantize/Scales.h"

#include "dialects/Swamla/IR/VerifyUtils.h"

using namespace mlir;

namespace swamla {

static RankedTensorType vectorOf(MLIRContext *context, int64_t size) {
  return RankedTensorType::get({size}, Float32Type::get(context));
}

Scales::Scales(const ScalingLayout &layout, BehindValue &place, func::FuncOp func)
    : layout(layout), place(place), func(func) {
  // An evaluation must not change what training does.
  learns = !func.getOps<AddGradOp>().empty();
}

/// The amax of each row of x, and of `init` where given.
Value Scales::rowAmax(Value x, Value init) {
  Type type = vectorOf(x.getContext(), tensorType(x).getDimSize(0));
  for (Value part : partsOf(x))
    init = place.placed(x, RowAmaxOp::create(place.at(x), x.getLoc(), type, part, init));
  return init;
}

Value Scales::computed(Value x, Type format) {
  Value rows = rowAmax(x, Value());
  if (layout.getRecipe() == Recipe::Tensorwise)
    return place.placed(x, TensorScaleOp::create(place.at(x), x.getLoc(),
                                                 vectorOf(x.getContext(), 1), rows, format));
  int64_t columns = tensorType(partsOf(x)[0]).getDimSize(1);
  return place.placed(
      x, RowScaleOp::create(place.at(x), x.getLoc(), rows.getType(), rows, format, columns));
}

Value Scales::delayed(Value x, const Site &site) {
  int64_t number = layout.site(site);
  Value scale =
      place.placed(x, GetScalingOp::create(place.at(x), x.getLoc(), vectorOf(x.getContext(), 1),
                                           kScaleBuffer, layout.siteScale(site)));
  if (!learns)
    return scale;
  // Of all micro steps of a step: the amaxes are zero before the first.
  int64_t offset = number * layout.rows();
  Value before =
      place.placed(x, GetScalingOp::create(place.at(x), x.getLoc(),
                                           vectorOf(x.getContext(), tensorType(x).getDimSize(0)),
                                           kAmaxBuffer, offset));
  seen.emplace_back(offset, rowAmax(x, before));
  return scale;
}

Value Scales::of(Value x, const Site &site, Type format) {
  if (Value known = byValue.lookup(x))
    return bySite[site] = known;
  Value &scale = bySite[site];
  if (!scale)
    scale = layout.getRecipe() == Recipe::Delayed ? delayed(x, site) : computed(x, format);
  return byValue[x] = scale;
}

Value Scales::ofWeight(Operation *user, StringAttr param, int64_t rows) {
  Value &scale = weights[param];
  if (scale)
    return scale;
  OpBuilder builder = OpBuilder::atBlockBegin(&func.getBody().front());
  int64_t size = layout.getRecipe() == Recipe::Rowwise ? rows : 1;
  auto get = GetScalingOp::create(builder, user->getLoc(), vectorOf(user->getContext(), size),
                                  kScaleBuffer, layout.weightScale(param));
  return scale = get;
}

void Scales::finish() {
  OpBuilder builder(func.getBody().front().getTerminator());
  for (auto [offset, rows] : seen)
    SetScalingOp::create(builder, rows.getLoc(), kAmaxBuffer, offset, rows);
}

} // namespace swamla
