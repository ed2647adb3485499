//===- ViewGrad.cpp - gradient rules of split and join --------------------===//
#include "compiler/Autodiff/Rules.h"

using namespace mlir;

namespace swamla {

OperandCotangents SplitOp::buildGradient(OpBuilder &builder, ValueRange cotangents) {
  SmallVector<Value> parts(cotangents);
  for (auto [cotangent, part] : llvm::zip_equal(parts, getParts()))
    if (!cotangent)
      cotangent = buildZero(builder, getLoc(), part.getType());
  auto join = JoinOp::create(builder, getLoc(), getSource().getType(), parts, getHeads());
  return SmallVector<Value>{join.getResult()};
}

OperandCotangents JoinOp::buildGradient(OpBuilder &builder, ValueRange cotangents) {
  auto split = SplitOp::create(builder, getLoc(), getParts().getTypes(), cotangents[0], getHeads());
  return SmallVector<Value>(split.getParts());
}

} // namespace swamla
