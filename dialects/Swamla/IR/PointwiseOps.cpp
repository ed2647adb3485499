//===- PointwiseOps.cpp - elementwise and small row-wise ops --------------===//
#include "dialects/Swamla/IR/SwamlaDialect.h"
#include "dialects/Swamla/IR/VerifyUtils.h"

using namespace mlir;
using namespace swamla;

/// A sum of what is wide, such as two contributions to one gradient, is wide itself.
ResultPrecision AddOp::getResultPrecision(unsigned) {
  bool isWide =
      llvm::all_of(getOperands(), [](Value v) { return tensorType(v).getElementType().isF32(); });
  return isWide ? ResultPrecision::AsUsed : ResultPrecision::Narrow;
}

LogicalResult BiasAddOp::verify() {
  /*bias_add_c1*/
  RankedTensorType x = tensorType(getX());
  if (failed(expectRank(*this, "x", x, 2, "tensor<M x C>")))
    return failure();
  return expectTensorOrWider(*this, "bias", tensorType(getBias()), {x.getDimSize(1)},
                             x.getElementType());
}

LogicalResult ColumnSumOp::verify() {
  /*column_sum_c1*/
  RankedTensorType x = tensorType(getX());
  if (failed(expectRank(*this, "x", x, 2, "tensor<M x C>")))
    return failure();
  return expectTensorOrWider(*this, "result", tensorType(getResult()), {x.getDimSize(1)},
                             x.getElementType());
}

LogicalResult SumOp::verify() {
  /*sum_c1*/
  RankedTensorType x = tensorType(getX());
  if (failed(expectRank(*this, "x", x, 1, "tensor<N>")))
    return failure();
  return expectTensor(*this, "result", tensorType(getResult()), {1}, x.getElementType());
}

LogicalResult HeadSumOp::verify() {
  /*head_sum_c1*/
  RankedTensorType x = tensorType(getX());
  int64_t heads = getHeads();
  if (failed(expectRank(*this, "x", x, 2, "tensor<M x (H * D)>")) ||
      failed(expectDivides(*this, "heads", heads, "the width of x", x.getDimSize(1))))
    return failure();
  return expectTensor(*this, "result", tensorType(getResult()),
                      {x.getDimSize(0), x.getDimSize(1) / heads}, x.getElementType());
}

LogicalResult CastOp::verify() {
  /*cast_c1*/
  RankedTensorType x = tensorType(getX()), result = tensorType(getResult());
  if (!isa<FloatType>(x.getElementType()) || !isa<FloatType>(result.getElementType()))
    return emitOpError() << "expected float elements, found " << x << " and " << result;
  return expectTensor(*this, "result", result, x.getShape());
}

LogicalResult DropoutOp::verify() {
  /*dropout_c1*/
  double p = getP().convertToDouble();
  if (!(p > 0.0 && p < 1.0))
    return emitOpError() << "p: expected 0 < p < 1, found " << p;
  /*dropout_c2*/
  if (failed(expectTensor(*this, "key", tensorType(getKey()), {1},
                          IntegerType::get(getContext(), 32))))
    return failure();
  /*dropout_c3*/
  return expectInt(*this, "site", static_cast<int32_t>(getSite()), 0);
}
