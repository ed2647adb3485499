//===- AttentionForwardCompute.cpp - the computing warpgroups -------------===//
//
// The loop over key tiles is pipelined by one tile: with P the probabilities and
// O the results,
//
//   S_0 -> P_0;  for n = 1 ..:  start S_n = Q K_n^T;  start O += P_{n-1} V_{n-1};
//                               wait for S_n;  P_n = softmax(S_n);  wait for O
//
// In the base-2 softmax, scores stay unscaled: p = exp2(s scale' - m scale') is one
// multiply-add, with scale' = scale log2(e).
//
//===----------------------------------------------------------------------===//
#include "compiler/Kernels/CUDA/AttentionForwardKernel.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace swamla {

/// Columns of a thread in a quarter of a row, within 8 columns: 2 (t % 4) and the next.
static int64_t columnOf(size_t accumulator) {
  return static_cast<int64_t>(8 * (accumulator / 4) + accumulator % 2);
}
/// Which of the thread's two rows an accumulator belongs to.
static unsigned rowOf(size_t accumulator) { return accumulator / 2 % 2; }

//===----------------------------------------------------------------------===//
// State
//===----------------------------------------------------------------------===//

HopperForward::Values HopperForward::State::flat() const {
  Values all = out;
  llvm::append_range(all, maximum);
  llvm::append_range(all, sum);
  llvm::append_range(all, decay);
  return all;
}

HopperForward::State HopperForward::unflatten(ValueRange values, bool withDecay) const {
  size_t numOut = sizes.v / 2;
  auto take = [&](size_t begin, size_t count) {
    return llvm::to_vector_of<Value>(values.slice(begin, count));
  };
  return {.out = take(0, numOut),
          .maximum = take(numOut, 2),
          .sum = take(numOut + 2, 2),
          .decay = withDecay ? take(numOut + 4, 2) : Values()};
}

//===----------------------------------------------------------------------===//
// Tiles of queries
//===----------------------------------------------------------------------===//

void HopperForward::compute() {
  Value thread = b.rem(b.threadId(), kWarpgroupSize), lane = b.laneId();
  isFirstLane = b.equal(lane, 0);
  rowInWarpgroup = b.add(b.mul(b.div(thread, kWarpSize), 16), b.div(lane, 4));
  quad = b.rem(lane, 4);
  // The second warpgroup lets the first begin.
  if (plan.pingPong)
    b.when(b.equal(warpgroup, 1), [&] { b.arriveThreads(b.i32(1), 2 * kWarpgroupSize); });
  forEachTile([&](const QueryTile &tile, Value base) { computeTile(tile, base); });
}

/// `base`: key tiles that went through the rings before.
void HopperForward::computeTile(const QueryTile &tile, Value base) {
  Value place = b.waitFull(layout.places, tile.ordinal);
  Value rows =
      b.add(b.mul(place, layout.placeBytes()), b.mul(warpgroup, kWarpgroupRows * kAtomRowBytes));
  qDescriptor = b.descriptor(layout.q, Major::Depth, rows);
  Share share = shareOf(tile);
  if (plan.skipHidden)
    skipTiles(base, b.i32(0), share.begin);
  State state = keyLoop(tile, share, base, start(place, share));
  if (plan.skipHidden && sizes.window)
    skipTiles(base, share.end, tile.keyTiles);
  finish(tile, place, share, state);
}

HopperForward::Share HopperForward::shareOf(const QueryTile &tile) {
  Share share;
  share.firstQuery = b.add(tile.query, b.mul(warpgroup, kWarpgroupRows));
  share.row = b.add(share.firstQuery, rowInWarpgroup);
  share.begin = b.i32(0);
  share.end = tile.keyTiles;
  share.hasSinkTile = tile.hasSinkTile;
  if (!plan.skipHidden)
    return share;
  Value zero = b.i32(0);
  Value diagonal = b.div(b.add(share.firstQuery, kWarpgroupRows - 1), plan.blockK);
  share.begin = larger(b.sub(tile.lastKeyTile, diagonal), zero);
  if (!sizes.window)
    return share;
  Value first = b.div(larger(b.add(share.firstQuery, -*sizes.window), zero), plan.blockK);
  // At least one tile, so that there is something to wait for; past the end of the sequence.
  share.end = larger(b.add(b.sub(tile.lastKeyTile, first), 1), b.add(share.begin, 1));
  if (tile.hasSinkTile)
    share.hasSinkTile = b.lessThan(zero, first);
  return share;
}

