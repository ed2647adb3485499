//===- AttentionBackward.cpp - gradients of attention ---------------------===//
//
// For a block of queries, over tiles of keys (Dao, arXiv:2307.08691, algorithm 2):
//
//   P^T = exp(K (scale Q)^T - lse),  dP^T = V dO^T,  dS^T = scale P^T (dP^T - delta)
//   dV += P^T dO,  dK += dS^T Q,  dQ^T += K^T dS^T
//
// A unit owns a KV head of one sequence, so that dK and dV can accumulate in
// their own memory, over all blocks of the query heads that share the KV head, in
// a fixed order. dQ^T stays in scratch until its block of queries is done. With
// bf16 views dK and dV accumulate as f32 in scratch, and P and dS are rounded
// before they multiply, as matrix units of GPUs need it.
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

  /// The part of a key tile that a block of columns sees: addresses of its first row.
  struct Scores {
    Value keys, values, p, ds;
    Value key;    ///< position of the first row's key
    Value column; ///< first query, within the block
    Value count;  ///< rows
  };

  /// Where a gradient of keys or values accumulates: in its view, or in scratch.
  struct Accumulator {
    Value scratch; ///< [seq, width]; null where the view holds f32
    step::HeadsAttr layout;
    int64_t stride() const { return scratch ? layout.getWidth() : layout.getRowStride(); }
  };

  Accumulator accumulator(step::HeadsAttr layout);
  /// Zeroes the rows of one sequence and head, which begin at `view`; returns where they begin.
  Value begin(const Accumulator &gradient, Value view);
  /// Stores in the view what has accumulated elsewhere.
  void end(const Accumulator &gradient, Value view);
  void unit(Value index);
  void queryHead(Unit u, Value sequence, Value h);
  void queryBlock(const Unit &u);
  void keyTile(const Unit &u, KeyTile tile);
  void columnBlock(const Unit &u, KeyTile tile, Value column);
  void product(Value rows, int64_t width, Value transposed, Value target, const Scores &s);
  void scoreGradients(const Scores &s);
  void keyGradients(const Unit &u, const Scores &s);

  step::AttentionGradKernelOp op;
  TileBuilder b;
  const AttentionGeometry &g;
  Value views[NumViews]; // those of `shared` are null without it
  // Scratch. Transposed [width, blockQ]: scaled queries, output gradients, query gradients.
  Value queriesT, doutT, dqT;
  // By rows: queries [blockQ, qkWidth], output gradients [blockQ, vWidth], keys [blockK, qkWidth],
  // values [blockK, vWidth], and [blockK, blockColumns]: probabilities, score gradients.
  Value queries, dout, keys, values, probabilities, gradients;
  Value lse, delta; // [blockQ]
  Accumulator dk, dv, dshared;
};

func::FuncOp BackwardKernel::build() {
  func::FuncOp kernel = b.createKernel(op.getSymName(), g.sharedWidth ? 11 : 9);
  int64_t next = 0;
  for (int view = 0; view < NumViews; ++view)
    if (g.sharedWidth || (view != Shared && view != DShared))
      views[view] = b.viewBase(next++);
  queriesT = b.takeScratch(g.qkWidth * g.blockQ);
  doutT = b.takeScratch(g.vWidth * g.blockQ);
  dqT = b.takeScratch(g.qkWidth * g.blockQ);
  // Vectors reach beyond the last row of these two, into the pieces that follow.
  queries = b.takeScratch(g.blockQ * g.qkWidth);
  dout = b.takeScratch(g.blockQ * g.vWidth);
  keys = b.takeScratch(g.blockK * g.qkWidth);
  values = b.takeScratch(g.blockK * g.vWidth);
  probabilities = b.takeScratch(g.blockK * g.blockColumns);
  gradients = b.takeScratch(g.blockK * g.blockColumns);
  lse = b.takeScratch(g.blockQ);
  delta = b.takeScratch(g.blockQ);
  dk = accumulator(op.getDk());
  dv = accumulator(op.getDv());
  if (g.sharedWidth)
    dshared = accumulator(*op.getDshared());
  b.loop(b.unitBegin(), b.unitEnd(), 1, [&](Value index) { unit(index); });
  return kernel;
}

BackwardKernel::Accumulator BackwardKernel::accumulator(step::HeadsAttr layout) {
  return {g.narrow ? b.takeScratch(g.seq * layout.getWidth()) : Value(), layout};
}

Value BackwardKernel::begin(const Accumulator &gradient, Value view) {
  Value rows = gradient.scratch ? gradient.scratch : view;
  b.fillZero(rows, gradient.stride(), g.seq, gradient.layout.getWidth());
  return rows;
}

