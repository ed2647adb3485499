//===- RowEmitterSlab.cpp - transposed outs of a row kernel ---------------===//
//
// RowSlab.h says how. The rows of a slab come in rounds; a barrier; then each thread
// takes pieces of columns: `bandRows` words, one below the other, are so many rows
// of 4, 2 or 1 columns. Their bytes are exchanged between registers, and each column
// is stored with one access; neighbouring lanes store neighbouring bands.
//
//===----------------------------------------------------------------------===//
#include "compiler/Kernels/CUDA/RowEmitter.h"

using namespace mlir;

namespace swamla {

int64_t RowEmitter::planSlab(int64_t offset) {
  int64_t bytes = 0;
  for (const RowSlab &slab : shape.slabs) {
    slabsAt.push_back(offset + bytes);
    bytes += slab.bytes();
  }
  return bytes;
}

RowEmitter::Values RowEmitter::emitSlabs(Value firstChunk, ValueRange sums,
                                         function_ref<Values(Value, Value, ValueRange)> round) {
  int64_t rounds = shape.slabRows / (shape.rowsPerBlock * shape.atOnce);
  int64_t count = llvm::divideCeil(shape.unitRows, shape.slabRows);
  auto slab = [&](Value number, ValueRange carried) {
    auto body = [&](Value index, ValueRange soFar) {
      return round(b.add(b.mul(number, rounds), index), index, soFar);
    };
    Values next(carried);
    if (rounds == 1)
      next = body(b.i32(0), next);
    else
      next = Values(b.loop(b.i32(0), b.i32(rounds), b.i32(1), next, body));
    b.barrier();
    Value first = b.mul(number, shape.slabRows); // within the unit
    writeSlabs(first, firstChunk);
    if (count > 1)
      b.barrier(); // the next slab comes to the same memory
    return next;
  };
  if (count == 1)
    return slab(b.i32(0), sums);
  return Values(b.loop(b.i32(0), b.i32(count), b.i32(1), sums, slab));
}

//===----------------------------------------------------------------------===//
// Rows in
//===----------------------------------------------------------------------===//

Value RowEmitter::bandOffset(const RowSlab &slab, Value band) {
  return b.mul(band, slab.bandRows * slab.rowWords + slab.skewWords);
}

void RowEmitter::storeTransposed(const Out &out, ChunkContext &chunk) {
  RowContext &row = *chunk.row;
  if (!row.ofSlab)
    return storeOneByOne(out, chunk);
  Type element = plan.views[out.view].element;
  auto index =
      llvm::find_if(shape.slabs, [&](const RowSlab &slab) { return &plan.outs[slab.out] == &out; });
  // A row that is none has its place all the same, and so has a chunk that the row does not have.
  Value words = b.mul(row.ofSlab, index->rowWords);
  if (index->skewWords != 0)
    words = b.add(words, b.mul(b.div(row.ofSlab, index->bandRows), index->skewWords));
  Value number = member;
  if (shape.kind == RowKernelShape::Kind::Rows)
    number = b.add(chunk.unclamped ? chunk.unclamped : chunk.first, chunk.shift);
  Value pointer = b.shared(slabsAt[index - shape.slabs.begin()]);
  pointer = b.pointer(pointer, b.getI32Type(), words);
  pointer = b.pointer(pointer, element, b.mul(number, chunk.vec));
  constexpr int64_t accessBytes = 16;
  storeVector(element, valueOf(chunk, out.value), pointer, chunk.vec, accessBytes);
}

void RowEmitter::storeOneByOne(const Out &out, ChunkContext &chunk) {
  Type element = plan.views[out.view].element;
  Values lanes = lanesOf(chunk, out.value), columns(chunk.columns);
  whenAll({chunk.row->valid, chunk.valid}, [&] {
    for (auto [i, lane] : llvm::enumerate(lanes)) {
      columns.back() = b.add(chunk.columns.back(), static_cast<int64_t>(i));
      b.storeElements(element, lane, address(out.view, *chunk.row, columns, Value()));
    }
  });
}

//===----------------------------------------------------------------------===//
// Columns out
//===----------------------------------------------------------------------===//

/// Whether two outs are written in the same way, but for where they lie.
static bool areAlike(const RowKernelPlan &plan, const RowSlab &lhs, const RowSlab &rhs) {
  return lhs.elementBytes == rhs.elementBytes && lhs.bandRows == rhs.bandRows &&
         plan.views[plan.outs[lhs.out].view].offset == plan.views[plan.outs[rhs.out].view].offset;
}

void RowEmitter::writeSlabs(Value firstRow, Value firstChunk) {
  ArrayRef<RowSlab> slabs = shape.slabs;
  for (size_t first = 0, end = 0; first < slabs.size(); first = end) {
    for (end = first + 1; end < slabs.size() && areAlike(plan, slabs[first], slabs[end]);)
      ++end;
    writeAlike(first, end, firstRow, firstChunk);
  }
}

void RowEmitter::writeAlike(size_t first, size_t end, Value firstRow, Value firstChunk) {
  const RowSlab &slab = shape.slabs[first];
  bool isStrip = shape.kind == RowKernelShape::Kind::Columns;
  int64_t columns = (isStrip ? shape.group : shape.chunks) * shape.vec;
  int64_t words = llvm::divideCeil(columns, slab.elementsOfWord());
  int64_t items = words * slab.bands();
  auto piece = [&](Value index) {
    Value item = b.add(b.mul(index, shape.block), b.threadId());
    // Which of the outs: the pieces of one may be too few for all threads.
    Value which = b.i32(0), memory = b.view(plan.outs[slab.out].view);
    if (end - first > 1) {
      which = b.div(item, items);
      item = b.rem(item, items);
    }
    for (size_t other = first + 1; other < end; ++other)
      memory = b.select(b.equal(which, static_cast<int64_t>(other - first)),
                        b.view(plan.outs[shape.slabs[other].out].view), memory);
    Value band = b.rem(item, slab.bands()), word = b.div(item, slab.bands());
    Value offset = b.add(b.mul(which, slab.bytes() / 4), b.add(bandOffset(slab, band), word));
    Value source = b.pointer(b.shared(slabsAt[first]), b.getI32Type(), offset);
    Values held;
    for (int64_t row = 0; row < slab.bandRows; ++row)
      held.push_back(
          b.load(b.getI32Type(), b.pointer(source, b.getI32Type(), row * slab.rowWords)));

    Value local = b.add(firstRow, b.mul(band, slab.bandRows)), number = b.add(unitRow, local);
    Value isRow;
    if (shape.unitRows % shape.slabRows != 0)
      isRow = b.lessThan(local, shape.unitRows);
    if (shape.rows % shape.unitRows != 0) {
      Value isThere = b.lessThan(number, shape.rows);
      isRow = isRow ? b.both(isRow, isThere) : isThere;
    }
    RowContext row = rowAt(number, isRow);
    Value column = b.add(b.mul(firstChunk, shape.vec), b.mul(word, slab.elementsOfWord()));
    whenAll({isRow}, [&] { writeColumns(slab, memory, row, column, held); });
  };
  int64_t all = items * static_cast<int64_t>(end - first);
  int64_t rounds = all / shape.block, rest = all % shape.block;
  if (rounds == 1)
    piece(b.i32(0));
  else if (rounds > 1)
    b.loop(b.i32(0), b.i32(rounds), b.i32(1), piece);
  if (rest != 0)
    b.when(b.lessThan(b.threadId(), rest), [&] { piece(b.i32(rounds)); });
}

/// From words of rows to words of columns: result[c] has the elements of column c.
static SmallVector<SmallVector<Value>> exchange(CudaBuilder &b, ArrayRef<Value> rows,
                                                int64_t elementBytes) {
  int64_t perWord = 4 / elementBytes;
  SmallVector<SmallVector<Value>> columns(perWord);
  for (size_t i = 0; i < rows.size(); i += perWord) {
    if (elementBytes == 4) {
      columns[0].push_back(rows[i]);
    } else if (elementBytes == 2) {
      columns[0].push_back(b.permuteBytes(rows[i], rows[i + 1], 0x5410));
      columns[1].push_back(b.permuteBytes(rows[i], rows[i + 1], 0x7632));
    } else {
      // Bytes of columns 0 and 1 of two rows, and of columns 2 and 3; then of four rows.
      for (int64_t half : {0, 1}) {
        int64_t pairs = half == 0 ? 0x5140 : 0x7362;
        Value upper = b.permuteBytes(rows[i], rows[i + 1], pairs);
        Value lower = b.permuteBytes(rows[i + 2], rows[i + 3], pairs);
        columns[2 * half].push_back(b.permuteBytes(upper, lower, 0x5410));
        columns[2 * half + 1].push_back(b.permuteBytes(upper, lower, 0x7632));
      }
    }
  }
  return columns;
}

void RowEmitter::writeColumns(const RowSlab &slab, Value memory, RowContext &row, Value column,
                              ArrayRef<Value> words) {
  unsigned view = plan.outs[slab.out].view;
  int64_t perWord = slab.elementsOfWord(), width = shape.chunks * shape.vec;
  bool isStrip = shape.kind == RowKernelShape::Kind::Columns;
  bool full = width % perWord == 0 && (!isStrip || shape.chunks % shape.group == 0);
  bool inWords = slab.bandRows * slab.elementBytes >= 4;
  SmallVector<Values> columns;
  if (inWords)
    columns = exchange(b, words, slab.elementBytes);
  for (int64_t i = 0; i < perWord; ++i) {
    Value number = b.add(column, i);
    Value isColumn = full ? Value() : b.lessThan(number, width);
    Value target = b.pointer(memory, plan.views[view].element,
                             emitOffset(view, row, columnsAt(number), Value()));
    whenAll({isColumn}, [&] {
      if (inWords)
        return b.storeElements(b.getI32Type(), columns[i], target);
      Type bits = b.getIntegerType(static_cast<unsigned>(8 * slab.elementBytes));
      Value part = b.shiftRight(words.front(), 8 * slab.elementBytes * i);
      b.store(arith::TruncIOp::create(b, bits, part), target);
    });
  }
}

} // namespace swamla