/// Hands key tiles back unused.
void HopperForward::skipTiles(Value base, Value begin, Value end) {
  b.loop(begin, end, b.i32(1), [&](Value n) {
    // The waits keep a fast warpgroup from running a whole round ahead.
    Value number = b.add(base, n);
    b.waitFull(layout.k, number);
    b.releaseStage(layout.k, number, isFirstLane);
    b.waitFull(layout.v, number);
    b.releaseStage(layout.v, number, isFirstLane);
  });
}

HopperForward::State HopperForward::start(Value place, const Share &share) {
  // The maximum is finite from the start: a row that sees nothing of a tile then gives
  // exp(-infinity), never infinity - infinity.
  Value zero = b.f32(0), lowest = b.f32(-1e30);
  State nothing{.out = Values(sizes.v / 2, zero),
                .maximum = {lowest, lowest},
                .sum = {zero, zero},
                .decay = {}};
  if (!share.hasSinkTile)
    return nothing;
  ValueRange values = b.choose(
      share.hasSinkTile, [&] { return sinkTile(place).flat(); }, [&] { return nothing.flat(); });
  return unflatten(values, /*withDecay=*/false);
}

/// The state after the keys of a small sink: they lie before the window of all queries.
HopperForward::State HopperForward::sinkTile(Value place) {
  Value zero = b.f32(0), lowest = b.f32(-1e30);
  Value keys = b.descriptor(layout.sinkK, Major::Depth, b.mul(place, layout.sinkK.bytes()));
  Values scores =
      b.startProduct(qDescriptor, layout.q, keys, layout.sinkK, keyColumns, kSinkTileKeys);
  scores = b.waitProducts(0, scores);
  Value sinkLeft = b.sub(b.i32(sizes.sink), b.mul(quad, 2));
  scores = mask(scores, Value(), sinkLeft, SinkOnly);
  State state{.out = {}, .maximum = {lowest, lowest}, .sum = {zero, zero}, .decay = {}};
  Values p = b.packAccumulators(softmax(scores, state).p);
  Value values = b.descriptor(layout.sinkV, Major::Rows, b.mul(place, layout.sinkV.bytes()));
  Values none(sizes.v / 2, zero);
  state.out = b.waitProducts(0, b.startAccumulate(none, p, values, layout.sinkV, valueColumns));
  return state;
}

//===----------------------------------------------------------------------===//
// The loop over key tiles
//===----------------------------------------------------------------------===//

/// Scores of key tile n, as soon as it has landed.
HopperForward::Values HopperForward::startScores(Value base, Value n) {
  Value stage = b.waitFull(layout.k, b.add(base, n));
  takeTurn();
  Value keys = b.descriptor(layout.k.tile, Major::Depth, b.mul(stage, layout.k.tile.bytes()));
  return b.startProduct(qDescriptor, layout.q, keys, layout.k.tile, keyColumns, plan.blockK);
}

HopperForward::Values HopperForward::startResults(const State &state, ValueRange p, Value base,
                                                  Value n) {
  Value stage = b.waitFull(layout.v, b.add(base, n));
  Value values = b.descriptor(layout.v.tile, Major::Rows, b.mul(stage, layout.v.tile.bytes()));
  return b.startAccumulate(state.out, p, values, layout.v.tile, valueColumns);
}

