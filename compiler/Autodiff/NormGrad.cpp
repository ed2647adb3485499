//===- NormGrad.cpp - gradient rules of the normalisations ----------------===//
// Row statistics are not saved: the grad ops recompute them from x, which the residual stream keeps
// alive anyway.
//===----------------------------------------------------------------------===//
#include "compiler/Autodiff/Rules.h"

using namespace mlir;

namespace swamla {

OperandCotangents RmsNormOp::buildGradient(OpBuilder &builder, ValueRange cotangents) {
  auto grad = RmsNormGradOp::create(builder, getLoc(), getX().getType(), getWeight().getType(),
                                    getX(), getWeight(), cotangents[0], getEpsAttr());
  return SmallVector<Value>{grad.getDx(), grad.getDweight()};
}

OperandCotangents LayerNormOp::buildGradient(OpBuilder &builder, ValueRange cotangents) {
  Type weightType = getWeight().getType();
  auto grad = LayerNormGradOp::create(builder, getLoc(), getX().getType(), weightType, weightType,
                                      getX(), getWeight(), cotangents[0], getEpsAttr());
  return SmallVector<Value>{grad.getDx(), grad.getDweight(), grad.getDbias()};
}

OperandCotangents DytOp::buildGradient(OpBuilder &builder, ValueRange cotangents) {
  auto xType = cast<RankedTensorType>(getX().getType());
  auto rowsType = RankedTensorType::get(xType.getShape().take_front(), xType.getElementType());
  Type weightType = getWeight().getType();
  auto grad = DytGradOp::create(builder, getLoc(), xType, rowsType, weightType, weightType, getX(),
                                getAlpha(), getWeight(), cotangents[0]);
  Value dalpha =
      SumOp::create(builder, getLoc(), getAlpha().getType(), grad.getDalphaRows()).getResult();
  return SmallVector<Value>{grad.getDx(), dalpha, grad.getDweight(), grad.getDbias()};
}

} // namespace swamla
