//===- AttentionBackward.cpp - gradients of attention ---------------------===//
//
// For a block of queries, over tiles of keys (Dao, arXiv:2307.08691, algorithm 2):
//
//   P^T = exp(K (scale Q)^T - lse),  dP^T = V dO^T,  dS^T = scale P^T (dP^T - delta)
//   dV += P^T dO,  dK += dS^T Q,  dQ^T += K^T dS^T
//
// A unit owns a KV head of one sequence, so that dK and dV can accumulate in
// their own memory, over all blocks of the query heads that share the KV head, in
// a fixed order. dQ^T stays in scratch until its block of queries is done.
//
//===----------------------------------------------------------------------===//
#include "compiler/Kernels/CPU/AttentionKernels.h"
#include "compiler/Kernels/CPU/AttentionTiles.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace swamla {
namespace {

class BackwardKernel {
public:
  BackwardKernel(step::AttentionGradKernelOp op, OpBuilder &builder, const CpuTarget &target)
      : op(op), b(op.getLoc(), builder, target, attentionGeometry(op, target)), g(b.geometry) {}

  func::FuncOp build();

private:
  enum View { Q, K, V, Shared, DOut, Lse, Delta, DQ, DK, DV, DShared, NumViews };

  /// Addresses of the first element of one sequence and head (of queries: of one block).
  struct Unit {
    Value q, k, v, shared, dout, lse, delta, dq, dk, dv, dshared;
    Value query; ///< position of the block's first query
    Value rows;  ///< queries of the block
  };

  void layOutScratch();
  Value head(View view, step::HeadsAttr layout, Value row, Value head);
  void unit(Value index);
  void queryHead(Unit u, Value sequence, Value h);
  void queryBlock(const Unit &u);
  void keyTile(const Unit &u, KeyTile tile);
  void columnBlock(const Unit &u, KeyTile tile, Value column);
  void scoreGradients(ScoreRows rows, Value column);
  void accumulate(Value gradient, int64_t stride, Value coefficients, Value packed, int64_t width,
                  int64_t packedWidth, Value rows, Value depth);

