//===- RowKernelReduction.cpp - reductions along a row --------------------===//
//
// Column c of the last dim is added to slot c mod 64, slots in the order of
// columns; then slot i takes slot i + 32, i + 16, ... i + 1. With 64 slots there
// are 4 independent chains of 16-lane vectors, 8 of 8 lanes, 16 of 4 lanes: the
// same sum to the bit on every target, whatever the kernel computes beside it.
//
//===----------------------------------------------------------------------===//
#include "compiler/Kernels/CPU/RowKernelEmitter.h"

#include <limits>

using namespace mlir;

namespace swamla {

namespace {
constexpr unsigned kSlots = 64;

double neutral(RowReduction kind) {
  return kind == RowReduction::max ? -std::numeric_limits<double>::infinity() : 0.0;
}

Value combine(KernelBuilder &b, RowReduction kind, Value lhs, Value rhs) {
  if (kind == RowReduction::max)
    return arith::MaximumFOp::create(b, lhs, rhs);
  return arith::AddFOp::create(b, lhs, rhs);
}
} // namespace

void RowKernelEmitter::emitReductionPass(unsigned pass) {
  ArrayRef<ReduceRowOp> reductions = plan.passes[pass];
  unsigned vectorsPerRound = kSlots / b.lanes();
  Values roots, slots;
  for (ReduceRowOp reduction : reductions) {
    roots.push_back(reduction.getValue());
    Value start = b.constant(b.vectorOf(reduction.getType()), neutral(reduction.getKind()));
    slots.append(vectorsPerRound, start);
  }
  materialise(roots, plan.rowDims, pass);
  slots = emitColumnLoops(plan.rowDims, roots, pass, slots, [&](ValueRange carried) {
    return emitReductionLoops(reductions, carried);
  });
  for (auto [i, element] : llvm::enumerate(reductions)) {
    ReduceRowOp reduction = element;
    ArrayRef<Value> own = ArrayRef(slots).slice(i * vectorsPerRound, vectorsPerRound);
    scopes.back()[reduction.getResult()] = foldSlots(reduction, own);
  }
}

RowKernelEmitter::Values RowKernelEmitter::emitReductionLoops(ArrayRef<ReduceRowOp> reductions,
                                                              ValueRange carried) {
  int64_t lanes = b.lanes(), width = plan.width();
  int64_t rounds = width / kSlots * kSlots;
  Values slots(carried);
  auto round = [&](Value column, ValueRange values) {
    Values next(values);
    for (unsigned slot = 0; slot < kSlots / lanes; ++slot)
      reduceVector(reductions, next, slot, b.add(column, b.i64(slot * lanes)), Value());
    return next;
  };
  if (rounds == kSlots)
    slots = round(b.i64(0), slots);
  else if (rounds > 0)
    slots = Values(b.loop(b.i64(0), b.i64(rounds), kSlots, slots, round));

  unsigned slot = 0;
  for (int64_t column = rounds; column < width; column += lanes, ++slot) {
    Value tail = column + lanes > width ? b.constantMask(width - column) : Value();
    reduceVector(reductions, slots, slot, b.i64(column), tail);
  }
  return slots;
}

void RowKernelEmitter::reduceVector(ArrayRef<ReduceRowOp> reductions, Values &slots, unsigned slot,
                                    Value column, Value tail) {
  setColumn(column, tail);
  for (auto [i, element] : llvm::enumerate(reductions)) {
    ReduceRowOp reduction = element;
    Value value = vector(reduction.getValue());
    if (tail) {
      Value nothing = b.constant(value.getType(), neutral(reduction.getKind()));
      value = arith::SelectOp::create(b, tail, value, nothing);
    }
    Value &sum = slots[i * (kSlots / b.lanes()) + slot];
    sum = combine(b, reduction.getKind(), sum, value);
  }
}

Value RowKernelEmitter::foldSlots(ReduceRowOp reduction, ValueRange slots) {
  Values sums(slots);
  for (; sums.size() > 1; sums.resize(sums.size() / 2))
    for (size_t i = 0, half = sums.size() / 2; i < half; ++i)
      sums[i] = combine(b, reduction.getKind(), sums[i], sums[i + half]);
  Value sum = sums.front();
  for (int64_t half = b.lanes() / 2; half >= 1; half /= 2) {
    auto low = llvm::to_vector(llvm::seq<int64_t>(0, half));
    auto high = llvm::to_vector(llvm::seq<int64_t>(half, 2 * half));
    Value lhs = vector::ShuffleOp::create(b, sum, sum, low);
    Value rhs = vector::ShuffleOp::create(b, sum, sum, high);
    sum = combine(b, reduction.getKind(), lhs, rhs);
  }
  return vector::ExtractOp::create(b, sum, ArrayRef<int64_t>{0});
}

} // namespace swamla
