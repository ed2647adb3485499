//===- RowEmitterLooped.cpp - rows that registers cannot hold -------------===//
//
// A block goes over its row once for each pass and once for the results. What
// several of these read is kept in shared memory, where two blocks find room in an
// SM; a thread only ever reads back what it has written itself.
//
//===----------------------------------------------------------------------===//
#include "compiler/Kernels/CUDA/RowEmitter.h"

using namespace mlir;

namespace swamla {

/// Shared memory of a block where an SM holds two, less what the system takes of each.
static constexpr int64_t kHalfShared = (228 / 2 - 1) * 1024;

/// What a thread has in flight; the elements of several chunks must find room in its registers.
static constexpr int64_t kBytesAtOnce = 64;

int64_t RowEmitter::planCache(int64_t offset) {
  // By view: how many passes read it, and the first that does.
  SmallVector<unsigned> readers(plan.views.size(), 0);
  auto count = [&](ArrayRef<Value> roots, unsigned pass) {
    for (Value leaf : leavesOf(roots)) {
      unsigned view = cast<BlockArgument>(leaf).getArgNumber();
      if (plan.isVector(leaf) && readers[view]++ == 0)
        accesses[view].firstPass = pass;
    }
  };
  for (unsigned pass = 0; pass < plan.passes.size(); ++pass) {
    Values roots;
    for (ReduceRowOp sum : sumsOf(pass))
      roots.push_back(sum.getValue());
    count(roots, pass);
  }
  count(outValues(/*points=*/true), plan.passes.size());

  int64_t used = offset;
  for (auto [i, view] : llvm::enumerate(plan.views)) {
    int64_t elements = shape.perThread * shape.group * shape.vec;
    int64_t bytes = elements * view.element.getIntOrFloatBitWidth() / 8;
    bool inOneRow = view.gather < 0 && plan.numDims() == plan.rowDims + 1;
    if (readers[i] < 2 || !inOneRow || used + bytes > kHalfShared)
      continue;
    accesses[i].cache = used;
    used += static_cast<int64_t>(llvm::alignTo(bytes, 16));
  }
  return used - offset;
}

RowEmitter::Values RowEmitter::forChunks(RowContext &row, ArrayRef<Value> roots, ValueRange carried,
                                         ChunkBody body) {
  Values leaves;
  int64_t bytes = 0; // of a chunk
  for (Value leaf : leavesOf(roots))
    if (plan.isVector(leaf)) {
      leaves.push_back(leaf);
      bytes += shape.vec * leaf.getType().getIntOrFloatBitWidth() / 8;
      // An address that every iteration needs is computed before them.
      unsigned view = cast<BlockArgument>(leaf).getArgNumber();
      int64_t source = plan.views[view].gather;
      if (source < 0 || plan.views[source].level <= plan.rowDims)
        rowPointer(view, row);
    }
  for (const Out &out : plan.outs)
    if (!out.perRow)
      rowPointer(out.view, row);

  auto run = [&](Chunks chunks, ValueRange soFar) {
    for (ChunkContext &chunk : chunks)
      prefetch(chunk, roots);
    for (ChunkContext &chunk : chunks)
      fillCache(chunk, leaves);
    return body(chunks, soFar);
  };
  int64_t atOnce = std::clamp<int64_t>(kBytesAtOnce / std::max<int64_t>(bytes, 1), 1, 8);
  int64_t count = firstChunk ? shape.splitChunks : shape.chunks;
  int64_t perRound = atOnce * shape.group, rounds = count / perRound;
  Value start = firstChunk ? b.add(firstChunk, member) : member;
  Values values(carried);
  if (rounds > 0)
    values = Values(
        b.loop(b.i32(0), b.i32(rounds), b.i32(1), values, [&](Value round, ValueRange soFar) {
          Value first = b.add(b.mul(round, perRound), start);
          SmallVector<ChunkContext> chunks;
          for (int64_t i = 0; i < atOnce; ++i)
            chunks.push_back(chunkAt(row, first, i * shape.group, firstChunk != nullptr));
          return run(chunks, soFar);
        }));
  SmallVector<ChunkContext> rest;
  for (int64_t from = rounds * perRound; from < count; from += shape.group)
    rest.push_back(chunkAt(row, start, from, firstChunk || from + shape.group > count));
  return rest.empty() ? values : run(rest, values);
}

void RowEmitter::emitLoopedPass(RowContext &row, unsigned pass, Value iteration) {
  Values roots;
  for (ReduceRowOp sum : sumsOf(pass))
    roots.push_back(sum.getValue());
  materialise(row, roots, pass);
  pickColumns(pass, row);
  if (roots.empty())
    return;
  Values partials =
      forChunks(row, roots, startPartials(pass), [&](Chunks chunks, ValueRange soFar) {
        Values next(soFar);
        for (ChunkContext &chunk : chunks)
          addChunk(next, pass, chunk);
        return next;
      });
  finishPass(pass, row, partials, iteration);
}

void RowEmitter::emitLoopedRow(RowContext &row, Value iteration) {
  Values points = outValues(/*points=*/true), all = points;
  append_range(all, outValues(/*points=*/false));
  for (const auto &pass : plan.passes)
    for (ReduceRowOp reduction : pass)
      all.push_back(reduction.getValue());
  materialise(row, all, 0);
  for (currentPass = 0; currentPass < plan.passes.size(); ++currentPass)
    emitLoopedPass(row, currentPass, iteration);
  append_range(all, outValues(/*points=*/false));
  materialise(row, all, plan.passes.size());
  storeRowOuts(row);
  if (!points.empty())
    forChunks(row, points, {}, [&](Chunks chunks, ValueRange) {
      for (ChunkContext &chunk : chunks)
        for (Value point : points)
          valueOf(chunk, point);
      for (ChunkContext &chunk : chunks)
        storeChunk(chunk);
      return Values();
    });
}

} // namespace swamla
