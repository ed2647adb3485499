//===- OptimOps.cpp - optimizers over flat buffers ------------------------===//
#include "dialects/Swamla/IR/SwamlaDialect.h"
#include "dialects/Swamla/IR/VerifyUtils.h"

using namespace mlir;
using namespace swamla;

LogicalResult SquareSumOp::verify() {
  /*square_sum_c1*/
  RankedTensorType x = tensorType(getX());
  if (failed(expectRank(*this, "x", x, 2, "tensor<R x W>")))
    return failure();
  return expectTensor(*this, "result", tensorType(getResult()), {x.getDimSize(0)},
                      x.getElementType());
}

LogicalResult ClipFactorOp::verify() {
  /*clip_factor_c1*/
  return expectTensor(*this, "norm", tensorType(getNorm()), {1});
}

/// `scalars` are `count` tensors of one number.
static LogicalResult verifyScalars(Operation *op, ValueRange scalars, size_t count,
                                   StringRef names) {
  if (scalars.size() != count)
    return op->emitOpError() << "expected " << count << " scalars (" << names << "), found "
                             << scalars.size();
  for (auto [i, scalar] : llvm::enumerate(scalars))
    if (failed(expectTensor(op, "scalar " + Twine(i), tensorType(scalar), {1})))
      return failure();
  return success();
}

/// A result has the type of the state that it replaces: it takes over its buffer. `p` has that of
/// all states.
static LogicalResult verifyInPlace(Operation *op, Value p) {
  for (auto [i, result] : llvm::enumerate(op->getResults()))
    if (result.getType() != p.getType())
      return op->emitOpError() << "result " << i << ": expected " << p.getType() << ", found "
                               << result.getType();
  return success();
}

LogicalResult AdamwOp::verify() {
  /*adamw_c1*/
  if (failed(verifyScalars(
          *this, getScalars(), 8,
          "factor, lr, beta1, beta2, eps, weight_decay, bias_correction1, bias_correction2")))
    return failure();
  /*adamw_c2*/
  return verifyInPlace(*this, getP());
}

LogicalResult LionOp::verify() {
  /*lion_c1*/
  if (failed(verifyScalars(*this, getScalars(), 5, "factor, lr, beta1, beta2, weight_decay")))
    return failure();
  /*lion_c2*/
  return verifyInPlace(*this, getP());
}
