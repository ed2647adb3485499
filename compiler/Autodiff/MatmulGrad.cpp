//===- MatmulGrad.cpp - gradient rules of matmul and embedding lookup -----===//
#include "compiler/Autodiff/Rules.h"

using namespace mlir;

namespace swamla {

// With y = op(a) op(b): d op(a) = dy op(b)^T and d op(b) = op(a)^T dy; a transposed operand takes
// the transpose of that product. b's cotangent comes first: b is the weight of a linear layer, a
// its saved input, which can be freed before a's cotangent exists.
OperandCotangents MatmulOp::buildGradient(OpBuilder &builder, ValueRange cotangents) {
  if (isScaled())
    return emitOpError() << "has f8 operands and no gradient; differentiate it before it is "
                            "quantized";
  Value dy = cotangents[0];
  bool transposeA = getTransposeA(), transposeB = getTransposeB();
  auto product = [&](Value like, Value lhs, Value rhs, bool transposeLhs, bool transposeRhs) {
    return MatmulOp::create(builder, getLoc(), like.getType(), lhs, rhs, /*init=*/Value(),
                            transposeLhs, transposeRhs)
        .getResult();
  };
  Value db = transposeB ? product(getB(), dy, getA(), true, transposeA)
                        : product(getB(), getA(), dy, !transposeA, false);
  Value da = transposeA ? product(getA(), getB(), dy, transposeB, true)
                        : product(getA(), dy, getB(), false, !transposeB);
  SmallVector<Value> result{da, db};
  if (getInit())
    result.push_back(dy);
  return result;
}

OperandCotangents EmbeddingLookupOp::buildGradient(OpBuilder &builder, ValueRange cotangents) {
  auto dtable = EmbeddingGradOp::create(builder, getLoc(), getTable().getType(), getTokens(),
                                        cotangents[0], /*init=*/Value());
  return SmallVector<Value>{Value(), dtable.getResult()};
}

} // namespace swamla
