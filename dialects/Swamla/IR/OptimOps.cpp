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
          *this, getScalars(), 9,
          "factor, norm, lr, beta1, beta2, eps, weight_decay, bias_correction1, bias_correction2")))
    return failure();
  /*adamw_c2*/
  return verifyInPlace(*this, getP());
}

LogicalResult LionOp::verify() {
  /*lion_c1*/
  if (failed(verifyScalars(*this, getScalars(), 6, "factor, norm, lr, beta1, beta2, weight_decay")))
    return failure();
  /*lion_c2*/
  return verifyInPlace(*this, getP());
}

//===----------------------------------------------------------------------===//
// Narrow optimizer states
//===----------------------------------------------------------------------===//

/// What load_state and store_state have in common.
static LogicalResult verifyState(Operation *op, StateFormat format, RankedTensorType codes,
                                 ValueRange scales, TypeRange values) {
  MLIRContext *context = op->getContext();
  Type f32 = Float32Type::get(context), element = IntegerType::get(context, 8);
  if (format == StateFormat::bf16)
    element = BFloat16Type::get(context);
  else if (format == StateFormat::fp8)
    element = Float8E4M3FNType::get(context);
  /*load_state_c1, store_state_c1*/
  if (failed(expectRank(op, "codes", codes, 2, "tensor<R x C>")) ||
      failed(expectTensor(op, "codes", codes, codes.getShape(), element)))
    return failure();
  /*load_state_c2, store_state_c2*/
  size_t count = format == StateFormat::int4 ? 2 : 1;
  if (values.size() != count)
    return op->emitOpError() << "expected " << count << " values, found " << values.size();
  for (Type value : values)
    if (failed(expectTensor(op, "a value", cast<RankedTensorType>(value), codes.getShape(), f32)))
      return failure();
  /*load_state_c3, store_state_c3*/
  size_t numScales = format == StateFormat::bf16 ? 0 : count;
  if (scales.size() != numScales)
    return op->emitOpError() << "expected " << numScales << " scales, found " << scales.size();
  for (Value scale : scales)
    if (failed(expectTensor(op, "a scale", tensorType(scale), {codes.getDimSize(0)}, f32)))
      return failure();
  return success();
}

LogicalResult LoadStateOp::verify() {
  return verifyState(*this, getFormat(), tensorType(getCodes()), getScales(),
                     getValues().getTypes());
}

LogicalResult StoreStateOp::verify() {
  if (failed(verifyState(*this, getFormat(), tensorType(getCodes()), getScales(),
                         getValues().getTypes())))
    return failure();
  /*store_state_c4*/
  if (failed(
          expectTensor(*this, "norm", tensorType(getNorm()), {1}, Float32Type::get(getContext()))))
    return failure();
  /*store_state_c5*/
  SmallVector<Type> expected{getCodes().getType()};
  llvm::append_range(expected, getScales().getTypes());
  if (llvm::equal(expected, getResultTypes()))
    return success();
  return emitOpError() << "expected results of the types of codes and scales, (" << expected
                       << "), found (" << getResultTypes() << ")";
}
