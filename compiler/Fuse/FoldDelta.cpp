//===- FoldDelta.cpp - attention's gradient computes delta itself ---------===//
#include "compiler/Fuse/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

using namespace mlir;

namespace swamla {

#define GEN_PASS_DEF_FOLDDELTAPASS
#include "compiler/Fuse/Passes.h.inc"

namespace {

/// The op that makes delta, if it does so for this gradient alone.
AttentionDeltaOp deltaOf(AttentionGradOp grad) {
  if (!grad.getDelta() || !grad.getDelta().hasOneUse())
    return {};
  auto delta = grad.getDelta().getDefiningOp<AttentionDeltaOp>();
  return delta && delta.getDout() == grad.getDout() ? delta : AttentionDeltaOp();
}

/// In a kernel for wide heads few registers are left to the warps that compute delta. With a window
/// a tile of queries then is done before the next one's delta is: on an H200, 128 columns, dQ took
/// 327 us a layer where apart the two take some 230; without a window it is the same either way.
constexpr int64_t kMostWindowedColumns = 96;

bool pays(AttentionGradOp grad) {
  int64_t columns = cast<RankedTensorType>(grad.getV().getType()).getDimSize(1) /
                    static_cast<int64_t>(grad.getKvHeads());
  return !grad.getWindow() || columns <= kMostWindowedColumns;
}

void fold(AttentionGradOp grad, AttentionDeltaOp delta) {
  OpBuilder builder(grad);
  SmallVector<Type> others(grad.getOthers().getTypes());
  others.push_back(delta.getType());
  auto folded = AttentionGradOp::create(
      builder, grad.getLoc(), grad.getDq().getType(), grad.getDk().getType(),
      grad.getDv().getType(), others, grad.getQ(), grad.getK(), grad.getV(), grad.getShared(),
      grad.getDout(), grad.getLse(), /*delta=*/Value(), delta.getOut(), grad.getSeqAttr(),
      grad.getHeadsAttr(), grad.getKvHeadsAttr(), grad.getScaleAttr(), grad.getWindowAttr(),
      grad.getSinkAttr());
  folded->setDiscardableAttrs(grad->getDiscardableAttrDictionary());
  grad->replaceAllUsesWith(folded->getResults().drop_back());
  grad.erase();
  delta.erase();
}

struct FoldDeltaPass : impl::FoldDeltaPassBase<FoldDeltaPass> {
  void runOnOperation() override {
    getOperation().walk([](AttentionGradOp grad) {
      AttentionDeltaOp delta = deltaOf(grad);
      if (delta && pays(grad))
        fold(grad, delta);
    });
  }
};

} // namespace
} // namespace swamla
