//===- AttentionBackwardPolicy.cpp - which kernels serve the gradient -----===//
//
// Which schedule suits which width was measured on an H200 at batch 8, 2048 tokens,
// 16 heads: 192/128, 128, and 96 with a window. Other widths follow the nearest.
//
//===----------------------------------------------------------------------===//
#include "compiler/Kernels/CUDA/AttentionBackwardPolicy.h"

#include "compiler/Kernels/CUDA/AttentionSimt.h"

using namespace mlir;

namespace swamla {

/// Whether TMA can move the op's matrices, and the widths fit wgmma's shapes.
static bool suitsHopper(step::AttentionGradKernelOp op, const AttentionSizes &sizes) {
  if (!op.getElement().isBF16() || sizes.own % 8 || sizes.shared % 8 || sizes.v % 8)
    return false;
  // Shared columns of several query heads would need accumulators of their own.
  if (sizes.shared && sizes.group() > 1)
    return false;
  unsigned dout = sizes.shared ? 4 : 3;
  auto reaches = [&](unsigned view, step::HeadsAttr heads, int64_t firstColumn = 0) {
    return tmaReaches(heads, viewAlignment(op, view), firstColumn);
  };
  return reaches(0, op.getQ(), sizes.own) && reaches(1, op.getK()) && reaches(2, op.getV()) &&
         reaches(dout, op.getDout()) && (!op.getOut() || reaches(dout + 2, *op.getOut())) &&
         reaches(dout + 3, op.getDq(), sizes.own) && reaches(dout + 4, op.getDk()) &&
         reaches(dout + 5, op.getDv()) &&
         (!sizes.shared || (reaches(3, *op.getShared()) && reaches(dout + 6, *op.getDshared())));
}

/// `computesDelta`: by query, from attention's result.
static bool fits(const AttentionSizes &sizes, BackwardSide side, bool computesDelta,
                 const HopperBackwardPlan &plan, const CudaTarget &target) {
  bool manyHeads = side == BackwardSide::Key && sizes.group() > 1;
  bool byQueryWithDelta = side == BackwardSide::Query && computesDelta;
  int64_t registers = manyHeads || byQueryWithDelta ? kRoomyRegisters : kMostRegisters;
  return backwardRegisters(sizes, side, plan) <= registers &&
         BackwardLayout::make(sizes, side, plan).bytes <= target.maxSharedBytes();
}

using Plans = SmallVector<HopperBackwardPlan>;

/// Plans to try, the best first.
static Plans plansByQuery(const AttentionSizes &sizes) {
  int64_t rows = std::min<int64_t>(64, (sizes.seq + 15) / 16 * 16);
  Plans plans;
  // V is needed for one product, K for two with the exponentials between them: rather one stage
  // less of V than a single place for fixed rows.
  for (int64_t valueStages : {3, 2})
    plans.push_back({.tileRows = rows, .stages = {3, valueStages}, .places = 2});
  for (int64_t most : {64, 48, 32, 16})
    for (int64_t stages : {3, 2})
      plans.push_back({.tileRows = std::min(rows, most), .stages = {stages, stages}});
  return plans;
}

static Plans plansByKey(const AttentionSizes &sizes) {
  int64_t rows = std::min<int64_t>(64, (sizes.seq + 15) / 16 * 16);
  int64_t width = sizes.qk() + sizes.v;
  constexpr auto early = HopperBackwardPlan::Early;
  Plans plans;
  auto add = [&](HopperBackwardPlan plan) {
    for (int64_t places : {2, 1}) {
      plan.places = places;
      plans.push_back(plan);
    }
  };
  // Narrow heads leave registers for the next tile's scores: 96 columns with P kept as bf16 only
  // (0.183 ms with a window of 256; in f32, too, 0.193), 64 columns without (0.146 ms).
  if (width <= 128)
    add({.tileRows = rows, .stages = {4, 4}, .prefetch = early});
  if (width <= 192)
    add({.tileRows = rows, .lean = true, .prefetch = early});
  if (width <= 192)
    add({.tileRows = rows, .prefetch = early});
  if (width <= 192)
    add({.tileRows = rows});
  if (width <= 256)
    add({.tileRows = rows, .lean = true, .prefetch = early});
  for (int64_t most : {64, 48, 32, 16})
    for (int64_t stages : {3, 2})
      plans.push_back({.tileRows = std::min(rows, most), .stages = {stages, stages}, .lean = true});
  return plans;
}

std::optional<HopperBackwardPlans> planHopperBackward(step::AttentionGradKernelOp op,
                                                      const CudaTarget &target) {
  AttentionSizes sizes = attentionSizes(op);
  if (!suitsHopper(op, sizes))
    return std::nullopt;
  auto first = [&](ArrayRef<HopperBackwardPlan> plans, BackwardSide side) {
    const auto *found = llvm::find_if(plans, [&](const HopperBackwardPlan &plan) {
      return fits(sizes, side, op.getOut().has_value(), plan, target);
    });
    return found == plans.end() ? std::nullopt : std::optional(*found);
  };
  auto byQuery = first(plansByQuery(sizes), BackwardSide::Query);
  auto byKey = first(plansByKey(sizes), BackwardSide::Key);
  if (!byQuery || !byKey)
    return std::nullopt;
  return HopperBackwardPlans{*byQuery, *byKey};
}

FailureOr<SmallVector<GpuKernel>> buildAttentionGrad(step::AttentionGradKernelOp op,
                                                     OpBuilder &builder, const CudaTarget &target) {
  if (std::optional<HopperBackwardPlans> plans = planHopperBackward(op, target))
    return buildHopperBackward(op, plans->byQuery, plans->byKey, builder, target);
  return buildAttentionGradSimt(op, builder, target);
}

} // namespace swamla
