//===- RowKernel.cpp - the loops of a row kernel --------------------------===//
#include "compiler/Kernels/CPU/RowKernel.h"

#include "compiler/Kernels/CPU/RowKernelEmitter.h"

using namespace mlir;

namespace swamla {

func::FuncOp RowKernelEmitter::build() {
  func::FuncOp kernel =
      b.createKernel(op.getSymName(), static_cast<int64_t>(plan.views.size()), planTiles());
  for (unsigned view = 0; view < plan.views.size(); ++view)
    bases.push_back(b.viewBase(view));
  scopes.emplace_back();
  emitRowLoops(0);
  return kernel;
}

void RowKernelEmitter::emitRowLoops(unsigned dim) {
  SmallVector<Value> results;
  for (const RowKernelPlan::Out &out : plan.outs)
    results.push_back(out.value);
  materialise(results, dim, /*stage=*/0);
  if (dim == plan.rowDims)
    return emitRow();

  Value from = b.i64(0), to = b.i64(plan.extents[dim]);
  if (dim == 0) {
    Value unitRows = b.i64(static_cast<int64_t>(op.getUnitRows()));
    from = b.mul(b.unitBegin(), unitRows);
    to = arith::MinSIOp::create(b, b.mul(b.unitEnd(), unitRows), to);
  }
  if (isTiled(dim))
    return emitTiledRows(dim, from, to);
  b.loop(from, to, 1, [&](Value index) {
    dims[dim] = index;
    scopes.emplace_back();
    emitRowLoops(dim + 1);
    scopes.pop_back();
  });
}

void RowKernelEmitter::emitRow() {
  for (unsigned pass = 0; pass < plan.passes.size(); ++pass)
    emitReductionPass(pass);
  emitRowOuts();
  emitPointPass();
}

RowKernelEmitter::Values RowKernelEmitter::emitColumnLoops(unsigned dim, ValueRange roots,
                                                           unsigned stage, ValueRange carried,
                                                           InnerLoops inner) {
  if (dim == plan.lastDim()) {
    preparePointers(roots);
    return inner(carried);
  }
  ValueRange results =
      b.loop(b.i64(0), b.i64(plan.extents[dim]), 1, carried, [&](Value index, ValueRange values) {
        dims[dim] = index;
        scopes.emplace_back();
        materialise(roots, dim + 1, stage);
        Values next = emitColumnLoops(dim + 1, roots, stage, values, inner);
        scopes.pop_back();
        return next;
      });
  return Values(results);
}

FailureOr<func::FuncOp> buildRowKernel(step::RowKernelOp op, OpBuilder &builder,
                                       const CpuTarget &target) {
  FailureOr<RowKernelPlan> plan = RowKernelPlan::create(op);
  if (failed(plan))
    return failure();
  OpBuilder::InsertionGuard guard(builder);
  return RowKernelEmitter(*plan, builder, target).build();
}

} // namespace swamla
