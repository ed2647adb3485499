//===- RowKernelOuts.cpp - how a row kernel writes its results ------------===//
//
// A sum over rows lives in its out: a unit's share of it is small (one row), so it
// stays in the first-level cache while the unit's rows stream by. Its first row
// overwrites what the out held before, or adds to it.
//
//===----------------------------------------------------------------------===//
#include "compiler/Kernels/CPU/RowKernelEmitter.h"

using namespace mlir;

namespace swamla {

Value RowKernelEmitter::isFirstOfSum(const RowKernelPlan::Out &out) {
  Value first;
  auto require = [&](Value position) {
    Value isZero = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, position, b.i64(0));
    first = first ? arith::AndIOp::create(b, first, isZero).getResult() : isZero;
  };
  for (unsigned dim : out.summedDims)
    require(dims[dim]);
  if (out.rowsPerSum > 1)
    require(arith::RemUIOp::create(b, dims[0], b.i64(out.rowsPerSum)));
  return first;
}

Value RowKernelEmitter::initialValue(const RowKernelPlan::Out &out, Value held) {
  if (out.accumulate || !out.reduces)
    return held;
  Value zero = b.constant(held.getType(), 0.0);
  return arith::SelectOp::create(b, isFirstOfSum(out), zero, held);
}

void RowKernelEmitter::emitRowOuts() {
  Values roots;
  for (const RowKernelPlan::Out &out : plan.outs)
    roots.push_back(out.value);
  materialise(roots, plan.rowDims, plan.passes.size());
  for (const RowKernelPlan::Out &out : plan.outs) {
    if (!out.perRow)
      continue;
    Value value = scalar(out.value);
    Value pointer = rowPointer(out.view);
    if (out.reduces || out.accumulate) {
      Value held = b.load(value.getType(), pointer);
      value = arith::AddFOp::create(b, initialValue(out, held), value);
    }
    b.store(value, pointer);
  }
}

void RowKernelEmitter::emitPointPass() {
  Values roots;
  for (const RowKernelPlan::Out &out : plan.outs)
    if (!out.perRow)
      roots.push_back(out.value);
  if (roots.empty())
    return;
  emitColumnLoops(plan.rowDims, roots, plan.passes.size(), {}, [&](ValueRange) {
    int64_t lanes = b.lanes(), width = plan.width(), whole = width / lanes * lanes;
    auto step = [&](Value column) {
      setColumn(column, Value());
      writePoints();
    };
    if (whole == lanes)
      step(b.i64(0));
    else if (whole > 0)
      b.loop(b.i64(0), b.i64(whole), lanes, step);
    if (whole < width) {
      setColumn(b.i64(whole), b.constantMask(width - whole));
      writePoints();
    }
    return Values();
  });
}

void RowKernelEmitter::writePoints() {
  // All loads come before the first store: an out may lie where an in does.
  Values values;
  for (const RowKernelPlan::Out &out : plan.outs)
    values.push_back(out.perRow ? Value() : vector(out.value));
  for (auto [out, value] : llvm::zip_equal(plan.outs, values)) {
    if (out.perRow)
      continue;
    if (out.transposed) { // the tile's rows have room for whole vectors
      Type element = tiles[out.view].element;
      b.storeVector(value, b.pointer(pointers.lookup(out.view), element, dims[plan.lastDim()]));
      continue;
    }
    Value pointer = columnPointer(out.view);
    if (out.reduces || out.accumulate) {
      Value held = b.loadVector(plan.views[out.view].element, pointer, mask);
      value = arith::AddFOp::create(b, initialValue(out, held), value);
    }
    b.storeVector(value, pointer, mask);
  }
}

} // namespace swamla
