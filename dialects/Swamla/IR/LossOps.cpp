//===- LossOps.cpp - head and cross-entropy -------------------------------===//
#include "dialects/Swamla/IR/SwamlaDialect.h"
#include "dialects/Swamla/IR/VerifyUtils.h"

using namespace mlir;
using namespace swamla;

static Type i32(Operation *op) { return IntegerType::get(op->getContext(), 32); }

//===----------------------------------------------------------------------===//
// linear_cross_entropy and its gradient
//===----------------------------------------------------------------------===//

/// (C1) to (C4), which the op and its gradient share.
static LogicalResult verifyHead(Operation *op, Value x, Value weight, Value targets, Value loss,
                                const llvm::APFloat &smoothing) {
  RankedTensorType xType = tensorType(x), wType = tensorType(weight);
  RankedTensorType tType = tensorType(targets);
  /*linear_cross_entropy_c1*/
  if (failed(expectRank(op, "x", xType, 2, "tensor<M x C>")) ||
      failed(expectRank(op, "weight", wType, 2, "tensor<V x C>")) ||
      failed(expectTensor(op, "weight", wType, {wType.getDimSize(0), xType.getDimSize(1)},
                          xType.getElementType())) ||
      failed(expectTensor(op, "targets", tType, {xType.getDimSize(0)})))
    return failure();
  /*linear_cross_entropy_c2*/
  if (failed(expectTensor(op, "targets", tType, {xType.getDimSize(0)}, i32(op))))
    return failure();
  /*linear_cross_entropy_c3*/
  if (failed(expectTensorOrWider(op, "loss", tensorType(loss), {1}, xType.getElementType())))
    return failure();
  /*linear_cross_entropy_c4*/
  if (failed(expectInt(op, "vocabulary", wType.getDimSize(0), 2)))
    return failure();
  return expectFraction(op, "smoothing", smoothing);
}

LogicalResult LinearCrossEntropyOp::verify() {
  return verifyHead(*this, getX(), getWeight(), getTargets(), getLoss(), getSmoothing());
}

LogicalResult LinearCrossEntropyGradOp::verify() {
  if (failed(verifyHead(*this, getX(), getWeight(), getTargets(), getLoss(), getSmoothing())))
    return failure();
  /*linear_cross_entropy_grad_c5*/
  RankedTensorType x = tensorType(getX()), weight = tensorType(getWeight());
  if (failed(expectTensorOrWider(*this, "dloss", tensorType(getDloss()), {1}, x.getElementType())))
    return failure();
  /*linear_cross_entropy_grad_c6*/
  if (failed(expectTensor(*this, "dx", tensorType(getDx()), x.getShape(), x.getElementType())) ||
      failed(expectTensorOrWider(*this, "dweight", tensorType(getDweight()), weight.getShape(),
                                 weight.getElementType())))
    return failure();
  if (!getInit())
    return success();
  return expectTensor(*this, "init", tensorType(getInit()), weight.getShape(),
                      tensorType(getDweight()).getElementType());
}

ResultPrecision LinearCrossEntropyGradOp::getResultPrecision(unsigned result) {
  bool isDx = cast<OpResult>(getDx()).getResultNumber() == result;
  return isDx ? ResultPrecision::Narrow : ResultPrecision::Wide;
}

//===----------------------------------------------------------------------===//
// target_weight, cross_entropy_rows and its gradient
//===----------------------------------------------------------------------===//

LogicalResult TargetWeightOp::verify() {
  /*target_weight_c1*/
  RankedTensorType targets = tensorType(getTargets());
  if (targets.getRank() != 1 || !targets.getElementType().isInteger(32))
    return emitOpError() << "targets: expected tensor<M x i32>, found " << targets;
  /*target_weight_c2*/
  return expectTensor(*this, "result", tensorType(getResult()), {1});
}

/// (C1) to (C5), which the op and its gradient share.
static LogicalResult verifyRows(Operation *op, Value logits, Value targets, Value weight,
                                Value lossRows, const llvm::APFloat &smoothing) {
  /*cross_entropy_rows_c1*/
  RankedTensorType type = tensorType(logits);
  if (failed(expectRank(op, "logits", type, 2, "tensor<R x V>")) ||
      failed(expectInt(op, "vocabulary", type.getDimSize(1), 2)))
    return failure();
  int64_t rows = type.getDimSize(0);
  /*cross_entropy_rows_c2*/
  if (failed(expectTensor(op, "targets", tensorType(targets), {rows}, i32(op))))
    return failure();
  /*cross_entropy_rows_c3*/
  if (failed(expectTensor(op, "weight", tensorType(weight), {1})))
    return failure();
  /*cross_entropy_rows_c4*/
  if (failed(expectTensor(op, "loss_rows", tensorType(lossRows), {rows})))
    return failure();
  /*cross_entropy_rows_c5*/
  return expectFraction(op, "smoothing", smoothing);
}

LogicalResult CrossEntropyRowsOp::verify() {
  return verifyRows(*this, getLogits(), getTargets(), getWeight(), getLossRows(), getSmoothing());
}

LogicalResult CrossEntropyRowsGradOp::verify() {
  if (failed(
          verifyRows(*this, getLogits(), getTargets(), getWeight(), getLossRows(), getSmoothing())))
    return failure();
  /*cross_entropy_rows_grad_c6*/
  return expectTensor(*this, "dloss", tensorType(getDloss()), {1});
}
