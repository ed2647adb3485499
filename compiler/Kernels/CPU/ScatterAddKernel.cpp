//===- ScatterAddKernel.cpp - CPU code for step.scatter_add_kernel --------===//
#include "compiler/Kernels/CPU/ScatterAddKernel.h"

#include "compiler/Kernels/CPU/KernelBuilder.h"

using namespace mlir;

namespace swamla {

namespace {
enum View : int64_t { Tokens, Dy, Table, NumViews };

/// table[c] += dy[c] for `from` <= c < `to`; the last vector is masked. dy is of `element`.
void addRow(KernelBuilder &b, Value table, Value dy, Type element, Value from, Value to) {
  Type f32 = b.getF32Type();
  int64_t lanes = b.lanes();
  auto addVector = [&](Value column, Value mask) {
    Value into = b.pointer(table, f32, column);
    Value added = b.loadVector(element, b.pointer(dy, element, column), mask);
    if (element != f32)
      added = arith::ExtFOp::create(b, b.vectorOf(f32), added);
    Value sum = arith::AddFOp::create(b, b.loadVector(f32, into, mask), added);
    b.storeVector(sum, into, mask);
  };
  Value width = arith::SubIOp::create(b, to, from);
  Value tail = arith::RemUIOp::create(b, width, b.i64(lanes));
  Value whole = arith::SubIOp::create(b, to, tail);
  b.loop(from, whole, lanes, [&](Value column) { addVector(column, Value()); });

  Value hasTail = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, tail, b.i64(0));
  auto ifTail = scf::IfOp::create(b, hasTail, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(ifTail.thenYield());
  Value active = b.splat(arith::TruncIOp::create(b, b.getI32Type(), tail));
  Value mask = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, b.iota(), active);
  addVector(whole, mask);
}
} // namespace

FailureOr<func::FuncOp> buildScatterAddKernel(step::ScatterAddKernelOp op, OpBuilder &builder,
                                              const CpuTarget &target) {
  OpBuilder::InsertionGuard guard(builder);
  KernelBuilder b(op.getLoc(), builder, target);
  func::FuncOp kernel = b.createKernel(op.getSymName(), NumViews);
  Type f32 = b.getF32Type(), i32 = b.getI32Type(), element = op.getElement();
  Value tokens = b.viewBase(Tokens), dy = b.viewBase(Dy), table = b.viewBase(Table);
  Value unitCols = b.i64(static_cast<int64_t>(op.getUnitCols()));
  Value cols = b.i64(static_cast<int64_t>(op.getCols()));
  Value stride = b.i64(static_cast<int64_t>(op.getDyStride()));
  Value rows = b.i64(static_cast<int64_t>(op.getRows()));

  // Consecutive units are consecutive columns: one strip for all the units of this call.
  Value from = b.mul(b.unitBegin(), unitCols);
  Value to = arith::MinSIOp::create(b, b.mul(b.unitEnd(), unitCols), cols);
  b.loop(b.i64(0), rows, 1, [&](Value row) {
    Value token = b.load(i32, b.pointer(tokens, i32, row));
    Value entry = arith::ExtSIOp::create(b, b.getI64Type(), token);
    Value target = b.pointer(table, f32, b.mul(entry, cols));
    addRow(b, target, b.pointer(dy, element, b.mul(row, stride)), element, from, to);
  });
  return kernel;
}

} // namespace swamla