  step::AttentionGradKernelOp op;
  TileBuilder b;
  const AttentionGeometry &g;
  ScratchLayout layout;
  Value views[NumViews]; // those of `shared` are null without it
  int64_t offsets[11] = {};
  // Scratch. Transposed [width, blockQ]: scaled queries, output gradients, query gradients.
  Value queriesT, doutT, dqT;
  // By rows: queries [blockQ, qkWidth], output gradients [blockQ, vWidth], keys [blockK, qkWidth],
  // values [blockK, vWidth], and [blockK, blockColumns]: probabilities, score gradients.
  Value queries, dout, keys, values, probabilities, gradients;
  Value lse, delta; // [blockQ]
};

/// Scratch in the order of use; a vector product reads up to a block of columns beyond the last
/// row of `queries` and `dout`, which is still scratch.
void BackwardKernel::layOutScratch() {
  int64_t tile = g.blockK * g.blockColumns, slack = TileBuilder::vectorsPerBlock * b.lanes();
  int64_t sizes[] = {g.qkWidth * g.blockQ,
                     g.vWidth * g.blockQ,
                     g.qkWidth * g.blockQ,
                     g.blockQ * g.qkWidth + slack,
                     g.blockQ * g.vWidth + slack,
                     g.blockK * g.qkWidth,
                     g.blockK * g.vWidth,
                     tile,
                     tile,
                     g.blockQ,
                     g.blockQ};
  for (auto [offset, size] : llvm::zip_equal(offsets, sizes))
    offset = layout.take(size);
}

func::FuncOp BackwardKernel::build() {
  layOutScratch();
  func::FuncOp kernel = b.createKernel(op.getSymName(), g.sharedWidth ? 11 : 9, layout.bytes());
  int64_t next = 0;
  for (int view = 0; view < NumViews; ++view)
    if (g.sharedWidth || (view != Shared && view != DShared))
      views[view] = b.viewBase(next++);
  Value *pieces[] = {&queriesT, &doutT,         &dqT,       &queries, &dout, &keys,
                     &values,   &probabilities, &gradients, &lse,     &delta};
  for (auto [piece, offset] : llvm::zip_equal(pieces, offsets))
    *piece = b.at(b.scratch(), offset);
  b.loop(b.unitBegin(), b.unitEnd(), 1, [&](Value index) { unit(index); });
  return kernel;
}

Value BackwardKernel::head(View view, step::HeadsAttr layout, Value row, Value head) {
  Value offset =
      b.add(b.mul(row, b.i64(layout.getRowStride())), b.mul(head, b.i64(layout.getHeadStride())));
  return b.at(views[view], offset);
}

void BackwardKernel::unit(Value index) {
  Value kvHead = b.remainder(index, g.kvHeads);
  Value sequence = b.mul(b.divide(index, g.kvHeads), b.i64(g.seq));
  Unit u;
  u.k = head(K, op.getK(), sequence, kvHead);
  u.v = head(V, op.getV(), sequence, kvHead);
  u.dk = head(DK, op.getDk(), sequence, kvHead);
  u.dv = head(DV, op.getDv(), sequence, kvHead);
  if (g.sharedWidth)
    u.shared = head(Shared, *op.getShared(), sequence, b.i64(0));
  b.fillZero(u.dk, op.getDk().getRowStride(), g.seq, g.ownWidth());
  b.fillZero(u.dv, op.getDv().getRowStride(), g.seq, g.vWidth);
  Value firstHead = b.mul(kvHead, b.i64(g.groupSize()));
  b.loop(b.i64(0), b.i64(g.groupSize()), 1,
         [&](Value member) { queryHead(u, sequence, b.add(firstHead, member)); });
}

void BackwardKernel::queryHead(Unit u, Value sequence, Value h) {
  if (g.sharedWidth) {
    u.dshared = head(DShared, *op.getDshared(), sequence, h);
    b.fillZero(u.dshared, op.getDshared()->getRowStride(), g.seq, g.sharedWidth);
  }
  b.loop(b.i64(0), b.i64(g.seq), g.blockQ, [&](Value query) {
    Value first = b.add(sequence, query);
    u.query = query;
    u.rows = b.smaller(b.i64(g.blockQ), b.sub(b.i64(g.seq), query));
    u.q = head(Q, op.getQ(), first, h);
    u.dout = head(DOut, op.getDout(), first, h);
    u.dq = head(DQ, op.getDq(), first, h);
    u.lse = b.at(views[Lse], b.add(b.mul(first, b.i64(op.getLseStride())), h));
    u.delta = b.at(views[Delta], b.add(b.mul(first, b.i64(op.getDeltaStride())), h));
    queryBlock(u);
  });
}

void BackwardKernel::queryBlock(const Unit &u) {
  int64_t qStride = op.getQ().getRowStride(), doutStride = op.getDout().getRowStride();
  b.packTransposed(u.q, qStride, queriesT, u.rows, g.qkWidth, g.scale);
  b.packTransposed(u.dout, doutStride, doutT, u.rows, g.vWidth, 1);
  b.copyRows(u.q, qStride, queries, g.qkWidth, u.rows, g.qkWidth);
  b.copyRows(u.dout, doutStride, dout, g.vWidth, u.rows, g.vWidth);
  b.gather(u.lse, op.getLseStride(), lse, u.rows);
  b.gather(u.delta, op.getDeltaStride(), delta, u.rows);
  b.fillZero(dqT, g.blockQ, g.qkWidth, g.blockQ);
  b.forKeyTiles(u.query, [&](KeyTile tile) { keyTile(u, tile); });
  b.unpackTransposed(dqT, u.dq, op.getDq().getRowStride(), u.rows, g.qkWidth, Value());
}

void BackwardKernel::keyTile(const Unit &u, KeyTile tile) {
  int64_t sharedStride = g.sharedWidth ? op.getShared()->getRowStride() : 0;
  b.packKeys(u.k, op.getK().getRowStride(), u.shared, sharedStride, keys, tile);
  int64_t stride = op.getV().getRowStride();
  b.copyRows(b.at(u.v, b.mul(tile.begin, b.i64(stride))), stride, values, g.vWidth,
             b.sub(tile.end, tile.begin), g.vWidth);
  b.loop(b.i64(0), u.rows, g.blockColumns, [&](Value column) { columnBlock(u, tile, column); });
}

void BackwardKernel::columnBlock(const Unit &u, KeyTile tile, Value column) {
  Value query = b.add(u.query, column);
  ScoreRows rows = b.scoreRows(tile, query);
  b.ifThen(b.isLess(rows.begin, rows.end), [&] {
    Value count = b.sub(rows.end, rows.begin);
    auto from = [&](Value tile, int64_t stride) {
      return b.at(tile, b.mul(rows.begin, b.i64(stride)));
    };
    Value keysAt = from(keys, g.qkWidth), p = from(probabilities, g.blockColumns),
          ds = from(gradients, g.blockColumns);
    b.product({keysAt, g.qkWidth, 1, b.at(queriesT, column), g.blockQ, p, g.blockColumns,
               b.i64(g.qkWidth)},
              count, RowTail::Overshoot, g.blockColumns);
    b.product({from(values, g.vWidth), g.vWidth, 1, b.at(doutT, column), g.blockQ, ds,
               g.blockColumns, b.i64(g.vWidth)},
              count, RowTail::Overshoot, g.blockColumns);
    b.ifThen(rows.masked, [&] { b.maskScores(probabilities, rows, tile, query); });
    scoreGradients(rows, column);

    // Columns beyond the last query hold no gradients: the depth ends before them.
    Value depth = b.smaller(b.i64(g.blockColumns), b.sub(u.rows, column));
    Value key = b.add(tile.begin, rows.begin);
    auto target = [&](Value base, step::HeadsAttr layout) {
      return b.at(base, b.mul(key, b.i64(layout.getRowStride())));
    };
    Value queriesAt = b.at(queries, b.mul(column, b.i64(g.qkWidth)));
    accumulate(target(u.dv, op.getDv()), op.getDv().getRowStride(), p,
               b.at(dout, b.mul(column, b.i64(g.vWidth))), g.vWidth, g.vWidth, count, depth);
    accumulate(target(u.dk, op.getDk()), op.getDk().getRowStride(), ds, queriesAt, g.ownWidth(),
               g.qkWidth, count, depth);
    if (g.sharedWidth)
      accumulate(target(u.dshared, *op.getDshared()), op.getDshared()->getRowStride(), ds,
                 b.at(queriesAt, g.ownWidth()), g.sharedWidth, g.qkWidth, count, depth);
    b.product({keysAt, 1, g.qkWidth, ds, g.blockColumns, b.at(dqT, column), g.blockQ, count,
               /*accumulate=*/true},
              g.qkWidth, g.blockColumns);
  });
}

/// gradient[r, :] += sum over c < depth of coefficients[r, c] packed[c, :].
void BackwardKernel::accumulate(Value gradient, int64_t stride, Value coefficients, Value packed,
                                int64_t width, int64_t packedWidth, Value rows, Value depth) {
  b.product({coefficients, g.blockColumns, 1, packed, packedWidth, gradient, stride, depth,
             /*accumulate=*/true},
            rows, RowTail::Exact, width);
}

/// From scores and dP to probabilities and dS, in place.
void BackwardKernel::scoreGradients(ScoreRows rows, Value column) {
  constexpr int64_t vectors = TileBuilder::vectorsPerBlock;
  SmallVector<Value> lseOf, deltaOf;
  for (int64_t n = 0; n < vectors; ++n) {
    lseOf.push_back(b.loadFloats(b.at(lse, column), n));
    deltaOf.push_back(b.loadFloats(b.at(delta, column), n));
  }
  b.loop(rows.begin, rows.end, 1, [&](Value row) {
    Value offset = b.mul(row, b.i64(g.blockColumns));
    Value pAt = b.at(probabilities, offset), dsAt = b.at(gradients, offset);
    for (int64_t n = 0; n < vectors; ++n) {
      Value score = arith::SubFOp::create(b, b.loadFloats(pAt, n), lseOf[n]);
      Value p = math::ExpOp::create(b, score);
      b.storeFloats(p, pAt, n);
      Value change = arith::SubFOp::create(b, b.loadFloats(dsAt, n), deltaOf[n]);
      Value scaled = arith::MulFOp::create(b, p, b.floats(g.scale));
      b.storeFloats(arith::MulFOp::create(b, scaled, change), dsAt, n);
    }
  });
}

} // namespace

FailureOr<func::FuncOp> buildAttentionGradKernel(step::AttentionGradKernelOp op, OpBuilder &builder,
                                                 const CpuTarget &target) {
  return BackwardKernel(op, builder, target).build();
}

} // namespace swamla
