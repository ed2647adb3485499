//===- AttentionMask.cpp - which pairs of query and key are visited -------===//
//
// Ranges of keys begin at multiples of blockRows and end there, too, or at the
// end of the sequence: a matrix product has left-over rows only in that one place.
//
//===----------------------------------------------------------------------===//
#include "compiler/Kernels/CPU/AttentionTiles.h"

#include "compiler/Kernels/AttentionShape.h"

using namespace mlir;

namespace swamla {

//===----------------------------------------------------------------------===//
// Geometry
//===----------------------------------------------------------------------===//

/// Keys of a tile: with 64 queries, the scores and their gradients stay in the first-level cache.
static constexpr int64_t kTileKeys = 64;

/// Two vectors of columns by `blockRows` rows of sums, with the operands of one step, must fit the
/// vector registers: 32 of them at level 4, else 16.
static int64_t rowsInRegisters(const CpuTarget &target) { return target.level >= 4 ? 8 : 4; }

template <typename Op> static AttentionGeometry geometryOf(Op op, const CpuTarget &target) {
  step::HeadsAttr q = op.getQ(), k = op.getK(), v = op.getV();
  AttentionGeometry g;
  g.narrow = op.getElement().isBF16();
  g.batch = op.getBatch();
  g.seq = op.getSeq();
  g.heads = q.getHeads();
  g.kvHeads = k.getHeads();
  g.qkWidth = q.getWidth();
  g.sharedWidth = op.getShared() ? op.getShared()->getWidth() : 0;
  g.vWidth = v.getWidth();
  g.scale = op.getScale().convertToDouble();
  g.sink = 0;
  if (op.getWindow() && static_cast<int64_t>(*op.getWindow()) < g.seq - 1) {
    g.window = *op.getWindow();
    g.sink = std::min<int64_t>(op.getSink(), g.seq);
  }
  g.blockQ = attentionBlockQ(g.seq, {g.qkWidth, g.vWidth});
  g.blockColumns = TileBuilder::vectorsPerBlock * target.lanes();
  g.blockK = kTileKeys;
  g.blockRows = rowsInRegisters(target);
  return g;
}

AttentionGeometry attentionGeometry(step::AttentionKernelOp op, const CpuTarget &target) {
  return geometryOf(op, target);
}

AttentionGeometry attentionGeometry(step::AttentionGradKernelOp op, const CpuTarget &target) {
  return geometryOf(op, target);
}

//===----------------------------------------------------------------------===//
// Visible ranges
//===----------------------------------------------------------------------===//

void TileBuilder::forKeyTiles(Value query, function_ref<void(KeyTile)> body) {
  const AttentionGeometry &g = geometry;
  Value end = smaller(i64(g.seq), add(query, i64(g.blockQ)));
  if (!g.window)
    return loop(i64(0), end, g.blockK,
                [&](Value key) { body({key, smaller(end, add(key, i64(g.blockK)))}); });

  // The window's keys begin at `begin`; the sink's, as far as they lie before it, end at `sinkEnd`.
  Value begin = larger(i64(0), wholeRows(sub(query, i64(*g.window))));
  int64_t sinkRows = (g.sink + g.blockRows - 1) / g.blockRows * g.blockRows;
  Value sinkEnd = smaller(begin, i64(sinkRows));
  Value sinkTiles = divide(add(sinkEnd, i64(g.blockK - 1)), g.blockK);
  Value windowTiles = divide(add(sub(end, begin), i64(g.blockK - 1)), g.blockK);
  loop(i64(0), add(sinkTiles, windowTiles), 1, [&](Value tile) {
    Value inSink = isLess(tile, sinkTiles);
    Value windowKey = add(begin, mul(sub(tile, sinkTiles), i64(g.blockK)));
    Value key = arith::SelectOp::create(*this, inSink, mul(tile, i64(g.blockK)), windowKey);
    Value limit = arith::SelectOp::create(*this, inSink, sinkEnd, end);
    body({key, smaller(limit, add(key, i64(g.blockK)))});
  });
}

ScoreRows TileBuilder::scoreRows(KeyTile tile, Value query) {
  const AttentionGeometry &g = geometry;
  ScoreRows rows;
  rows.end = smaller(tile.end, add(query, i64(g.blockColumns)));
  rows.begin = tile.begin;
  rows.masked = isLess(query, sub(rows.end, i64(1))); // some key comes after the first query
  if (g.window) {
    Value first = larger(tile.begin, wholeRows(sub(query, i64(*g.window))));
    if (g.sink)
      first = arith::SelectOp::create(*this, isLess(tile.begin, i64(g.sink)), tile.begin, first);
    rows.begin = first;
    // Some key that is not of the sink lies before the window of the last query.
    Value other = larger(first, i64(g.sink));
    Value lastWindow = add(query, i64(g.blockColumns - 1 - *g.window));
    Value before = arith::AndIOp::create(*this, isLess(other, rows.end), isLess(other, lastWindow));
    rows.masked = arith::OrIOp::create(*this, rows.masked, before);
  }
  rows.begin = sub(rows.begin, tile.begin);
  rows.end = sub(rows.end, tile.begin);
  return rows;
}

void TileBuilder::maskScores(Value scores, ScoreRows rows, KeyTile tile, Value query) {
  const AttentionGeometry &g = geometry;
  loop(rows.begin, rows.end, 1, [&](Value row) {
    // Column c's query is query + c: it sees the key if `first` <= c (and c <= `last`).
    Value key = add(tile.begin, row);
    Value distance = arith::TruncIOp::create(*this, getI32Type(), sub(key, query));
    Value first = splat(distance), last;
    if (g.window) {
      last = arith::AddIOp::create(*this, distance, i32(static_cast<int32_t>(*g.window)));
      if (g.sink)
        last = arith::SelectOp::create(*this, isLess(key, i64(g.sink)), i32(INT32_MAX), last);
      last = splat(last);
    }
    Value base = at(scores, mul(row, i64(g.blockColumns)));
    for (int64_t n = 0; n < vectorsPerBlock; ++n) {
      Value shift = constant(vectorOf(getI32Type()), n * static_cast<int64_t>(lanes()));
      Value column = createOrFold<arith::AddIOp>(iota(), shift);
      Value seen = arith::CmpIOp::create(*this, arith::CmpIPredicate::sle, first, column);
      if (last) {
        Value near = arith::CmpIOp::create(*this, arith::CmpIPredicate::sle, column, last);
        seen = arith::AndIOp::create(*this, seen, near);
      }
      Value hidden = floats(-std::numeric_limits<double>::infinity());
      storeFloats(arith::SelectOp::create(*this, seen, loadFloats(base, n), hidden), base, n);
    }
  });
}

} // namespace swamla
