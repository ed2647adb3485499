//===- MatmulOps.cpp - matrix products, embedding -------------------------===//
#include "dialects/Step/IR/ElementTypes.h"
#include "dialects/Swamla/IR/SwamlaDialect.h"
#include "dialects/Swamla/IR/VerifyUtils.h"

using namespace mlir;
using namespace swamla;

//===----------------------------------------------------------------------===//
// matmul
//===----------------------------------------------------------------------===//

/// Scales, or their absence, beside operands that are f8, or not.
static LogicalResult verifyMatmulScales(MatmulOp op, int64_t m, int64_t n) {
  Type element = tensorType(op.getA()).getElementType();
  /*matmul_c7*/
  if (op.isScaled() != isF8(element) || op.isScaled() != static_cast<bool>(op.getBScale()))
    return op.emitOpError() << "expected scales of a and b exactly where these are f8; found "
                            << (op.isScaled() ? "scales" : "none") << " with operands of "
                            << element;
  if (!op.isScaled())
    return success();
  auto type = [&](int64_t count) {
    return RankedTensorType::get({count}, Float32Type::get(op.getContext()));
  };
  Type a = op.getAScale().getType(), b = op.getBScale().getType();
  if ((a == type(1) && b == type(1)) || (a == type(m) && b == type(n)))
    return success();
  return op.emitOpError() << "scales: expected " << type(1) << " for both, or " << type(m)
                          << " and " << type(n) << ", found " << a << " and " << b;
}

static LogicalResult verifyMatmulTypes(MatmulOp op, int64_t m, int64_t n, int64_t k) {
  Type a = tensorType(op.getA()).getElementType(), b = tensorType(op.getB()).getElementType();
  /*matmul_c5*/
  if (a != b && !(isF8(a) && isF8(b)))
    return op.emitOpError() << "expected a and b of one element type, found " << a << " and " << b;
  if (isa<Float8E5M2Type>(a) && isa<Float8E5M2Type>(b))
    return op.emitOpError() << "expected a or b of f8E4M3FN, found f8E5M2 for both";
  /*matmul_c6*/
  Type result = isF8(a) ? BFloat16Type::get(op.getContext()) : a;
  if (failed(expectTensorOrWider(op, "result", tensorType(op.getResult()), {m, n}, result)) ||
      failed(verifyMatmulScales(op, m, n)))
    return failure();
  /*matmul_c8*/
  if (isF8(a) && (op.getTransposeA() || !op.getTransposeB()))
    return op.emitOpError() << "expected transpose_b without transpose_a with f8 operands; "
                               "quantize a transposed copy for other products";
  if (isF8(a) && (m % kF8Chunk != 0 || n % kF8Chunk != 0 || k % kF8Chunk != 0))
    return op.emitOpError() << "expected m, n and k to be multiples of " << kF8Chunk
                            << " with f8 operands, found " << m << ", " << n << " and " << k;
  /*matmul_c9*/
  if (op.getFastAccum() && !isF8(a))
    return op.emitOpError() << "expected f8 operands with fast_accum, found " << a;
  return success();
}

LogicalResult MatmulOp::verify() {
  RankedTensorType a = tensorType(getA()), b = tensorType(getB());
  RankedTensorType result = tensorType(getResult());
  /*matmul_c1*/
  if (failed(expectRank(*this, "a", a, 2, "a matrix")) ||
      failed(expectRank(*this, "b", b, 2, "a matrix")) ||
      failed(expectRank(*this, "result", result, 2, "a matrix")))
    return failure();
  int64_t m = a.getDimSize(getTransposeA() ? 1 : 0), k = a.getDimSize(getTransposeA() ? 0 : 1);
  int64_t kOfB = b.getDimSize(getTransposeB() ? 1 : 0), n = b.getDimSize(getTransposeB() ? 0 : 1);
  /*matmul_c2*/
  if (k != kOfB)
    return emitOpError() << "expected op(a) and op(b) to share a dimension, found " << m << " x "
                         << k << " and " << kOfB << " x " << n;
  /*matmul_c3*/
  if (failed(expectTensor(*this, "result", result, {m, n})))
    return failure();
  /*matmul_c4*/
  if (getInit() && getInit().getType() != result)
    return emitOpError() << "init: expected " << result << ", found " << getInit().getType();
  return verifyMatmulTypes(*this, m, n, k);
}

