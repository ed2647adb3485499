//===- AttentionGrad.cpp - gradient rules of rope and attention -----------===//
#include "compiler/Autodiff/Rules.h"

using namespace mlir;

namespace swamla {

// A rotation's transpose is its inverse.
OperandCotangents RopeOp::buildGradient(OpBuilder &builder, ValueRange cotangents) {
  auto dx = RopeOp::create(builder, getLoc(), getX().getType(), cotangents[0], getCos(), getSin(),
                           getHeads(), getOffset(), !getInverse());
  return SmallVector<Value>{dx.getResult(), Value(), Value()};
}

OperandCotangents ScaleRowsOp::buildGradient(OpBuilder &builder, ValueRange cotangents) {
  auto dx = ScaleRowsOp::create(builder, getLoc(), getX().getType(), cotangents[0], getScale());
  return SmallVector<Value>{dx.getResult(), Value()};
}

// delta = rowsum(dP o P) = rowsum(dO o O) turns the softmax's gradient into P o (dP - delta)
// without a second pass over the scores (Dao et al., arXiv:2205.14135).
OperandCotangents AttentionOp::buildGradient(OpBuilder &builder, ValueRange cotangents) {
  Value dout = cotangents[0];
  if (cotangents[1]) {
    emitOpError("has no gradient rule for its log-sum-exp; differentiate only what depends on the "
                "first result");
    return failure();
  }
  Location loc = getLoc();
  Value delta =
      AttentionDeltaOp::create(builder, loc, getLse().getType(), getResult(), dout, getHeads());
  SmallVector<Type, 1> dsharedType;
  if (Value shared = getShared()) {
    auto type = cast<RankedTensorType>(shared.getType());
    dsharedType.push_back(
        type.clone({type.getDimSize(0), type.getDimSize(1) * static_cast<int64_t>(getHeads())}));
  }
  auto grad = AttentionGradOp::create(
      builder, loc, getQ().getType(), getK().getType(), getV().getType(), dsharedType, getQ(),
      getK(), getV(), getShared(), dout, getLse(), delta, /*out=*/Value(), getSeqAttr(),
      getHeadsAttr(), getKvHeadsAttr(), getScaleAttr(), getWindowAttr(), getSinkAttr());
  SmallVector<Value> result{grad.getDq(), grad.getDk(), grad.getDv()};
  if (Value shared = getShared())
    result.push_back(
        HeadSumOp::create(builder, loc, shared.getType(), grad.getDshared(), getHeads()));
  return result;
}

} // namespace swamla
