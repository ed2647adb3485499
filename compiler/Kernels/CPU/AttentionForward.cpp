//===- AttentionForward.cpp - attention and its log-sum-exp ---------------===//
//
// For a block of queries, over tiles of keys (Dao, arXiv:2307.08691, algorithm 1):
//
//   S^T = K (scale Q)^T,  m' = max(m, max S),  P = exp(S - m')
//   l = l exp(m - m') + sum P,  O^T = O^T exp(m - m') + V^T P^T
//
// and at the end out = O / l, lse = m + log(l). With bf16 views P is rounded before it multiplies
// V, as matrix units of GPUs need it; l is the sum of what was not rounded.
//
//===----------------------------------------------------------------------===//
#include "compiler/Kernels/CPU/AttentionKernels.h"
#include "compiler/Kernels/CPU/AttentionTiles.h"

#include "mlir/Dialect/Math/IR/Math.h"

#include <cfloat>

using namespace mlir;

namespace swamla {
namespace {

class ForwardKernel {
public:
  ForwardKernel(step::AttentionKernelOp op, OpBuilder &builder, const CpuTarget &target)
      : op(op), b(op.getLoc(), builder, target, attentionGeometry(op, target)), g(b.geometry) {}

  func::FuncOp build();

private:
  /// Base addresses of one unit: the first element of its sequence and head; of its first query.
  struct Unit {
    Value q, k, v, shared, out, lse;
    Value query; ///< position of the first query
    Value rows;  ///< queries, at most blockQ
  };

  void unit(Value index);
  void keyTile(const Unit &u, KeyTile tile);
  void columnBlock(const Unit &u, KeyTile tile, Value column);
  SmallVector<Value> softmax(ScoreRows rows, Value column);
  void finish(const Unit &u);

