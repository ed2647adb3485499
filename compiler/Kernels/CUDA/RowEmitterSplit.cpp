//===- RowEmitterSplit.cpp - long rows that several blocks share ----------===//
//
// Each block reduces its part of the row and leaves the result in device memory.
// The last to do so reduces the results, in the order of the parts: which block
// that is makes no difference.
//
//===----------------------------------------------------------------------===//
#include "compiler/Kernels/CUDA/RowEmitter.h"

using namespace mlir;

namespace swamla {

Value RowEmitter::partialAt(Value row, Value split, int64_t sums) {
  Value part = b.add(b.mul(row, shape.splits), split);
  return b.pointer(b.scratch(), b.getF32Type(), b.add(b.mul(part, sums), shape.rows));
}

Value RowEmitter::isLastOfRow(Value row) {
  int64_t last = shape.splits - 1;
  Value flag = b.shared(ticketAt);
  b.when(b.equal(b.threadId(), 0), [&] {
    // Counts to `last` and starts again at zero, where the next launch wants it.
    Value counter = b.pointer(b.scratch(), b.getI32Type(), row);
    Value before = LLVM::AtomicRMWOp::create(b, LLVM::AtomicBinOp::uinc_wrap, counter, b.i32(last),
                                             LLVM::AtomicOrdering::acq_rel, "device");
    b.store(before, flag);
  });
  b.barrier();
  return b.equal(b.load(b.getI32Type(), flag), last);
}

void RowEmitter::emitSplitRow() {
  Type f32 = b.getF32Type();
  Value index = b.div(b.blockId('x'), shape.splits), split = b.rem(b.blockId('x'), shape.splits);
  RowContext row = rowAt(index, Value());
  firstChunk = b.mul(split, shape.splitChunks);
  SmallVector<ReduceRowOp> sums = sumsOf(0);
  auto count = static_cast<int64_t>(sums.size());
  Values roots;
  SmallVector<ReduceKind> kinds;
  for (ReduceRowOp sum : sums) {
    roots.push_back(sum.getValue());
    kinds.push_back(kindOf(sum));
  }
  materialise(row, roots, 0);
  Values partials = forChunks(row, roots, startPartials(0), [&](Chunks chunks, ValueRange soFar) {
    Values next(soFar);
    for (ChunkContext &chunk : chunks)
      addChunk(next, 0, chunk);
    return next;
  });
  partials = reduceInGroup(0, partials, kinds, Value());
  b.when(b.equal(b.threadId(), 0), [&] {
    Value own = partialAt(index, split, count);
    for (auto [i, partial] : llvm::enumerate(partials))
      b.store(partial, b.pointer(own, f32, static_cast<int64_t>(i)));
  });

  b.when(isLastOfRow(index), [&] {
    // A thread takes the results of one part, and leaves zeros.
    Values neutrals = startPartials(0);
    Values parts = Values(b.choose(
        b.lessThan(member, shape.splits),
        [&] {
          Values loaded;
          Value theirs = partialAt(index, member, count);
          for (int64_t i = 0; i < count; ++i) {
            Value at = b.pointer(theirs, f32, i);
            loaded.push_back(b.load(f32, at));
            b.store(b.f32(0.0), at);
          }
          return loaded;
        },
        [&] { return neutrals; }));
    pickColumns(0, row);
    parts = reduceInGroup(0, parts, kinds, Value());
    for (auto [sum, value] : llvm::zip_equal(sums, parts))
      row.scalars[sum.getResult()] = value;
    storeRowOuts(row);
  });
}

} // namespace swamla
