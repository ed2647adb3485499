//===- PointwiseGrad.cpp - gradient rules of elementwise ops --------------===//
#include "compiler/Autodiff/Rules.h"

using namespace mlir;

namespace swamla {

OperandCotangents AddOp::buildGradient(OpBuilder &builder, ValueRange cotangents) {
  return SmallVector<Value>{cotangents[0], cotangents[0]};
}

OperandCotangents BiasAddOp::buildGradient(OpBuilder &builder, ValueRange cotangents) {
  auto dbias = ColumnSumOp::create(builder, getLoc(), getBias().getType(), cotangents[0]);
  return SmallVector<Value>{cotangents[0], dbias.getResult()};
}

OperandCotangents SwigluOp::buildGradient(OpBuilder &builder, ValueRange cotangents) {
  auto grad = SwigluGradOp::create(builder, getLoc(), getValue().getType(), getGate().getType(),
                                   getValue(), getGate(), cotangents[0]);
  return SmallVector<Value>{grad.getDvalue(), grad.getDgate()};
}

// Dropout multiplies by a mask that key, site and position determine: the same op, on the
// cotangent.
OperandCotangents DropoutOp::buildGradient(OpBuilder &builder, ValueRange cotangents) {
  auto dx = DropoutOp::create(builder, getLoc(), getX().getType(), cotangents[0], getKey(),
                              getPAttr(), getSiteAttr());
  return SmallVector<Value>{dx.getResult(), Value()};
}

} // namespace swamla