ResultPrecision MatmulOp::getResultPrecision(unsigned) {
  // What a product is added to in place is a gradient.
  return getInit() ? ResultPrecision::Wide : ResultPrecision::AsUsed;
}

uint64_t MatmulOp::getFlops() {
  RankedTensorType a = tensorType(getA()), result = tensorType(getResult());
  uint64_t k = a.getDimSize(getTransposeA() ? 0 : 1);
  return 2 * k * static_cast<uint64_t>(result.getNumElements());
}

//===----------------------------------------------------------------------===//
// embedding_lookup, embedding_grad, select_row
//===----------------------------------------------------------------------===//

static LogicalResult verifyTokens(Operation *op, StringRef what, Value tokens) {
  RankedTensorType type = tensorType(tokens);
  if (type.getRank() == 1 && type.getElementType().isInteger(32))
    return success();
  return op->emitOpError() << what << ": expected tensor<M x i32>, found " << type;
}

LogicalResult EmbeddingLookupOp::verify() {
  /*embedding_lookup_c1*/
  if (failed(verifyTokens(*this, "tokens", getTokens())))
    return failure();
  /*embedding_lookup_c2*/
  RankedTensorType table = tensorType(getTable());
  if (failed(expectRank(*this, "table", table, 2, "tensor<V x C>")))
    return failure();
  return expectTensor(*this, "result", tensorType(getResult()),
                      {tensorType(getTokens()).getDimSize(0), table.getDimSize(1)},
                      table.getElementType());
}

LogicalResult EmbeddingGradOp::verify() {
  /*embedding_grad_c1*/
  RankedTensorType dy = tensorType(getDy()), result = tensorType(getResult());
  if (failed(verifyTokens(*this, "tokens", getTokens())) ||
      failed(expectRank(*this, "dy", dy, 2, "tensor<M x C>")) ||
      failed(
          expectTensor(*this, "dy", dy, {tensorType(getTokens()).getDimSize(0), dy.getDimSize(1)})))
    return failure();
  /*embedding_grad_c2*/
  if (failed(expectRank(*this, "result", result, 2, "tensor<V x C>")) ||
      failed(expectTensorOrWider(*this, "result", result, {result.getDimSize(0), dy.getDimSize(1)},
                                 dy.getElementType())))
    return failure();
  if (getInit() && getInit().getType() != result)
    return emitOpError() << "init: expected " << result << ", found " << getInit().getType();
  return success();
}

ResultPrecision EmbeddingGradOp::getResultPrecision(unsigned) { return ResultPrecision::Wide; }

uint64_t EmbeddingGradOp::getFlops() { return tensorType(getDy()).getNumElements(); }

uint64_t EmbeddingGradOp::getBytes() {
  // With init only the rows that occur are read and written; without, the whole table is.
  RankedTensorType dy = tensorType(getDy()), result = tensorType(getResult());
  auto bytes = [](RankedTensorType type) -> uint64_t {
    return (type.getElementTypeBitWidth() + 7) / 8;
  };
  uint64_t touched = 2 * bytes(result) * dy.getNumElements();
  uint64_t written = getInit() ? 0 : bytes(result) * result.getNumElements();
  return touched + written + bytes(dy) * dy.getNumElements() +
         sizeof(int32_t) * tensorType(getTokens()).getNumElements();
}

LogicalResult SelectRowOp::verify() {
  /*select_row_c1*/
  if (failed(expectTensor(*this, "index", tensorType(getIndex()), {1},
                          IntegerType::get(getContext(), 32))))
    return failure();
  /*select_row_c2*/
  RankedTensorType x = tensorType(getX());
  if (failed(expectRank(*this, "x", x, 2, "tensor<M x C>")))
    return failure();
  return expectTensor(*this, "result", tensorType(getResult()), {1, x.getDimSize(1)},
                      x.getElementType());
}
