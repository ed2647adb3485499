//===- AttentionPolicy.cpp - which kernel serves which attention ----------===//
//
// The plans were measured on an H200 at batch 8, 2048 tokens, 16 heads.
//
//===----------------------------------------------------------------------===//
#include "compiler/Kernels/CUDA/AttentionPolicy.h"

#include "compiler/Kernels/CUDA/AttentionForward.h"
#include "compiler/Kernels/CUDA/AttentionSimt.h"

using namespace mlir;

namespace swamla {

//===----------------------------------------------------------------------===//
// Forward
//===----------------------------------------------------------------------===//

/// Whether wgmma's operands can be brought to shared memory by TMA, and the widths fit its shapes:
/// columns in steps of 8, results of a query in at most one instruction (256 columns).
static bool suitsHopper(step::AttentionKernelOp op, const AttentionSizes &sizes) {
  if (!op.getElement().isBF16() || sizes.v > 256 || sizes.v % 8 || sizes.own % 8 ||
      sizes.shared % 8)
    return false;
  // The maximum of the scores is taken before they are scaled.
  if (!(sizes.scale > 0))
    return false;
  unsigned out = sizes.shared ? 4 : 3;
  return tmaReaches(op.getQ(), viewAlignment(op, 0), sizes.own) &&
         tmaReaches(op.getK(), viewAlignment(op, 1)) &&
         tmaReaches(op.getV(), viewAlignment(op, 2)) &&
         (!sizes.shared || tmaReaches(*op.getShared(), viewAlignment(op, 3))) &&
         tmaReaches(op.getOut(), viewAlignment(op, out));
}

/// Plans to try, the best first: with two places for queries where they fit, so that a block never
/// waits for them.
static SmallVector<HopperForwardPlan> forwardPlans(const AttentionSizes &sizes) {
  SmallVector<HopperForwardPlan> plans;
  auto add = [&](HopperForwardPlan plan, std::initializer_list<int64_t> places) {
    for (int64_t count : places) {
      plan.places = count;
      plans.push_back(plan);
    }
  };
  int64_t shortK = std::min<int64_t>(64, (sizes.seq + 15) / 16 * 16);
  bool wide = sizes.qk() > 128 || sizes.v > 128;
  // A window shorter than a few tiles: much of a large tile would be masked, and a small one leaves
  // registers for a third warpgroup. A sink of whole tiles would cut a warpgroup's range in two.
  if (sizes.window && !wide && sizes.seq > 128)
    add({.warpgroups = 3, .blockK = 64, .stages = 3, .skipHidden = sizes.sink <= kSinkTileKeys},
        {2, 1});
  if (sizes.seq > 64) {
    // Wide heads multiply long enough to hide one warpgroup's exponentials under the other's
    // products; rescaling 64 or more accumulators late hides it, too. Tiles of 96 keys are as fast
    // as those of 128, and leave room for a second place.
    bool late = sizes.qk() >= 128;
    HopperForwardPlan plan = {
        .warpgroups = 2, .blockK = 128, .stages = 2, .pingPong = late, .lateRescale = late};
    add(plan, {2});
    plan.blockK = 96;
    add(plan, {2});
    plan.blockK = 128;
    add(plan, {1});
    add({.warpgroups = 2, .blockK = 64, .stages = 2}, {2, 1});
  }
  for (int64_t blocksPerSm : {2, 1})
    add({.warpgroups = 1, .blockK = shortK, .stages = 2, .blocksPerSm = blocksPerSm}, {2, 1});
  add({.warpgroups = 1, .blockK = std::min<int64_t>(shortK, 32), .stages = 2}, {1});
  add({.warpgroups = 1, .blockK = 16, .stages = 2}, {1});
  return plans;
}

/// Whether the registers of a thread hold its results, scores and probabilities, beside about 32
/// others; and the results alone those that it starts with, which bound any single instruction.
/// (ptxas has the last word; this keeps it from spilling.)
static bool fitsRegisters(const AttentionSizes &sizes, const HopperForwardPlan &plan) {
  return sizes.v / 2 + plan.blockK / 2 + plan.blockK / 4 + 32 <= plan.computeRegisters() &&
         sizes.v / 2 + 32 <= plan.startRegisters();
}

std::optional<HopperForwardPlan> planHopperForward(step::AttentionKernelOp op,
                                                   const CudaTarget &target) {
  AttentionSizes sizes = attentionSizes(op);
  if (!suitsHopper(op, sizes))
    return std::nullopt;
  for (const HopperForwardPlan &plan : forwardPlans(sizes)) {
    int64_t limit = sharedLimit(target, plan.blocksPerSm);
    if (fitsRegisters(sizes, plan) && ForwardLayout::make(sizes, plan).bytes <= limit)
      return plan;
  }
  return std::nullopt;
}

FailureOr<SmallVector<GpuKernel>> buildAttention(step::AttentionKernelOp op, OpBuilder &builder,
                                                 const CudaTarget &target) {
  if (std::optional<HopperForwardPlan> plan = planHopperForward(op, target))
    return buildHopperForward(op, *plan, builder, target);
  return buildAttentionSimt(op, builder, target);
}

} // namespace swamla