  step::AttentionKernelOp op;
  TileBuilder b;
  const AttentionGeometry &g;
  Value views[6]; // as the op lists them; views[3] is null without `shared`
  // Scratch: queries [qkWidth, blockQ], keys [blockK, qkWidth], values [blockK, vWidth],
  // scores [blockK, blockColumns], results [vWidth, blockQ], running maximum and sum [blockQ].
  Value queries, keys, values, scores, results, maxima, sums;
};

func::FuncOp ForwardKernel::build() {
  func::FuncOp kernel = b.createKernel(op.getSymName(), g.sharedWidth ? 6 : 5);
  for (int64_t i = 0, view = 0; i < 6; ++i)
    if (i != 3 || g.sharedWidth)
      views[i] = b.viewBase(view++);
  queries = b.takeScratch(g.qkWidth * g.blockQ);
  keys = b.takeScratch(g.blockK * g.qkWidth);
  values = b.takeScratch(g.blockK * g.vWidth);
  scores = b.takeScratch(g.blockK * g.blockColumns);
  results = b.takeScratch(g.vWidth * g.blockQ);
  maxima = b.takeScratch(g.blockQ);
  sums = b.takeScratch(g.blockQ);
  b.loop(b.unitBegin(), b.unitEnd(), 1, [&](Value index) { unit(index); });
  return kernel;
}

void ForwardKernel::unit(Value index) {
  Value block = b.remainder(index, g.blocksQ()), pair = b.divide(index, g.blocksQ());
  Value h = b.remainder(pair, g.heads), kvHead = b.divide(h, g.groupSize());
  Value sequence = b.mul(b.divide(pair, g.heads), b.i64(g.seq));
  Unit u;
  u.query = b.mul(block, b.i64(g.blockQ));
  u.rows = b.smaller(b.i64(g.blockQ), b.sub(b.i64(g.seq), u.query));
  Value first = b.add(sequence, u.query);
  u.q = b.headAt(views[0], op.getQ(), first, h);
  u.k = b.headAt(views[1], op.getK(), sequence, kvHead);
  u.v = b.headAt(views[2], op.getV(), sequence, kvHead);
  if (g.sharedWidth)
    u.shared = b.headAt(views[3], *op.getShared(), sequence, b.i64(0));
  u.out = b.headAt(views[4], op.getOut(), first, h);
  u.lse = b.at(views[5], b.add(b.mul(h, b.i64(op.getLseStride())), first));

  b.packTransposed(u.q, op.getQ().getRowStride(), queries, u.rows, g.qkWidth, g.scale);
  b.fillZero(results, g.blockQ, g.vWidth, g.blockQ);
  b.loop(b.i64(0), b.i64(g.blockQ), b.lanes(), [&](Value column) {
    b.storeVector(b.floats(-FLT_MAX), b.at(maxima, column));
    b.storeVector(b.floats(0), b.at(sums, column));
  });
  b.forKeyTiles(u.query, [&](KeyTile tile) { keyTile(u, tile); });
  finish(u);
}

void ForwardKernel::keyTile(const Unit &u, KeyTile tile) {
  int64_t sharedStride = g.sharedWidth ? op.getShared()->getRowStride() : 0;
  b.packKeys(u.k, op.getK().getRowStride(), u.shared, sharedStride, keys, tile);
  int64_t stride = op.getV().getRowStride();
  b.copyRows(b.viewAt(u.v, b.mul(tile.begin, b.i64(stride))), stride, values, g.vWidth,
             b.sub(tile.end, tile.begin), g.vWidth);
  b.loop(b.i64(0), u.rows, g.blockColumns, [&](Value column) { columnBlock(u, tile, column); });
}

void ForwardKernel::columnBlock(const Unit &u, KeyTile tile, Value column) {
  Value query = b.add(u.query, column);
  ScoreRows rows = b.scoreRows(tile, query);
  b.ifThen(b.isLess(rows.begin, rows.end), [&] {
    Value count = b.sub(rows.end, rows.begin);
    Value visible = b.at(scores, b.mul(rows.begin, b.i64(g.blockColumns)));
    TileProduct qk{.a = b.at(keys, b.mul(rows.begin, b.i64(g.qkWidth))),
                   .aRow = g.qkWidth,
                   .aDepth = 1,
                   .b = b.at(queries, column),
                   .bDepth = g.blockQ,
                   .c = visible,
                   .cRow = g.blockColumns,
                   .depth = b.i64(g.qkWidth)};
    b.product(qk, count, RowTail::Overshoot, g.blockColumns);
    b.ifThen(rows.masked, [&] { b.maskScores(scores, rows, tile, query); });

    SmallVector<Value> decay = softmax(rows, column);
    TileProduct pv{.a = b.at(values, b.mul(rows.begin, b.i64(g.vWidth))),
                   .aRow = 1,
                   .aDepth = g.vWidth,
                   .b = visible,
                   .bDepth = g.blockColumns,
                   .c = b.at(results, column),
                   .cRow = g.blockQ,
                   .depth = count,
                   .accumulate = true,
                   .rescale = decay};
    b.product(pv, g.vWidth, g.blockColumns);
  });
}

/// Turns scores into probabilities relative to the new maximum, updates maximum and sum, and
/// returns what earlier sums are to be multiplied by. The maximum is finite from the start, so
/// that a column of hidden scores gives exp(-infinity), never infinity - infinity.
SmallVector<Value> ForwardKernel::softmax(ScoreRows rows, Value column) {
  constexpr int64_t vectors = TileBuilder::vectorsPerBlock;
  Value maximaAt = b.at(maxima, column), sumsAt = b.at(sums, column);
  auto row = [&](Value r) { return b.at(scores, b.mul(r, b.i64(g.blockColumns))); };
  SmallVector<Value> before, zeros(vectors, b.floats(0)), decay;
  for (int64_t n = 0; n < vectors; ++n)
    before.push_back(b.loadFloats(maximaAt, n));
  ValueRange after = b.loop(rows.begin, rows.end, 1, before, [&](Value r, ValueRange carried) {
    SmallVector<Value> next;
    for (int64_t n = 0; n < vectors; ++n) {
      // NaN needs no care: it shows up in the sum.
      Value score = b.loadFloats(row(r), n);
      Value larger = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, carried[n], score);
      next.push_back(arith::SelectOp::create(b, larger, carried[n], score));
    }
    return next;
  });
  ValueRange added = b.loop(rows.begin, rows.end, 1, zeros, [&](Value r, ValueRange carried) {
    SmallVector<Value> next;
    for (int64_t n = 0; n < vectors; ++n) {
      Value score = arith::SubFOp::create(b, b.loadFloats(row(r), n), after[n]);
      Value p = math::ExpOp::create(b, score);
      b.storeFloats(b.rounded(p), row(r), n);
      next.push_back(arith::AddFOp::create(b, carried[n], p));
    }
    return next;
  });
  for (int64_t n = 0; n < vectors; ++n) {
    decay.push_back(math::ExpOp::create(b, arith::SubFOp::create(b, before[n], after[n])));
    Value sum = arith::MulFOp::create(b, b.loadFloats(sumsAt, n), decay[n]);
    b.storeFloats(arith::AddFOp::create(b, sum, added[n]), sumsAt, n);
    b.storeFloats(after[n], maximaAt, n);
  }
  return decay;
}

/// Writes the unit's rows of `out` and `lse`; maxima and sums become lse and 1 / l on the way.
void ForwardKernel::finish(const Unit &u) {
  b.loop(b.i64(0), b.i64(g.blockQ), b.lanes(), [&](Value column) {
    Value sum = b.loadVector(b.getF32Type(), b.at(sums, column));
    Value lse = arith::AddFOp::create(b, b.loadVector(b.getF32Type(), b.at(maxima, column)),
                                      math::LogOp::create(b, sum));
    b.storeVector(lse, b.at(maxima, column));
    b.storeVector(arith::DivFOp::create(b, b.floats(1), sum), b.at(sums, column));
  });
  b.loop(b.i64(0), u.rows, 1,
         [&](Value row) { b.store(b.load(b.getF32Type(), b.at(maxima, row)), b.at(u.lse, row)); });
  b.unpackTransposed(results, u.out, op.getOut().getRowStride(), u.rows, g.vWidth, sums);
}

} // namespace

FailureOr<func::FuncOp> buildAttentionKernel(step::AttentionKernelOp op, OpBuilder &builder,
                                             const CpuTarget &target) {
  return ForwardKernel(op, builder, target).build();
}

} // namespace swamla
