//===- RowKernelTranspose.cpp - transposed outs of a row kernel -----------===//
//
// Neighbours of a transposed out lie in different rows. Written row by row, each
// element would touch a cache line of its own. So a tile of rows is computed into
// scratch memory first and then written column by column: a cache line at a time,
// transposed in registers in squares of as many rows as a vector has lanes.
//
//===----------------------------------------------------------------------===//
#include "compiler/Kernels/CPU/RowKernelEmitter.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace swamla {

namespace {
constexpr int64_t kCacheLine = 64;
/// What the tiles of a kernel may take of a core's second-level cache, if they are to have more
/// than the fewest rows.
constexpr int64_t kTileBytes = 512 * 1024;

int64_t elementBytes(Type type) { return type.getIntOrFloatBitWidth() / 8; }
} // namespace

int64_t RowKernelEmitter::planTiles() {
  int64_t lanes = b.lanes(), rowBytes = 0, narrowest = kCacheLine;
  for (const RowKernelPlan::Out &out : plan.outs) {
    if (!out.transposed)
      continue;
    const RowKernelPlan::View &view = plan.views[out.view];
    Tile tile;
    tile.element = b.getIntegerType(view.element.getIntOrFloatBitWidth());
    tile.width = llvm::alignTo(plan.width(), lanes);
    tile.pitch = tile.width;
    for (unsigned dim = *out.transposed + 1; dim < plan.lastDim(); ++dim)
      tile.pitch *= plan.extents[dim];
    int64_t bytes = elementBytes(view.element);
    tile.pitch += kCacheLine / bytes; // rows a power of two apart would share cache sets
    rowBytes += tile.pitch * bytes;
    narrowest = std::min(narrowest, bytes);
    tiles[out.view] = tile;
  }
  tileRows = kCacheLine / narrowest;
  while (tileRows > lanes && tileRows * rowBytes > kTileBytes)
    tileRows /= 2;
  int64_t end = 0;
  for (auto &[view, tile] : tiles) {
    tile.base = end;
    end += llvm::alignTo(tileRows * tile.pitch * elementBytes(tile.element), kCacheLine);
  }
  return end;
}

bool RowKernelEmitter::isTiled(unsigned dim) const {
  return llvm::any_of(plan.outs, [&](const auto &out) { return out.transposed == dim; });
}

void RowKernelEmitter::emitTiledRows(unsigned dim, Value from, Value to) {
  b.loop(from, to, tileRows, [&](Value first) {
    Value left = arith::SubIOp::create(b, to, first);
    Value rows = arith::MinSIOp::create(b, left, b.i64(tileRows));
    b.loop(b.i64(0), rows, 1, [&](Value row) {
      rowsOfTiles[dim] = row;
      dims[dim] = b.add(first, row);
      scopes.emplace_back();
      emitRowLoops(dim + 1);
      scopes.pop_back();
    });
    dims[dim] = first;
    for (const RowKernelPlan::Out &out : plan.outs)
      if (out.transposed == dim)
        emitTile(out, rows);
  });
}

Value RowKernelEmitter::tilePointer(unsigned view, Value row) {
  const Tile &tile = tiles[view];
  unsigned rowDim = *plan.outs[view - op.getNumIns()].transposed;
  Value inner = b.i64(0);
  for (unsigned dim = rowDim + 1; dim < plan.lastDim(); ++dim) {
    inner = b.mul(inner, b.i64(plan.extents[dim]));
    if (plan.extents[dim] != 1)
      inner = b.add(inner, dims[dim]);
  }
  Value offset = b.add(b.mul(row, b.i64(tile.pitch)), b.mul(inner, b.i64(tile.width)));
  Value base = b.pointer(b.scratch(), b.getI8Type(), b.i64(tile.base));
  return b.pointer(base, tile.element, offset);
}

