//===- RowEmitter.cpp - which thread of a row kernel does what ------------===//
#include "compiler/Kernels/CUDA/RowEmitter.h"

#include "compiler/Kernels/CUDA/RowKernel.h"

using namespace mlir;

namespace swamla {

RowEmitter::RowEmitter(const RowKernelPlan &plan, const RowKernelShape &shape, OpBuilder &builder,
                       const CudaTarget &target)
    : plan(plan), shape(shape), op(plan.op), b(op.getLoc(), builder, target) {}

LLVM::LLVMFuncOp RowEmitter::build() {
  analyseAccesses();
  LLVM::LLVMFuncOp kernel =
      b.createKernel(op.getSymName(), static_cast<int64_t>(plan.views.size()), planLaunch());
  member = b.rem(b.threadId(), shape.group);
  group = b.div(b.threadId(), shape.group);
  if (shape.kind == RowKernelShape::Kind::Points)
    emitPoints();
  else if (shape.stripsOfBlock != 0)
    emitStrips();
  else if (shape.unitRows != 0)
    emitUnit();
  else if (shape.splits > 1)
    emitSplitRow();
  else
    emitRows();
  return kernel;
}

GpuLaunch RowEmitter::planLaunch() {
  GpuLaunch launch;
  launch.grid = {shape.blocks, 1, 1};
  launch.block = shape.block;
  launch.minBlocksPerSm = shape.minBlocksPerSm;
  int64_t scratch = planPassScratch();
  if (shape.looped) {
    int64_t cache = planCache(scratch);
    scratch += cache;
    // The blocks of an SM overlap their passes over memory with each other's arithmetic.
    launch.minBlocksPerSm = shape.block <= 512 ? 2 : 1;
  }
  if (shape.splits > 1) { // a counter for each row, and the blocks' results
    auto results = static_cast<int64_t>(sumsOf(0).size()) * shape.splits;
    launch.scratchBytes = 4 * shape.rows * (1 + results);
  }
  int64_t sums = 0;
  for (const Out &out : plan.outs)
    if (isKept(out) && shape.rowsPerBlock > 1) {
      int64_t elements = out.perRow ? 1 : shape.perThread * shape.group * shape.vec;
      int64_t bytes = plan.views[out.view].element.getIntOrFloatBitWidth() / 8;
      int64_t parts = out.perRow ? shape.rowsPerBlock : partsOfChunkSum(out);
      sums = std::max(sums, parts * elements * bytes);
    }
  scratch += planSlab(scratch);
  launch.sharedBytes = std::max(scratch, sums);
  return launch;
}

//===----------------------------------------------------------------------===//
// Contexts
//===----------------------------------------------------------------------===//

/// The smaller of a number and a limit, neither negative.
static Value atMost(CudaBuilder &b, Value value, int64_t limit) {
  Value bound = arith::ConstantOp::create(b, b.getIntegerAttr(value.getType(), limit));
  return b.createOrFold<arith::MinUIOp>(value, bound);
}

/// Splits a row-major number into positions along dims, i32.
static void delinearise(CudaBuilder &b, Value index, ArrayRef<int64_t> extents,
                        MutableArrayRef<Value> dims) {
  for (size_t i = extents.size(); i-- > 0;) {
    if (extents[i] == 1) {
      dims[i] = b.i32(0);
      continue;
    }
    bool outermost = llvm::all_of(extents.take_front(i), [](int64_t e) { return e == 1; });
    dims[i] = b.toI32(outermost ? index : b.rem(index, extents[i]));
    if (!outermost)
      index = b.div(index, extents[i]);
  }
}

RowContext RowEmitter::rowAt(Value index, Value valid) {
  RowContext row;
  row.valid = valid;
  if (valid)
    index = atMost(b, index, shape.rows - 1);
  row.dims.resize(plan.rowDims);
  ArrayRef<int64_t> extents = ArrayRef(plan.extents).take_front(plan.rowDims);
  if (shape.rowTile > 1) {
    Value dims[3];
    delinearise(b, index, {extents[0] / shape.rowTile, extents[1], shape.rowTile}, dims);
    row.dims = {b.add(b.mul(dims[0], shape.rowTile), dims[2]), dims[1]};
  } else {
    delinearise(b, index, extents, row.dims);
  }
  return row;
}

ChunkContext RowEmitter::chunkAt(RowContext &row, Value first, int64_t shift, bool mayBeOutside) {
  ChunkContext chunk;
  chunk.row = &row;
  chunk.vec = shape.vec;
  Value number = b.add(first, shift);
  chunk.first = first;
  chunk.shift = shift;
  if (mayBeOutside) {
    chunk.valid = b.lessThan(number, shape.chunks);
    chunk.unclamped = number;
    chunk.first = number = atMost(b, number, shape.chunks - 1);
    chunk.shift = 0;
  }
  SmallVector<int64_t> extents(ArrayRef(plan.extents).drop_front(plan.rowDims));
  extents.back() /= shape.vec;
  chunk.columns.resize(extents.size());
  delinearise(b, number, extents, chunk.columns);
  chunk.columns.back() = b.mul(chunk.columns.back(), shape.vec);
  return chunk;
}

RowEmitter::Values RowEmitter::columnsAt(Value number) {
  ArrayRef<int64_t> extents = ArrayRef(plan.extents).drop_front(plan.rowDims);
  Values columns(extents.size());
  delinearise(b, number, extents, columns);
  return columns;
}

SmallVector<ChunkContext> RowEmitter::chunksOfThread(RowContext &row) {
  SmallVector<ChunkContext> chunks;
  for (int64_t i = 0; i < shape.perThread; ++i)
    chunks.push_back(chunkAt(row, member, i * shape.group, (i + 1) * shape.group > shape.chunks));
  return chunks;
}

//===----------------------------------------------------------------------===//
// Points
//===----------------------------------------------------------------------===//

void RowEmitter::emitPoints() {
  int64_t total = shape.rows * shape.chunks, perBlock = shape.block * shape.atOnce;
  bool wide = shape.blocks * perBlock > std::numeric_limits<int32_t>::max();
  Value block = b.blockId('x'), thread = b.threadId();
  if (wide) {
    block = b.toI64(block);
    thread = b.toI64(thread);
  }
  Value first = b.add(b.mul(block, perBlock), thread);
  SmallVector<RowContext> rows;
  SmallVector<ChunkContext> chunks;
  rows.reserve(shape.atOnce); // chunks point into it
  for (int64_t i = 0; i < shape.atOnce; ++i) {
    Value number = b.add(first, i * shape.block), valid;
    if (total % perBlock != 0) {
      valid = b.lessThan(number, total);
      number = atMost(b, number, total - 1);
    }
    rows.push_back(rowAt(b.div(number, shape.chunks), Value()));
    rows.back().valid = valid;
    Value chunk = shape.chunks == 1 ? b.i32(0) : b.toI32(b.rem(number, shape.chunks));
    chunks.push_back(chunkAt(rows.back(), chunk, 0, /*mayBeOutside=*/false));
  }
  Values roots = outValues(/*points=*/true);
  for (ChunkContext &chunk : chunks)
    prefetch(chunk, roots);
  for (ChunkContext &chunk : chunks)
    for (Value root : roots)
      valueOf(chunk, root);
  for (ChunkContext &chunk : chunks)
    storeChunk(chunk);
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

void RowEmitter::emitRows() {
  int64_t perBlock = shape.rowsPerBlock * shape.atOnce;
  SmallVector<RowContext> rows;
  for (int64_t i = 0; i < shape.atOnce; ++i) {
    Value index = b.add(b.mul(b.blockId('x'), perBlock), b.add(group, i * shape.rowsPerBlock));
    Value valid = shape.rows % perBlock == 0 ? Value() : b.lessThan(index, shape.rows);
    rows.push_back(rowAt(index, valid));
  }
  if (shape.looped)
    return emitLoopedRow(rows.front(), Value());
  Values noSums;
  emitRowsInRegisters(rows, Value(), noSums);
}

void RowEmitter::emitUnit() {
  bool isColumns = shape.kind == RowKernelShape::Kind::Columns;
  int64_t strips = isColumns ? llvm::divideCeil(shape.chunks, shape.group) : 1;
  Value unit = b.div(b.blockId('x'), strips);
  Value firstChunk =
      isColumns ? b.mul(b.rem(b.blockId('x'), strips), shape.group) : Value(b.i32(0));
  unitRow = b.mul(unit, shape.unitRows);

  // Sums that live in the outs want one row after the other: one group works.
  int64_t groups = shape.sumsInRegisters ? shape.rowsPerBlock : 1;
  int64_t perRound = groups * shape.atOnce;
  bool full = shape.rows % shape.unitRows == 0 && shape.unitRows % perRound == 0 &&
              groups == shape.rowsPerBlock &&
              (shape.slabRows == 0 || shape.unitRows % shape.slabRows == 0);
  auto round = [&](Value iteration, Value ofSlab, ValueRange carried) {
    Values sums(carried);
    SmallVector<RowContext> rows;
    for (int64_t i = 0; i < shape.atOnce; ++i) {
      Value local = b.add(b.add(b.mul(iteration, perRound), i * groups), group);
      Value index = b.add(unitRow, local), valid;
      if (!full) {
        Value inUnit = b.lessThan(b.sub(local, group), shape.unitRows);
        if (groups == shape.rowsPerBlock)
          inUnit = b.lessThan(local, shape.unitRows);
        else
          inUnit = b.both(inUnit, b.equal(group, 0));
        valid = b.both(inUnit, b.lessThan(index, shape.rows));
      }
      rows.push_back(rowAt(index, valid));
      if (ofSlab)
        rows.back().ofSlab = b.add(b.add(b.mul(ofSlab, perRound), i * groups), group);
    }
    if (shape.looped) {
      emitLoopedRow(rows.front(), iteration);
    } else if (isColumns) {
      emitColumns(rows, firstChunk, sums);
    } else {
      emitRowsInRegisters(rows, iteration, sums);
    }
    return sums;
  };
  int64_t rounds = llvm::divideCeil(shape.unitRows, perRound);
  Values sums = startSums();
  if (shape.slabRows != 0)
    sums = emitSlabs(firstChunk, sums, round);
  else if (rounds == 1)
    sums = round(b.i32(0), Value(), sums);
  else
    sums = Values(
        b.loop(b.i32(0), b.i32(rounds), b.i32(1), sums, [&](Value iteration, ValueRange soFar) {
          return round(iteration, Value(), soFar);
        }));
  RowContext row = rowAt(unitRow, Value());
  writeSums(sums, row, firstChunk);
}

void RowEmitter::emitColumns(MutableArrayRef<RowContext> rows, Value firstChunk, Values &sums) {
  bool mayBeOutside = shape.chunks % shape.group != 0;
  Values roots = outValues(/*points=*/true);
  SmallVector<ChunkContext> chunks;
  for (RowContext &row : rows)
    chunks.push_back(chunkAt(row, b.add(firstChunk, member), 0, mayBeOutside));
  for (ChunkContext &chunk : chunks)
    prefetch(chunk, roots);
  for (ChunkContext &chunk : chunks)
    for (Value root : roots)
      valueOf(chunk, root);
  for (auto [row, chunk] : llvm::zip_equal(rows, chunks)) {
    storeChunk(chunk);
    addToSums(sums, row, chunk);
  }
}

void RowEmitter::emitRowsInRegisters(MutableArrayRef<RowContext> rows, Value iteration,
                                     Values &sums) {
  SmallVector<SmallVector<ChunkContext>> chunks;
  Values points = outValues(/*points=*/true), roots = points;
  for (const auto &pass : plan.passes)
    for (ReduceRowOp reduction : pass)
      roots.push_back(reduction.getValue());
  for (RowContext &row : rows) {
    chunks.push_back(chunksOfThread(row));
    for (ChunkContext &chunk : chunks.back())
      prefetch(chunk, roots);
  }
  append_range(roots, outValues(/*points=*/false));
  for (RowContext &row : rows)
    materialise(row, roots, 0);

  for (unsigned pass = 0; pass < plan.passes.size(); ++pass) {
    SmallVector<Values> partials;
    for (auto [row, own] : llvm::zip_equal(rows, chunks)) {
      pickColumns(pass, row);
      partials.push_back(startPartials(pass));
      for (ChunkContext &chunk : own)
        addChunk(partials.back(), pass, chunk);
    }
    finishPass(pass, rows, partials, iteration);
  }
  // All loads come before the first store: an out may lie where an in does.
  for (auto &own : chunks)
    for (ChunkContext &chunk : own)
      for (Value root : points)
        valueOf(chunk, root);
  for (auto [row, own] : llvm::zip_equal(rows, chunks)) {
    storeRowOuts(row);
    for (ChunkContext &chunk : own)
      storeChunk(chunk);
    addToSums(sums, row, own);
  }
}

FailureOr<SmallVector<GpuKernel>> buildRowKernel(step::RowKernelOp op, OpBuilder &builder,
                                                 const CudaTarget &target) {
  FailureOr<RowKernelPlan> plan = RowKernelPlan::create(op);
  if (failed(plan))
    return failure();
  for (const auto &pass : plan->passes)
    for (ReduceRowOp reduction : pass)
      if (!reduction.getType().isF32())
        return reduction.emitOpError()
               << "is of type " << reduction.getType() << ", expected f32 on the GPU";
  OpBuilder::InsertionGuard guard(builder);
  RowKernelShape shape = RowKernelShape::choose(*plan, target);
  GpuKernel kernel{RowEmitter(*plan, shape, builder, target).build(), {}};
  for (unsigned view = 0; view < plan->views.size(); ++view)
    kernel.views.push_back(view);
  return SmallVector<GpuKernel>{kernel};
}

} // namespace swamla
