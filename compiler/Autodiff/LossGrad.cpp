//===- LossGrad.cpp - gradient rule of head and cross-entropy -------------===//
#include "compiler/Autodiff/Rules.h"

using namespace mlir;

namespace swamla {

// Loss and gradient share the logits, which are the largest tensor of a step: one op makes both,
// and where the loss is read afterwards it is read from there. The forward op is then dead.
OperandCotangents LinearCrossEntropyOp::buildGradient(OpBuilder &builder, ValueRange cotangents) {
  auto grad = LinearCrossEntropyGradOp::create(
      builder, getLoc(), getLoss().getType(), getX().getType(), getWeight().getType(), getX(),
      getWeight(), getTargets(), cotangents[0], /*init=*/Value(), getSmoothingAttr());
  getLoss().replaceUsesWithIf(grad.getLoss(), [&](OpOperand &use) {
    Operation *user = use.getOwner();
    return user->getBlock() == grad->getBlock() && grad->isBeforeInBlock(user);
  });
  return SmallVector<Value>{grad.getDx(), grad.getDweight(), Value()};
}

} // namespace swamla