/// Writes a tile of `rows` rows, from the current position of the out's row dim on.
void RowKernelEmitter::emitTile(const RowKernelPlan::Out &out, Value rows) {
  Value isWhole = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, rows, b.i64(tileRows));
  scf::IfOp::create(
      b, isWhole,
      [&](OpBuilder &, Location) {
        // The builder of this class is the one that the callback gets.
        emitTileLoops(out, *out.transposed + 1, Value());
        scf::YieldOp::create(b);
      },
      [&](OpBuilder &, Location) {
        emitTileLoops(out, *out.transposed + 1, rows);
        scf::YieldOp::create(b);
      });
}

void RowKernelEmitter::emitTileLoops(const RowKernelPlan::Out &out, unsigned dim, Value rows) {
  if (dim < plan.lastDim()) {
    b.loop(b.i64(0), b.i64(plan.extents[dim]), 1, [&](Value index) {
      dims[dim] = index;
      emitTileLoops(out, dim + 1, rows);
    });
    return;
  }
  int64_t lanes = b.lanes(), width = plan.width(), whole = width / lanes * lanes;
  if (rows)
    return b.loop(b.i64(0), b.i64(width), 1, [&](Value column) { copyColumn(out, column, rows); });
  b.loop(b.i64(0), b.i64(whole), lanes, [&](Value column) { copyColumns(out, column, lanes); });
  if (whole < width)
    copyColumns(out, b.i64(whole), width - whole);
}

/// One column of a tile that has fewer rows than it could, element by element.
void RowKernelEmitter::copyColumn(const RowKernelPlan::Out &out, Value column, Value rows) {
  const Tile &tile = tiles[out.view];
  dims[plan.lastDim()] = column;
  Value target =
      b.pointer(bases[out.view], tile.element, emitOffset(plan.views[out.view].offset, Value()));
  b.loop(b.i64(0), rows, 1, [&](Value row) {
    Value source = b.pointer(tilePointer(out.view, row), tile.element, column);
    b.store(b.load(tile.element, source), b.pointer(target, tile.element, row));
  });
}

/// `count` columns of a whole tile, at most as many as there are lanes.
void RowKernelEmitter::copyColumns(const RowKernelPlan::Out &out, Value column, int64_t count) {
  const Tile &tile = tiles[out.view];
  int64_t lanes = b.lanes();
  dims[plan.lastDim()] = column;
  Value first = b.pointer(tilePointer(out.view, b.i64(0)), tile.element, column);
  Values columns; // pieces of `lanes` rows, column by column within a piece
  for (int64_t top = 0; top < tileRows; top += lanes) {
    Values square;
    for (int64_t row = top; row < top + lanes; ++row)
      square.push_back(
          b.loadVector(tile.element, b.pointer(first, tile.element, b.i64(row * tile.pitch))));
    llvm::append_range(columns, transposeSquare(square));
  }
  Value target =
      b.pointer(bases[out.view], tile.element, emitOffset(plan.views[out.view].offset, Value()));
  for (int64_t k = 0; k < count; ++k)
    for (int64_t top = 0; top < tileRows; top += lanes)
      b.storeVector(columns[top + k],
                    b.pointer(target, tile.element, b.i64(k * out.columnStride + top)));
}

/// Rows to columns, `lanes` of either: each step interleaves the vectors of the first half with
/// those of the second.
RowKernelEmitter::Values RowKernelEmitter::transposeSquare(Values rows) {
  int64_t lanes = b.lanes(), half = lanes / 2;
  SmallVector<int64_t> low, high;
  for (int64_t i = 0; i < half; ++i) {
    low.append({i, lanes + i});
    high.append({half + i, lanes + half + i});
  }
  for (int64_t step = 1; step < lanes; step *= 2) {
    Values next;
    for (int64_t i = 0; i < half; ++i) {
      next.push_back(vector::ShuffleOp::create(b, rows[i], rows[i + half], low));
      next.push_back(vector::ShuffleOp::create(b, rows[i], rows[i + half], high));
    }
    rows = std::move(next);
  }
  return rows;
}

} // namespace swamla
