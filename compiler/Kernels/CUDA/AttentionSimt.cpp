//===- AttentionSimt.cpp - attention in f32 arithmetic --------------------===//
#include "compiler/Kernels/CUDA/AttentionSimt.h"
#include "compiler/Kernels/CUDA/AttentionDelta.h"
#include "compiler/Kernels/CUDA/AttentionSimtKernel.h"

using namespace mlir;

namespace swamla {
namespace {

/// A matrix of the op as a part: all of the head's columns.
SimtPart whole(unsigned view, step::HeadsAttr layout, HeadOf head) {
  return {{view, layout, 0, layout.getWidth()}, head};
}

/// The columns [first, first + width) of a part.
SimtPart slice(SimtPart part, int64_t first, int64_t width) {
  part.columns.first = first;
  part.columns.width = width;
  return part;
}

/// Q in the pieces that K comes in.
SmallVector<SimtPart, 2> queryParts(SimtPart q, const AttentionSizes &sizes) {
  SmallVector<SimtPart, 2> parts = {slice(q, 0, sizes.own)};
  if (sizes.shared)
    parts.push_back(slice(q, sizes.own, sizes.shared));
  return parts;
}

/// Refuses what i32 positions cannot count.
template <typename Op> LogicalResult checkLength(Op op) {
  int64_t window = op.getWindow().value_or(0);
  constexpr int64_t limit = int64_t{1} << 29;
  if (static_cast<int64_t>(op.getSeq()) < limit && window < INT32_MAX - limit)
    return success();
  return op.emitOpError() << "has seq " << op.getSeq() << " and window " << window
                          << ", expected a seq below " << limit
                          << " on a GPU; shorten the sequences";
}

} // namespace

FailureOr<SmallVector<GpuKernel>> buildAttentionSimt(step::AttentionKernelOp op, OpBuilder &builder,
                                                     const CudaTarget &target) {
  if (failed(checkLength(op)))
    return failure();
  AttentionSizes sizes = attentionSizes(op);
  unsigned numViews = sizes.shared ? 6 : 5, out = numViews - 2, lse = numViews - 1;
  SimtPart q = whole(0, op.getQ(), HeadOf::Query), k = whole(1, op.getK(), HeadOf::KeyValue),
           v = whole(2, op.getV(), HeadOf::KeyValue);
  SimtKind kind;
  kind.name = op.getSymName();
  kind.views = llvm::to_vector(llvm::seq<unsigned>(numViews));
  kind.byQuery = kind.forward = true;
  kind.scores = {queryParts(q, sizes), {k}};
  if (sizes.shared)
    kind.scores.streamed.push_back(whole(3, *op.getShared(), HeadOf::All));
  kind.results = {{v, whole(out, op.getOut(), HeadOf::Query)}};
  kind.lse = lse;
  kind.lseStride = op.getLseStride();
  return SmallVector<GpuKernel>{
      SimtKernel(op, op.getElement(), sizes, kind, builder, target).build()};
}

FailureOr<SmallVector<GpuKernel>> buildAttentionGradSimt(step::AttentionGradKernelOp op,
                                                         OpBuilder &builder,
                                                         const CudaTarget &target) {
  if (failed(checkLength(op)))
    return failure();
  AttentionSizes sizes = attentionSizes(op);
  unsigned dout = sizes.shared ? 4 : 3, lse = dout + 1, dq = dout + 3, dk = dout + 4, dv = dout + 5,
           dshared = dout + 6;
  unsigned delta = !op.getOut() ? dout + 2 : sizes.shared ? dout + 7 : dout + 6;
  SimtPart q = whole(0, op.getQ(), HeadOf::Query), k = whole(1, op.getK(), HeadOf::KeyValue),
           v = whole(2, op.getV(), HeadOf::KeyValue),
           dOut = whole(dout, op.getDout(), HeadOf::Query);
  SmallVector<SimtPart, 2> queries = queryParts(q, sizes), keys = {k};
  if (sizes.shared)
    keys.push_back(whole(3, *op.getShared(), HeadOf::All));
  SmallVector<SimtPart, 2> dQueries = queryParts(whole(dq, op.getDq(), HeadOf::Query), sizes);
  SimtPart dKeys = whole(dk, op.getDk(), HeadOf::KeyValue);

  SimtKind byQuery, byKey;
  for (SimtKind *kind : {&byQuery, &byKey}) {
    kind->views = llvm::to_vector(llvm::seq<unsigned>(dq)); // every input
    kind->views[dout + 2] = delta;
    kind->lse = lse;
    kind->delta = delta;
    kind->lseStride = op.getLseStride();
    kind->deltaStride = op.getDeltaStride();
  }
  byQuery.byQuery = true;
  byQuery.scores = {queries, keys};
  byQuery.gradients = {{dOut}, {v}};
  byKey.byQuery = false;
  byKey.scores = {keys, queries};
  byKey.gradients = {{v}, {dOut}};
  byKey.loopsOverHeads = true;

  SmallVector<GpuKernel> kernels;
  if (op.getOut())
    kernels.push_back(buildAttentionDelta(op, builder, target));
  auto add = [&](SimtKind kind, StringRef suffix, ArrayRef<std::pair<SimtPart, SimtPart>> results,
                 ArrayRef<unsigned> outs) {
    kind.name = (op.getSymName() + suffix).str();
    kind.results.assign(results.begin(), results.end());
    kind.views.append(outs.begin(), outs.end());
    kernels.push_back(SimtKernel(op, op.getElement(), sizes, kind, builder, target).build());
  };
  SmallVector<std::pair<SimtPart, SimtPart>> results = {{keys[0], dQueries[0]}};
  if (sizes.shared)
    results.push_back({keys[1], dQueries[1]});
  add(byQuery, "_dq", results, {dq});

  // dshared belongs to one query head: with the same grid as dk only where query and KV heads are
  // one.
  results = {{queries[0], dKeys}};
  SmallVector<unsigned> outs = {dk};
  std::pair<SimtPart, SimtPart> sharedResult;
  if (sizes.shared)
    sharedResult = {queries[1], whole(dshared, *op.getDshared(), HeadOf::Query)};
  if (sizes.shared && sizes.group() == 1) {
    results.push_back(sharedResult);
    outs.push_back(dshared);
  }
  add(byKey, "_dk", results, outs);

  if (sizes.shared && sizes.group() > 1) {
    SimtKind byQueryHead = byKey;
    byQueryHead.loopsOverHeads = false;
    add(byQueryHead, "_dshared", {sharedResult}, {dshared});
  }

  byKey.gradients = {};
  add(byKey, "_dv", {{dOut, whole(dv, op.getDv(), HeadOf::KeyValue)}}, {dv});
  return kernels;
}

} // namespace swamla