HopperForward::State HopperForward::keyLoop(const QueryTile &tile, const Share &share, Value base,
                                            State state) {
  bool late = plan.lateRescale;
  auto release = [&](const TileRing &ring, Value n) {
    b.releaseStage(ring, b.add(base, n), isFirstLane);
  };
  // What the next round starts from: probabilities, then the state.
  auto carry = [&](ValueRange p, State next, ValueRange decay) {
    if (late)
      next.decay = llvm::to_vector_of<Value>(decay);
    else
      next.out = rescale(next.out, decay);
    Values all = b.packAccumulators(p);
    llvm::append_range(all, next.flat());
    return all;
  };

  Values scores = startScores(base, share.begin);
  passTurn();
  scores = b.waitProducts(0, scores);
  release(layout.k, share.begin);
  Probabilities first = maskAndSoftmax(tile, share, share.begin, scores, state);
  Values init = carry(first.p, state, first.decay);

  size_t numPairs = plan.blockK / 4;
  auto split = [&](ValueRange carried) {
    return std::pair(carried.take_front(numPairs), unflatten(carried.drop_front(numPairs), late));
  };
  ValueRange last =
      b.loop(b.add(share.begin, 1), share.end, b.i32(1), init, [&](Value n, ValueRange carried) {
        auto [p, now] = split(carried);
        Value before = b.add(n, -1);
        Values scores = startScores(base, n);
        if (late) // while the tensor cores are busy with the scores
          now.out = rescale(now.out, b.notEarlier(now.decay));
        now.out = startResults(now, p, base, before);
        passTurn();
        scores = b.waitProducts(1, scores);
        release(layout.k, n);
        Probabilities next = maskAndSoftmax(tile, share, n, scores, now);
        // Sums of exponentials are not negative: -1 never comes.
        Value known = arith::BitcastOp::create(b, b.getI32Type(), b.addf(now.sum[0], now.sum[1]));
        b.holdBack(known, /*never: -1.0f=*/0xBF800000, layout.never);
        // The probabilities pass through the wait, so that packing them does not overwrite those
        // that the product still reads.
        Values all = now.out;
        llvm::append_range(all, next.p);
        all = b.waitProducts(0, all);
        now.out.assign(all.begin(), all.begin() + now.out.size());
        release(layout.v, before);
        return carry(ArrayRef(all).drop_front(now.out.size()), now, next.decay);
      });

  auto [p, end] = split(last);
  if (late)
    end.out = rescale(end.out, end.decay);
  Value n = b.add(share.end, -1);
  end.out = b.waitProducts(0, startResults(end, p, base, n));
  release(layout.v, n);
  return end;
}

/// Two warpgroups start their products in turn, so that one's exponentials run under the other's
/// products. Barrier 1 + w is warpgroup w's turn.
void HopperForward::takeTurn() {
  if (plan.pingPong)
    b.syncThreads(b.add(warpgroup, 1), 2 * kWarpgroupSize);
}

void HopperForward::passTurn() {
  if (plan.pingPong)
    b.arriveThreads(b.sub(b.i32(2), warpgroup), 2 * kWarpgroupSize);
}

//===----------------------------------------------------------------------===//
// Mask and softmax
//===----------------------------------------------------------------------===//

/// Hides what the mask hides; most tiles lie inside of it, which the whole warpgroup knows.
HopperForward::Probabilities HopperForward::maskAndSoftmax(const QueryTile &tile,
                                                           const Share &share, Value n,
                                                           Values scores, State &state) {
  Value key = b.mul(keyTileAt(tile, n), plan.blockK);
  Value onDiagonal = b.lessThan(share.firstQuery, b.add(key, plan.blockK - 1));
  Value twoQuad = b.mul(quad, 2);
  Value distance = b.sub(b.sub(share.row, key), twoQuad);
  Value sinkLeft = sizes.sink ? b.sub(b.sub(b.i32(sizes.sink), key), twoQuad) : Value();
  auto masked = [&](unsigned kinds) {
    return [&, kinds] { return mask(scores, distance, sinkLeft, kinds); };
  };
  auto asTheyAre = [&] { return scores; };
  Values visible;
  if (!sizes.window) {
    visible = llvm::to_vector_of<Value>(b.choose(onDiagonal, masked(Causal), asTheyAre));
  } else {
    Value leavesWindow =
        b.lessThan(key, b.add(share.firstQuery, kWarpgroupRows - 1 - *sizes.window));
    auto either = [&](llvm::function_ref<Values()> yes, llvm::function_ref<Values()> no) {
      return llvm::to_vector_of<Value>(b.choose(leavesWindow, yes, no));
    };
    visible = llvm::to_vector_of<Value>(b.choose(
        onDiagonal, [&] { return either(masked(Causal | Window), masked(Causal)); },
        [&] { return either(masked(Window), asTheyAre); }));
  }
  return softmax(visible, state);
}

