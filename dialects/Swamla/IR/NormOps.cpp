//===- NormOps.cpp - normalisations and their gradients -------------------===//
#include "dialects/Swamla/IR/SwamlaDialect.h"
#include "dialects/Swamla/IR/VerifyUtils.h"

using namespace mlir;
using namespace swamla;

/// x: tensor<M x C>, weight: tensor<C> of its element type or f32.
static LogicalResult verifyRowsAndWeight(Operation *op, Value x, Value weight) {
  RankedTensorType type = tensorType(x);
  if (failed(expectRank(op, "x", type, 2, "tensor<M x C>")))
    return failure();
  return expectTensorOrWider(op, "weight", tensorType(weight), {type.getDimSize(1)},
                             type.getElementType());
}

LogicalResult RmsNormOp::verify() {
  /*rms_norm_c1*/
  if (failed(verifyRowsAndWeight(*this, getX(), getWeight())))
    return failure();
  /*rms_norm_c2*/
  return expectPositive(*this, "eps", getEps());
}

LogicalResult RmsNormGradOp::verify() {
  /*rms_norm_grad_c1*/
  if (failed(verifyRowsAndWeight(*this, getX(), getWeight())))
    return failure();
  /*rms_norm_grad_c2*/
  return expectPositive(*this, "eps", getEps());
}

LogicalResult LayerNormOp::verify() {
  /*layer_norm_c1*/
  if (failed(verifyRowsAndWeight(*this, getX(), getWeight())))
    return failure();
  /*layer_norm_c2*/
  return expectPositive(*this, "eps", getEps());
}

LogicalResult LayerNormGradOp::verify() {
  /*layer_norm_grad_c1*/
  if (failed(verifyRowsAndWeight(*this, getX(), getWeight())))
    return failure();
  /*layer_norm_grad_c2*/
  return expectPositive(*this, "eps", getEps());
}

LogicalResult DytOp::verify() {
  /*dyt_c1*/
  if (failed(verifyRowsAndWeight(*this, getX(), getWeight())))
    return failure();
  /*dyt_c2*/
  return expectTensor(*this, "alpha", tensorType(getAlpha()), {1});
}

LogicalResult DytGradOp::verify() {
  /*dyt_grad_c1*/
  if (failed(verifyRowsAndWeight(*this, getX(), getWeight())))
    return failure();
  /*dyt_grad_c2*/
  if (failed(expectTensor(*this, "alpha", tensorType(getAlpha()), {1})))
    return failure();
  /*dyt_grad_c3*/
  return expectTensor(*this, "dalpha_rows", tensorType(getDalphaRows()),
                      {tensorType(getX()).getDimSize(0)});
}
