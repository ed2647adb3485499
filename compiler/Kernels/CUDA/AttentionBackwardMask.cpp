//===- AttentionBackwardMask.cpp - mask, exponentials, score gradients ----===//
#include "compiler/Kernels/CUDA/AttentionBackwardKernel.h"

#include <cmath>
#include <cstdint>
#include <limits>

using namespace mlir;

namespace swamla {

/// The column of a thread's accumulator, from column 2 (t % 4) on.
static int64_t columnOf(size_t accumulator) {
  return static_cast<int64_t>(8 * (accumulator / 4) + accumulator % 2);
}
/// Which of the thread's two rows an accumulator belongs to.
static unsigned rowOf(size_t accumulator) { return accumulator / 2 % 2; }

//===----------------------------------------------------------------------===//
// Mask
//===----------------------------------------------------------------------===//

/// Hides what the mask hides; most tiles lie inside of it, which the whole warpgroup knows.
HopperBackward::Values HopperBackward::mask(const Share &share, Value streamedRow, Values scores) {
  Value lastStreamed = b.add(streamedRow, plan.tileRows - 1);
  Value lastRow = b.add(share.firstRow, kWarpgroupRows - 1);
  Value onDiagonal =
      byKey() ? b.lessThan(streamedRow, lastRow) : b.lessThan(share.firstRow, lastStreamed);
  Value distance = b.sub(b.sub(share.row, streamedRow), b.mul(quad, 2));
  Value sinkLeft;
  if (sizes.sink > 0 && byKey())
    sinkLeft = b.sub(b.i32(sizes.sink), share.row);
  else if (sizes.sink > 0)
    sinkLeft = b.sub(b.sub(b.i32(sizes.sink), streamedRow), b.mul(quad, 2));
  auto hidden = [&](unsigned kinds) {
    return [&, kinds] { return hide(scores, distance, sinkLeft, kinds); };
  };
  auto asTheyAre = [&] { return scores; };
  if (!sizes.window)
    return llvm::to_vector_of<Value>(b.choose(onDiagonal, hidden(Causal), asTheyAre));
  Value reach = byKey() ? b.add(share.firstRow, *sizes.window) : streamedRow;
  Value leavesWindow =
      byKey() ? b.lessThan(reach, lastStreamed) : b.lessThan(reach, b.add(lastRow, -*sizes.window));
  auto either = [&](function_ref<Values()> yes, function_ref<Values()> no) {
    return llvm::to_vector_of<Value>(b.choose(leavesWindow, yes, no));
  };
  return llvm::to_vector_of<Value>(b.choose(
      onDiagonal, [&] { return either(hidden(Causal | Window), hidden(Causal)); },
      [&] { return either(hidden(Window), asTheyAre); }));
}

/// Scores, or minus infinity. `distance` is that of the thread's first row from the first streamed
/// row of its columns; `sinkLeft` how many keys, from the thread's first on, belong to the sink.
HopperBackward::Values HopperBackward::hide(ValueRange scores, Value distance, Value sinkLeft,
                                            unsigned kinds) {
  using enum arith::CmpIPredicate;
  Value hidden = b.f32(-std::numeric_limits<double>::infinity());
  Value distances[2], limits[2];
  for (int64_t row : {0, 1}) {
    if (distance)
      distances[row] = b.add(distance, 8 * row);
    if (!(kinds & Window))
      continue;
    limits[row] = b.add(distances[row], byKey() ? *sizes.window : -*sizes.window);
    if (byKey() && sizes.sink > 0) // a key of the sink is seen by all queries behind it
      limits[row] = b.select(b.lessThan(b.i32(8 * row), sinkLeft), b.i32(INT32_MAX), limits[row]);
  }
  Values visible;
  for (auto [i, score] : llvm::enumerate(scores)) {
    int64_t column = columnOf(i);
    Value c = b.i32(column), seen;
    if (kinds & SinkOnly)
      seen = b.lessThan(c, sinkLeft);
    if (kinds & Window) {
      seen = b.compare(byKey() ? sle : sge, c, limits[rowOf(i)]);
      if (!byKey() && column < sizes.sink) // no later column of a tile belongs to the sink
        seen = arith::OrIOp::create(b, seen, b.lessThan(c, sinkLeft));
    }
    if (kinds & Causal) {
      Value past = b.compare(byKey() ? sge : sle, c, distances[rowOf(i)]);
      seen = seen ? b.both(past, seen) : past;
    }
    visible.push_back(b.select(seen, score, hidden));
  }
  return visible;
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

/// By key: statistic `which` (0: -lse log2(e), 1: delta) of the thread's two columns from `column`
/// on, of a tile in a stage of the ring.
std::pair<Value, Value> HopperBackward::columnStatistics(unsigned which, Value stage,
                                                         int64_t column) {
  Value begin = b.add(b.mul(stage, 2 * plan.tileRows * 4), b.mul(quad, 8));
  int64_t offset = layout.statistics + (which * plan.tileRows + column) * 4;
  Values two = b.loadElements(b.getF32Type(), 2, b.sharedAt(begin, offset));
  return {two[0], two[1]};
}

/// P = exp2(scale log2(e) S - lse log2(e)). `stage` is not used by query.
HopperBackward::Values HopperBackward::exponentials(ValueRange scores, const Share &share,
                                                    Value stage) {
  Value scale = b.f32(sizes.scale * M_LOG2E);
  Values p;
  for (size_t i = 0; i < scores.size(); i += 4) {
    std::pair<Value, Value> lse2;
    if (byKey())
      lse2 = columnStatistics(0, stage, columnOf(i));
    for (size_t k = 0; k < 4; ++k) {
      Value shift = !byKey() ? share.lse2[k / 2] : k % 2 ? lse2.second : lse2.first;
      p.push_back(b.exp2Approx(b.fma(scores[i + k], scale, shift)));
    }
  }
  return p;
}

/// dS = P (dP - delta).
HopperBackward::Values HopperBackward::scoreGradients(ValueRange p, ValueRange dp,
                                                      const Share &share, Value stage) {
  Values ds;
  for (size_t i = 0; i < p.size(); i += 4) {
    std::pair<Value, Value> delta;
    if (byKey())
      delta = columnStatistics(1, stage, columnOf(i));
    for (size_t k = 0; k < 4; ++k) {
      Value mean = !byKey() ? share.delta[k / 2] : k % 2 ? delta.second : delta.first;
      ds.push_back(b.mulf(p[i + k], b.subf(dp[i + k], mean)));
    }
  }
  return ds;
}

/// An i32 that is not known before all of the values (f32 or i32): their bits, or'ed.
Value HopperBackward::bitsOf(ArrayRef<Value> values) {
  Value bits;
  for (Value value : values) {
    if (isa<FloatType>(value.getType()))
      value = arith::BitcastOp::create(b, b.getI32Type(), value);
    bits = bits ? Value(arith::OrIOp::create(b, bits, value)) : value;
  }
  return bits;
}

} // namespace swamla