void BackwardKernel::end(const Accumulator &gradient, Value view) {
  if (gradient.scratch)
    b.copyRowsToView(gradient.scratch, gradient.stride(), view, gradient.layout.getRowStride(),
                     b.i64(g.seq), gradient.layout.getWidth());
}

void BackwardKernel::unit(Value index) {
  Value kvHead = b.remainder(index, g.kvHeads);
  Value sequence = b.mul(b.divide(index, g.kvHeads), b.i64(g.seq));
  Unit u;
  u.k = b.headAt(views[K], op.getK(), sequence, kvHead);
  u.v = b.headAt(views[V], op.getV(), sequence, kvHead);
  Value dkView = b.headAt(views[DK], op.getDk(), sequence, kvHead);
  Value dvView = b.headAt(views[DV], op.getDv(), sequence, kvHead);
  u.dk = begin(dk, dkView);
  u.dv = begin(dv, dvView);
  if (g.sharedWidth)
    u.shared = b.headAt(views[Shared], *op.getShared(), sequence, b.i64(0));
  Value firstHead = b.mul(kvHead, b.i64(g.groupSize()));
  b.loop(b.i64(0), b.i64(g.groupSize()), 1,
         [&](Value member) { queryHead(u, sequence, b.add(firstHead, member)); });
  end(dk, dkView);
  end(dv, dvView);
}

void BackwardKernel::queryHead(Unit u, Value sequence, Value h) {
  Value dsharedView;
  if (g.sharedWidth) {
    dsharedView = b.headAt(views[DShared], *op.getDshared(), sequence, h);
    u.dshared = begin(dshared, dsharedView);
  }
  b.loop(b.i64(0), b.i64(g.seq), g.blockQ, [&](Value query) {
    Value first = b.add(sequence, query);
    u.query = query;
    u.rows = b.smaller(b.i64(g.blockQ), b.sub(b.i64(g.seq), query));
    u.q = b.headAt(views[Q], op.getQ(), first, h);
    u.dout = b.headAt(views[DOut], op.getDout(), first, h);
    u.dq = b.headAt(views[DQ], op.getDq(), first, h);
    u.lse = b.at(views[Lse], b.add(b.mul(h, b.i64(op.getLseStride())), first));
    u.delta = b.at(views[Delta], b.add(b.mul(h, b.i64(op.getDeltaStride())), first));
    queryBlock(u);
  });
  if (g.sharedWidth)
    end(dshared, dsharedView);
}

void BackwardKernel::queryBlock(const Unit &u) {
  int64_t qStride = op.getQ().getRowStride(), doutStride = op.getDout().getRowStride();
  b.packTransposed(u.q, qStride, queriesT, u.rows, g.qkWidth, g.scale);
  b.packTransposed(u.dout, doutStride, doutT, u.rows, g.vWidth, 1);
  b.copyRows(u.q, qStride, queries, g.qkWidth, u.rows, g.qkWidth);
  b.copyRows(u.dout, doutStride, dout, g.vWidth, u.rows, g.vWidth);
  b.extend(u.lse, lse, u.rows);
  b.extend(u.delta, delta, u.rows);
  b.fillZero(dqT, g.blockQ, g.qkWidth, g.blockQ);
  b.forKeyTiles(u.query, [&](KeyTile tile) { keyTile(u, tile); });
  b.unpackTransposed(dqT, u.dq, op.getDq().getRowStride(), u.rows, g.qkWidth, Value());
}

void BackwardKernel::keyTile(const Unit &u, KeyTile tile) {
  int64_t sharedStride = g.sharedWidth ? op.getShared()->getRowStride() : 0;
  b.packKeys(u.k, op.getK().getRowStride(), u.shared, sharedStride, keys, tile);
  int64_t stride = op.getV().getRowStride();
  b.copyRows(b.viewAt(u.v, b.mul(tile.begin, b.i64(stride))), stride, values, g.vWidth,
             b.sub(tile.end, tile.begin), g.vWidth);
  b.loop(b.i64(0), u.rows, g.blockColumns, [&](Value column) { columnBlock(u, tile, column); });
}

