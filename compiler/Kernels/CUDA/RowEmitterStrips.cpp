//===- RowEmitterStrips.cpp - transposed rows beside their maxima ---------===//
//
// Rows too wide for shared memory, whose maxima nothing but an out of one element a
// row asks for: a block goes over strips of 128 columns of its rows, writes each as
// columns, and keeps the maxima in registers. Where blocks would be few, several
// share the rows, each some of the strips; the last of them to finish puts the
// maxima together. A maximum is the same in any order.
//
//===----------------------------------------------------------------------===//
#include "compiler/Kernels/CUDA/RowEmitter.h"

using namespace mlir;

namespace swamla {

void RowEmitter::emitStrips() {
  Value unit = b.div(b.blockId('x'), shape.splits), split = b.rem(b.blockId('x'), shape.splits);
  unitRow = b.mul(unit, shape.slabRows);
  Values points = outValues(/*points=*/true), roots = points;
  for (ReduceRowOp reduction : plan.passes[0])
    roots.push_back(reduction.getValue());
  Values all = roots;
  append_range(all, outValues(/*points=*/false));
  SmallVector<RowContext> rows;
  for (int64_t i = 0; i < shape.atOnce; ++i) {
    Value local = b.add(group, i * shape.rowsPerBlock), index = b.add(unitRow, local);
    rows.push_back(
        rowAt(index, shape.rows % shape.slabRows == 0 ? Value() : b.lessThan(index, shape.rows)));
    rows.back().ofSlab = local;
    materialise(rows.back(), all, 0); // not inside the loop
  }
  Values partials;
  for (int64_t i = 0; i < shape.atOnce; ++i)
    append_range(partials, startPartials(0));
  Value begin = b.mul(split, shape.stripsOfBlock);
  Value end = b.smaller(b.add(begin, shape.stripsOfBlock), b.i32(shape.strips()));
  partials = Values(b.loop(begin, end, b.i32(1), partials, [&](Value strip, ValueRange soFar) {
    return emitStrip(rows, b.mul(strip, shape.group), roots, soFar);
  }));
  finishStrips(unit, split, rows, partials);
}

RowEmitter::Values RowEmitter::emitStrip(MutableArrayRef<RowContext> rows, Value firstChunk,
                                         ArrayRef<Value> roots, ValueRange soFar) {
  Values partials(soFar);
  size_t count = partials.size() / rows.size();
  SmallVector<ChunkContext> chunks;
  for (RowContext &row : rows) {
    row.pointers.clear(); // those of another strip are not known here
    chunks.push_back(chunkAt(row, b.add(firstChunk, member), 0, shape.chunks % shape.group != 0));
    prefetch(chunks.back(), roots);
  }
  for (ChunkContext &chunk : chunks)
    for (Value root : roots)
      valueOf(chunk, root);
  for (auto [i, chunk] : llvm::enumerate(chunks)) {
    storeChunk(chunk);
    addChunk(MutableArrayRef(partials).slice(i * count, count), 0, chunk);
  }
  b.barrier();
  writeSlabs(b.i32(0), firstChunk);
  b.barrier(); // the next strip comes to the same memory
  for (RowContext &row : rows)
    row.pointers.clear();
  return partials;
}

void RowEmitter::finishStrips(Value unit, Value split, MutableArrayRef<RowContext> rows,
                              ArrayRef<Value> partials) {
  size_t count = partials.size() / rows.size();
  SmallVector<Values> ofRows;
  for (size_t i = 0; i < rows.size(); ++i)
    ofRows.emplace_back(partials.slice(i * count, count));
  finishPass(0, rows, ofRows, Value());
  if (shape.splits == 1) {
    for (RowContext &row : rows)
      storeRowOuts(row);
    return;
  }
  Type f32 = b.getF32Type();
  SmallVector<ReduceRowOp> maxima = sumsOf(0);
  auto number = static_cast<int64_t>(count);
  auto partial = [&](const RowContext &row, Value ofSplit, int64_t i) {
    Value index = b.add(b.mul(unit, shape.slabRows), row.ofSlab);
    return b.pointer(partialAt(index, ofSplit, number), f32, i);
  };
  for (RowContext &row : rows)
    whenAll({row.valid, b.equal(member, 0)}, [&] {
      for (auto [i, maximum] : llvm::enumerate(maxima))
        b.store(row.scalars.lookup(maximum.getResult()),
                partial(row, split, static_cast<int64_t>(i)));
    });
  b.barrier();
  b.when(isLastOfRow(unit), [&] {
    // A lane takes what one block has left, and leaves zeros.
    for (auto [row, values] : llvm::zip_equal(rows, ofRows)) {
      Value theirs = b.lessThan(member, shape.splits);
      values = Values(b.choose(
          row.valid ? b.both(theirs, row.valid) : theirs,
          [&] {
            Values loaded;
            for (int64_t i = 0; i < number; ++i) {
              Value at = partial(row, member, i);
              loaded.push_back(b.load(f32, at));
              b.store(b.f32(0.0), at);
            }
            return loaded;
          },
          [&] { return startPartials(0); }));
    }
    finishPass(0, rows, ofRows, Value());
    for (RowContext &row : rows)
      storeRowOuts(row);
  });
}

} // namespace swamla