/// Scores, or minus infinity. `distance` is that of the thread's first query from its first key of
/// the tile, `sinkLeft` how many of the keys from there on belong to the sink.
HopperForward::Values HopperForward::mask(ValueRange scores, Value distance, Value sinkLeft,
                                          unsigned kinds) {
  using enum arith::CmpIPredicate;
  Value hidden = b.f32(-std::numeric_limits<double>::infinity());
  Value distances[2], limits[2];
  if (distance) {
    distances[0] = distance;
    distances[1] = b.add(distance, 8);
  }
  if (kinds & Window)
    for (unsigned row : {0, 1})
      limits[row] = b.add(distances[row], -*sizes.window);
  Values visible;
  for (auto [i, score] : llvm::enumerate(scores)) {
    int64_t column = columnOf(i);
    Value c = b.i32(column), seen;
    if (kinds & SinkOnly)
      seen = b.lessThan(c, sinkLeft);
    if (kinds & Window) {
      seen = b.compare(sge, c, limits[rowOf(i)]);
      if (column < sizes.sink) // no later column of a tile belongs to the sink
        seen = arith::OrIOp::create(b, seen, b.lessThan(c, sinkLeft));
    }
    if (kinds & Causal) {
      Value past = b.compare(sle, c, distances[rowOf(i)]);
      seen = seen ? b.both(past, seen) : past;
    }
    visible.push_back(b.select(seen, score, hidden));
  }
  return visible;
}

/// Probabilities relative to the new maximum, and what earlier results are to be multiplied by;
/// updates maximum and sum.
HopperForward::Probabilities HopperForward::softmax(ValueRange scores, State &state) {
  Value scale = b.f32(sizes.scale * M_LOG2E), minusScale = b.f32(-sizes.scale * M_LOG2E);
  Values p(scores.begin(), scores.end()), decay;
  auto rowOfScores = [&](unsigned row) {
    SmallVector<size_t> indices;
    for (size_t i = 0; i < scores.size(); ++i)
      if (rowOf(i) == row)
        indices.push_back(i);
    return indices;
  };
  Value before[] = {state.maximum[0], state.maximum[1]};
  for (unsigned row : {0, 1}) {
    SmallVector<size_t> indices = rowOfScores(row);
    // Four chains, for the latency.
    Value chains[] = {before[row], scores[indices[0]], scores[indices[1]], scores[indices[2]]};
    for (auto [k, i] : llvm::enumerate(ArrayRef(indices).drop_front(3)))
      chains[k % 4] = b.maxf(chains[k % 4], scores[i]);
    Value most = b.maxf(b.maxf(chains[0], chains[1]), b.maxf(chains[2], chains[3]));
    most = b.maxf(most, b.shuffleXor(most, 1));
    most = b.maxf(most, b.shuffleXor(most, 2));
    state.maximum[row] = most;
    decay.push_back(b.exp2Approx(b.mulf(b.subf(before[row], most), scale)));
  }
  for (unsigned row : {0, 1}) {
    SmallVector<size_t> indices = rowOfScores(row);
    Value shift = b.mulf(state.maximum[row], minusScale);
    for (size_t i : indices)
      p[i] = b.exp2Approx(b.fma(scores[i], scale, shift));
    Value sums[] = {b.fma(state.sum[row], decay[row], p[indices[0]]), p[indices[1]]};
    for (auto [k, i] : llvm::enumerate(ArrayRef(indices).drop_front(2)))
      sums[k % 2] = b.addf(sums[k % 2], p[i]);
    state.sum[row] = b.addf(sums[0], sums[1]);
  }
  return {.p = p, .decay = decay};
}

HopperForward::Values HopperForward::rescale(ValueRange out, ValueRange decay) {
  Values scaled;
  for (auto [i, value] : llvm::enumerate(out))
    scaled.push_back(b.mulf(value, decay[rowOf(i)]));
  return scaled;
}

} // namespace swamla
