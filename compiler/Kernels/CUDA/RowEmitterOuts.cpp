//===- RowEmitterOuts.cpp - how a row kernel writes its results on the GPU ===//
#include "compiler/Kernels/CUDA/RowEmitter.h"

using namespace mlir;

namespace swamla {

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

/// What an out that holds `held` starts from at this row: where its sum lives in memory, zero at
/// the first row of the sum.
Value RowEmitter::startOfSum(const Out &out, const RowContext &row, Value held) {
  if (out.accumulate || !out.reduces)
    return held;
  Value first = b.i1(true);
  for (unsigned dim : out.summedDims)
    first = b.both(first, b.equal(row.dims[dim], 0));
  if (out.rowsPerSum > 1)
    first = b.both(first, b.equal(b.rem(row.dims[0], out.rowsPerSum), 0));
  return b.select(first, b.constant(held.getType(), 0.0), held);
}

void RowEmitter::storeRowOuts(RowContext &row) {
  SmallVector<std::pair<const Out *, Value>> stores;
  for (const Out &out : plan.outs)
    if (out.perRow && !isKept(out)) {
      stores.push_back({&out, scalar(row, nullptr, out.value)});
      rowPointer(out.view, row);
    }
  // A thread writes what the others of its group may have yet to read: values of the row, or
  // columns that were picked.
  bool othersRead = shape.group > 1 && llvm::any_of(llvm::enumerate(plan.views), [&](auto view) {
                      bool held = !accesses[view.index()].readOnly;
                      bool used = !op.getBody().getArgument(view.index()).use_empty();
                      return held && used && view.value().level <= plan.rowDims;
                    });
  // A sum of warps has met at a barrier, behind which nobody reads values of the row.
  if (shape.kind == RowKernelShape::Kind::Rows && shape.group > kWarpSize &&
      llvm::any_of(llvm::seq<unsigned>(plan.passes.size()),
                   [&](unsigned pass) { return !sumsOf(pass).empty(); }))
    othersRead = false;
  for (const auto &pass : plan.passes)
    othersRead |=
        llvm::any_of(pass, [&](ReduceRowOp reduction) { return pickOf(reduction).has_value(); });
  if (othersRead)
    groupBarrier();
  if (stores.empty())
    return;
  Value isFirst = shape.group == 1 ? Value() : b.equal(member, 0);
  whenAll({row.valid, isFirst}, [&] {
    for (auto [out, value] : stores) {
      Value pointer = rowPointer(out->view, row);
      if (out->reduces || out->accumulate) {
        Value held = b.load(value.getType(), pointer);
        value = arith::AddFOp::create(b, startOfSum(*out, row, held), value);
      }
      b.store(value, pointer);
    }
  });
}

void RowEmitter::storeChunk(ChunkContext &chunk) {
  RowContext &row = *chunk.row;
  for (const Out &out : plan.outs) {
    if (out.perRow || isKept(out))
      continue;
    if (out.transposed) {
      storeTransposed(out, chunk);
      continue;
    }
    Type element = plan.views[out.view].element;
    int64_t bytes = accesses[out.view].bytes, elementBytes = element.getIntOrFloatBitWidth() / 8;
    ChunkValue value = valueOf(chunk, out.value);
    bool adds = out.reduces || out.accumulate;
    // What is stored is made here, not inside the branch.
    bool inPairs = isNarrowFloat(element) && bytes > elementBytes && chunk.vec > 1 && !adds;
    inPairs ? fillPairs(value, element) : fillLanes(value);
    Value pointer = chunkPointer(out.view, chunk);
    whenAll({row.valid, chunk.valid}, [&] {
      ChunkValue stored = value;
      if (adds) {
        stored = loadVector(element, pointer, chunk.vec, bytes, /*readOnly=*/false);
        fillLanes(stored);
        stored.pairs.clear();
        for (auto [held, lane] : llvm::zip_equal(stored.lanes, value.lanes))
          held = arith::AddFOp::create(b, startOfSum(out, row, held), lane);
      }
      storeVector(element, stored, pointer, chunk.vec, bytes);
    });
  }
}

//===----------------------------------------------------------------------===//
// Sums over the rows of a unit, kept by the threads
//===----------------------------------------------------------------------===//

RowEmitter::Values RowEmitter::startSums() {
  Values sums;
  for (const Out &out : plan.outs)
    if (isKept(out))
      sums.append(out.perRow ? 1 : shape.perThread * shape.vec,
                  b.constant(plan.views[out.view].element, 0.0));
  return sums;
}

void RowEmitter::addToSums(Values &sums, RowContext &row, Chunks chunks) {
  Value *next = sums.begin();
  auto add = [&](Value value) {
    Value sum = arith::AddFOp::create(b, *next, value);
    *next++ = row.valid ? b.select(row.valid, sum, *next) : sum;
  };
  for (const Out &out : plan.outs) {
    if (!isKept(out))
      continue;
    if (out.perRow) {
      add(scalar(row, nullptr, out.value));
      continue;
    }
    for (ChunkContext &chunk : chunks)
      for (Value lane : lanesOf(chunk, out.value))
        add(lane);
  }
}

void RowEmitter::writeSums(ArrayRef<Value> sums, RowContext &row, Value firstChunk) {
  for (const Out &out : plan.outs) {
    if (!isKept(out))
      continue;
    size_t count = out.perRow ? 1 : shape.perThread * shape.vec;
    if (out.perRow)
      writeRowSum(out, sums.front(), row);
    else
      writeChunkSums(out, sums.take_front(count), row, firstChunk);
    sums = sums.drop_front(count);
  }
}

void RowEmitter::writeRowSum(const Out &out, Value sum, RowContext &row) {
  Type element = sum.getType();
  if (shape.rowsPerBlock > 1) {
    b.barrier(); // the memory has been used for something else
    Value base = b.shared();
    b.when(b.equal(member, 0), [&] { b.store(sum, b.pointer(base, element, group)); });
    b.barrier();
    sum = b.loop(b.i32(1), b.i32(shape.rowsPerBlock), b.i32(1), b.load(element, base),
                 [&](Value other, ValueRange so) -> Values {
                   Value value = b.load(element, b.pointer(base, element, other));
                   return {arith::AddFOp::create(b, so.front(), value)};
                 })
              .front();
  }
  Value pointer = rowPointer(out.view, row);
  b.when(b.equal(b.threadId(), 0), [&] {
    Value held = out.accumulate ? b.load(element, pointer) : Value();
    b.store(held ? Value(arith::AddFOp::create(b, held, sum)) : sum, pointer);
  });
}

int64_t RowEmitter::partsOfChunkSum(const Out &out) const {
  bool inWarps = plan.views[out.view].element.isF32();
  return inWarps ? shape.rowsPerBlock / shape.groupsOfWarp() : shape.rowsPerBlock;
}

void RowEmitter::writeChunkSums(const Out &out, ArrayRef<Value> sums, RowContext &row,
                                Value firstChunk) {
  Type element = plan.views[out.view].element;
  int64_t vec = shape.vec, bytes = accesses[out.view].bytes;
  rowPointer(out.view, row); // not inside a branch
  auto write = [&](ChunkContext chunk, ValueRange total) {
    Value pointer = chunkPointer(out.view, chunk);
    whenAll({chunk.valid}, [&] {
      ChunkValue value;
      value.lanes = Values(total);
      if (out.accumulate) {
        value = loadVector(element, pointer, vec, bytes, /*readOnly=*/false);
        for (auto [held, sum] : llvm::zip_equal(value.lanes, total))
          held = arith::AddFOp::create(b, held, sum);
      }
      storeVector(element, value, pointer, vec, bytes);
    });
  };
  bool isColumns = shape.kind == RowKernelShape::Kind::Columns;
  int64_t own = shape.perThread * shape.group; // chunks of a group
  if (shape.rowsPerBlock == 1) {
    for (int64_t i = 0; i < shape.perThread; ++i)
      write(chunkAt(row, b.add(firstChunk, member), i * shape.group, true),
            sums.slice(i * vec, vec));
    return;
  }
  // The groups of a warp add up in a butterfly; then the parts are added in order, each chunk's by
  // one thread.
  int64_t parts = partsOfChunkSum(out), groupsOfPart = shape.rowsPerBlock / parts;
  Values partial(sums);
  for (int64_t mask = shape.group; mask < groupsOfPart * shape.group; mask *= 2)
    for (Value &sum : partial)
      sum = b.addf(sum, b.shuffleXor(sum, mask));
  b.barrier(); // the memory has been used for something else
  Value base = b.shared();
  int64_t sharedBytes = std::min<int64_t>(16, vec * element.getIntOrFloatBitWidth() / 8);
  Value isFirst = groupsOfPart > 1 ? b.equal(b.rem(group, groupsOfPart), 0) : Value();
  whenAll({isFirst}, [&] {
    for (int64_t i = 0; i < shape.perThread; ++i) {
      Value part = b.div(group, groupsOfPart);
      Value number = b.add(b.add(b.mul(part, own), member), i * shape.group);
      ChunkValue value;
      value.lanes = Values(ArrayRef(partial).slice(i * vec, vec));
      storeVector(element, value, b.pointer(base, element, b.mul(number, vec)), vec, sharedBytes);
    }
  });
  b.barrier();
  for (int64_t from = 0; from < own; from += shape.block) {
    Value number = b.add(b.threadId(), from);
    Value inGroup = own - from < shape.block ? b.lessThan(number, own) : Value();
    whenAll({inGroup}, [&] {
      auto load = [&](Value ofGroup) {
        Value at = b.add(b.mul(ofGroup, own * vec), b.mul(number, vec));
        return loadVector(element, b.pointer(base, element, at), vec, sharedBytes, false).lanes;
      };
      Values total = load(b.i32(0));
      total = Values(
          b.loop(b.i32(1), b.i32(parts), b.i32(1), total, [&](Value other, ValueRange soFar) {
            Values next = load(other);
            for (auto [value, sum] : llvm::zip_equal(next, soFar))
              value = arith::AddFOp::create(b, sum, value);
            return next;
          }));
      bool mayBeOutside = !isColumns || shape.chunks % shape.group != 0;
      write(chunkAt(row, b.add(firstChunk, number), 0, mayBeOutside), total);
    });
  }
}

} // namespace swamla
