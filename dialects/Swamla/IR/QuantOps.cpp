//===- QuantOps.cpp - fp8 numbers and their scales ------------------------===//
#include "dialects/Step/IR/ElementTypes.h"
#include "dialects/Swamla/IR/SwamlaDialect.h"
#include "dialects/Swamla/IR/VerifyUtils.h"

using namespace mlir;
using namespace swamla;

/// x is a matrix of what activations, cotangents and parameters are.
static LogicalResult expectWide(Operation *op, RankedTensorType x) {
  if (failed(expectRank(op, "x", x, 2, "tensor<M x C>")))
    return failure();
  if (x.getElementType().isF32() || x.getElementType().isBF16())
    return success();
  return op->emitOpError() << "x: expected elements of f32 or bf16, found " << x;
}

static LogicalResult expectFormat(Operation *op, Type format) {
  if (isF8(format))
    return success();
  return op->emitOpError() << "expected the format f8E4M3FN or f8E5M2, found " << format;
}

/// One scale for a matrix, or one for each of its rows.
static LogicalResult expectScale(Operation *op, RankedTensorType scale, int64_t rows) {
  Type f32 = Float32Type::get(op->getContext());
  bool isOne = scale == RankedTensorType::get({1}, f32);
  bool isPerRow = scale == RankedTensorType::get({rows}, f32);
  if (isOne || isPerRow)
    return success();
  return op->emitOpError() << "scale: expected tensor<1xf32> or tensor<" << rows << "xf32>, found "
                           << scale;
}

/// A matrix of fp8 numbers.
static LogicalResult expectF8Matrix(Operation *op, StringRef name, RankedTensorType type) {
  if (failed(expectRank(op, name, type, 2, "tensor<M x C>")))
    return failure();
  if (isF8(type.getElementType()))
    return success();
  return op->emitOpError() << name << ": expected elements of f8E4M3FN or f8E5M2, found " << type;
}

LogicalResult QuantizeOp::verify() {
  /*quantize_c1*/
  RankedTensorType x = tensorType(getX());
  if (failed(expectWide(*this, x)))
    return failure();
  /*quantize_c2*/
  if (failed(expectScale(*this, tensorType(getScale()), x.getDimSize(0))))
    return failure();
  /*quantize_c3*/
  RankedTensorType result = tensorType(getResult());
  int64_t rows = x.getDimSize(0), columns = x.getDimSize(1);
  SmallVector<int64_t> shape{rows, columns};
  if (getTransposed())
    shape = {columns, rows};
  if (failed(expectFormat(*this, result.getElementType())))
    return failure();
  return expectTensor(*this, "result", result, shape);
}

LogicalResult DequantizeOp::verify() {
  /*dequantize_c1*/
  RankedTensorType q = tensorType(getQ());
  if (failed(expectF8Matrix(*this, "q", q)))
    return failure();
  /*dequantize_c2*/
  if (failed(expectScale(*this, tensorType(getScale()), q.getDimSize(0))))
    return failure();
  /*dequantize_c3*/
  RankedTensorType result = tensorType(getResult());
  if (!result.getElementType().isF32() && !result.getElementType().isBF16())
    return emitOpError() << "result: expected elements of f32 or bf16, found " << result;
  return expectTensor(*this, "result", result, q.getShape());
}

LogicalResult TransposeOp::verify() {
  /*transpose_c1*/
  RankedTensorType x = tensorType(getX());
  if (failed(expectF8Matrix(*this, "x", x)))
    return failure();
  /*transpose_c2*/
  return expectTensor(*this, "result", tensorType(getResult()), {x.getDimSize(1), x.getDimSize(0)},
                      x.getElementType());
}

LogicalResult RowAmaxOp::verify() {
  /*row_amax_c1*/
  RankedTensorType x = tensorType(getX());
  if (failed(expectWide(*this, x)))
    return failure();
  /*row_amax_c2*/
  Type f32 = Float32Type::get(getContext());
  if (getInit() &&
      failed(expectTensor(*this, "init", tensorType(getInit()), {x.getDimSize(0)}, f32)))
    return failure();
  return expectTensor(*this, "result", tensorType(getResult()), {x.getDimSize(0)}, f32);
}