void BackwardKernel::columnBlock(const Unit &u, KeyTile tile, Value column) {
  Value query = b.add(u.query, column);
  ScoreRows rows = b.scoreRows(tile, query);
  b.ifThen(b.isLess(rows.begin, rows.end), [&] {
    auto from = [&](Value base, int64_t stride) {
      return b.at(base, b.mul(rows.begin, b.i64(stride)));
    };
    Scores s{.keys = from(keys, g.qkWidth),
             .values = from(values, g.vWidth),
             .p = from(probabilities, g.blockColumns),
             .ds = from(gradients, g.blockColumns),
             .key = b.add(tile.begin, rows.begin),
             .column = column,
             .count = b.sub(rows.end, rows.begin)};
    product(s.keys, g.qkWidth, queriesT, s.p, s);
    product(s.values, g.vWidth, doutT, s.ds, s);
    b.ifThen(rows.masked, [&] { b.maskScores(probabilities, rows, tile, query); });
    scoreGradients(s);
    keyGradients(u, s);
    TileProduct dq{.a = s.keys,
                   .aRow = 1,
                   .aDepth = g.qkWidth,
                   .b = s.ds,
                   .bDepth = g.blockColumns,
                   .c = b.at(dqT, column),
                   .cRow = g.blockQ,
                   .depth = s.count,
                   .accumulate = true};
    b.product(dq, g.qkWidth, g.blockColumns);
  });
}

/// target[r, c] = sum over d < width of rows[r, d] transposed[d, column + c].
void BackwardKernel::product(Value rows, int64_t width, Value transposed, Value target,
                             const Scores &s) {
  TileProduct p{.a = rows,
                .aRow = width,
                .aDepth = 1,
                .b = b.at(transposed, s.column),
                .bDepth = g.blockQ,
                .c = target,
                .cRow = g.blockColumns,
                .depth = b.i64(width)};
  b.product(p, s.count, RowTail::Overshoot, g.blockColumns);
}

/// From scores and dP to probabilities and dS, in place.
void BackwardKernel::scoreGradients(const Scores &s) {
  constexpr int64_t vectors = TileBuilder::vectorsPerBlock;
  SmallVector<Value> lseOf, deltaOf;
  for (int64_t n = 0; n < vectors; ++n) {
    lseOf.push_back(b.loadFloats(b.at(lse, s.column), n));
    deltaOf.push_back(b.loadFloats(b.at(delta, s.column), n));
  }
  b.loop(b.i64(0), s.count, 1, [&](Value row) {
    Value offset = b.mul(row, b.i64(g.blockColumns));
    Value pAt = b.at(s.p, offset), dsAt = b.at(s.ds, offset);
    for (int64_t n = 0; n < vectors; ++n) {
      Value score = arith::SubFOp::create(b, b.loadFloats(pAt, n), lseOf[n]);
      Value p = math::ExpOp::create(b, score);
      b.storeFloats(b.rounded(p), pAt, n);
      Value change = arith::SubFOp::create(b, b.loadFloats(dsAt, n), deltaOf[n]);
      Value scaled = arith::MulFOp::create(b, p, b.floats(g.scale));
      b.storeFloats(b.rounded(arith::MulFOp::create(b, scaled, change)), dsAt, n);
    }
  });
}

/// Adds a block of queries to dV and dK, own and shared columns.
void BackwardKernel::keyGradients(const Unit &u, const Scores &s) {
  // Columns beyond the last query hold no gradients: the depth ends before them.
  Value depth = b.smaller(b.i64(g.blockColumns), b.sub(u.rows, s.column));
  Value doutAt = b.at(dout, b.mul(s.column, b.i64(g.vWidth)));
  Value queriesAt = b.at(queries, b.mul(s.column, b.i64(g.qkWidth)));
  auto accumulate = [&](Value rows, const Accumulator &gradient, Value coefficients, Value packed,
                        int64_t packedWidth) {
    int64_t stride = gradient.stride();
    TileProduct p{.a = coefficients,
                  .aRow = g.blockColumns,
                  .aDepth = 1,
                  .b = packed,
                  .bDepth = packedWidth,
                  .c = b.at(rows, b.mul(s.key, b.i64(stride))),
                  .cRow = stride,
                  .depth = depth,
                  .accumulate = true};
    b.product(p, s.count, RowTail::Exact, gradient.layout.getWidth());
  };
  accumulate(u.dv, dv, s.p, doutAt, g.vWidth);
  accumulate(u.dk, dk, s.ds, queriesAt, g.qkWidth);
  if (g.sharedWidth)
    accumulate(u.dshared, dshared, s.ds, b.at(queriesAt, g.ownWidth()), g.qkWidth);
}

} // namespace

FailureOr<func::FuncOp> buildAttentionGradKernel(step::AttentionGradKernelOp op, OpBuilder &builder,
                                                 const CpuTarget &target) {
  if (op.getOut())
    return op.emitOpError() << "has out, expected delta for the target cpu; only for cuda does the "
                               "pass swamla-fold-delta put the one in the other's place";
  return BackwardKernel(op, builder, target).build();
}

} // namespace swamla
