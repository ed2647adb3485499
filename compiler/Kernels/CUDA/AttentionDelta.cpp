//===- AttentionDelta.cpp - delta of attention's gradient, on its own -----===//
#include "compiler/Kernels/CUDA/AttentionDelta.h"

#include "compiler/Kernels/CUDA/AttentionSizes.h"
#include "compiler/Kernels/CUDA/CudaBuilder.h"

using namespace mlir;

namespace swamla {

GpuKernel buildAttentionDelta(step::AttentionGradKernelOp op, OpBuilder &builder,
                              const CudaTarget &target) {
  constexpr int64_t warps = 8;
  AttentionSizes sizes = attentionSizes(op);
  const int64_t rows = sizes.batch * sizes.seq;
  unsigned dout = sizes.shared ? 4 : 3;
  GpuLaunch launch;
  launch.grid = {(rows + warps - 1) / warps, sizes.heads, 1};
  launch.block = warps * kWarpSize;

  CudaBuilder b(op.getLoc(), builder, target);
  GpuKernel kernel;
  kernel.views = {dout + 2, dout, sizes.shared ? dout + 7 : dout + 6};
  kernel.func = b.createKernel((op.getSymName() + "_delta").str(), 3, launch);
  Value row = b.add(b.mul(b.blockId('x'), warps), b.warpId()), head = b.blockId('y');
  Value lane = b.laneId();
  auto rowOf = [&](unsigned parameter, step::HeadsAttr heads) {
    Value offset = b.add(b.mul(b.toI64(row), heads.getRowStride()),
                         b.mul(b.toI64(head), heads.getHeadStride()));
    return b.pointer(b.view(parameter), op.getElement(), offset);
  };
  b.when(b.lessThan(row, rows), [&] {
    Value out = rowOf(0, *op.getOut()), change = rowOf(1, op.getDout());
    ValueRange sum = b.loop(
        lane, b.i32(sizes.v), b.i32(kWarpSize), b.f32(0), [&](Value column, ValueRange carried) {
          auto load = [&](Value base) {
            return b.loadElements(op.getElement(), 1, b.pointer(base, op.getElement(), column))[0];
          };
          return SmallVector<Value>{b.fma(load(out), load(change), carried[0])};
        });
    Value delta = b.warpReduce(ReduceKind::Add, sum[0]);
    b.when(b.equal(lane, 0), [&] {
      Value at =
          b.add(b.mul(b.toI64(head), static_cast<int64_t>(op.getDeltaStride())), b.toI64(row));
      b.store(delta, b.pointer(b.view(2), b.getF32Type(), at));
    });
  });
  return kernel;
}

} // namespace swamla