/// rows is a vector of f32.
static LogicalResult expectRows(Operation *op, RankedTensorType rows) {
  if (failed(expectRank(op, "rows", rows, 1, "tensor<M x f32>")))
    return failure();
  return expectTensor(op, "rows", rows, rows.getShape(), Float32Type::get(op->getContext()));
}

LogicalResult TensorScaleOp::verify() {
  /*tensor_scale_c1*/
  if (failed(expectRows(*this, tensorType(getRows()))) ||
      failed(expectTensor(*this, "result", tensorType(getResult()), {1},
                          Float32Type::get(getContext()))))
    return failure();
  /*tensor_scale_c2*/
  return expectFormat(*this, getFormat());
}

LogicalResult RowScaleOp::verify() {
  /*row_scale_c1*/
  if (failed(expectRows(*this, tensorType(getRows()))))
    return failure();
  /*row_scale_c2*/
  if (failed(expectFormat(*this, getFormat())))
    return failure();
  /*row_scale_c3*/
  return expectInt(*this, "columns", static_cast<int64_t>(getColumns()), 1);
}

LogicalResult ScaleColumnsOp::verify() {
  /*scale_columns_c1*/
  RankedTensorType x = tensorType(getX());
  if (failed(expectWide(*this, x)))
    return failure();
  return expectTensor(*this, "scale", tensorType(getScale()), {x.getDimSize(1)},
                      Float32Type::get(getContext()));
}

LogicalResult UpdateScalesOp::verify() {
  /*update_scales_c1*/
  RankedTensorType amax = tensorType(getAmax());
  Type f32 = Float32Type::get(getContext());
  if (failed(expectRank(*this, "amax", amax, 2, "tensor<S x R x f32>")) ||
      failed(expectTensor(*this, "amax", amax, amax.getShape(), f32)))
    return failure();
  /*update_scales_c2*/
  int64_t sites = amax.getDimSize(0);
  if (failed(expectTensor(*this, "scale", tensorType(getScale()), {sites}, f32)))
    return failure();
  for (auto [i, entry] : llvm::enumerate(getHistory()))
    if (failed(expectTensor(*this, "history " + Twine(i), tensorType(entry), {sites}, f32)))
      return failure();
  if (getHistory().getTypes() != getNewHistory().getTypes())
    return emitOpError() << "expected a result for each of " << getHistory().size()
                         << " entries of the history, found (" << getNewHistory().getTypes() << ")";
  /*update_scales_c3*/
  if (failed(
          expectInt(*this, "cotangents_from", static_cast<int64_t>(getCotangentsFrom()), 0, sites)))
    return failure();
  /*update_scales_c4*/
  return expectFormat(*this, getFormat());
}

//===----------------------------------------------------------------------===//
// The scaling state
//===----------------------------------------------------------------------===//

/// What get_scaling and set_scaling have in common.
template <typename Op> static LogicalResult verifyScaling(Op op, RankedTensorType type) {
  /*get_scaling_c1, set_scaling_c1*/
  if (failed(expectInt(op, "offset", static_cast<int64_t>(op.getOffset()), 0)))
    return failure();
  /*get_scaling_c2, set_scaling_c2*/
  if (!type.getElementType().isF32())
    return op.emitOpError() << "expected elements of f32, found " << type;
  /*get_scaling_c3, set_scaling_c3*/
  if (!llvm::is_contained({kScaleBuffer, kAmaxBuffer, kAmaxHistoryBuffer}, op.getBuffer()))
    return op.emitOpError() << "expected the buffer \"" << kScaleBuffer << "\", \"" << kAmaxBuffer
                            << "\" or \"" << kAmaxHistoryBuffer << "\", found \"" << op.getBuffer()
                            << "\"";
  /*get_scaling_c4, set_scaling_c4*/
  auto stride = static_cast<int64_t>(op.getStride());
  if (failed(expectInt(op, "stride", stride, 1)))
    return failure();
  if (stride > 1 && type.getRank() != 1)
    return op.emitOpError() << "expected a vector with stride " << stride << ", found " << type;
  return success();
}

LogicalResult GetScalingOp::verify() { return verifyScaling(*this, tensorType(getResult())); }

LogicalResult SetScalingOp::verify() { return verifyScaling(*this, tensorType(getValue())); }
