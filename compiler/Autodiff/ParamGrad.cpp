//===- ParamGrad.cpp - gradient rule of get_param -------------------------===//
#include "compiler/Autodiff/Rules.h"

using namespace mlir;

namespace swamla {

OperandCotangents GetParamOp::buildGradient(OpBuilder &builder, ValueRange cotangents) {
  AddGradOp::create(builder, getLoc(), getParamAttr(), cotangents[0]);
  return SmallVector<Value>{};
}

} // namespace swamla
