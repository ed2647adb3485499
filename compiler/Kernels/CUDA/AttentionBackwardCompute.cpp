//===- AttentionBackwardCompute.cpp - the computing warpgroups ------------===//
//
// One streamed tile, as far as possible with products under the arithmetic:
//
//   split:  start S, dP;  wait for S;  P = exp;       [by key: start dV += P^T dO]
//           wait for dP (and dV's start);  dS;        start dK += dS^T Q;  wait
//   lean:   start S;  wait;  P = exp;                 start dP, dV += P^T dO
//           wait for dP;  dS;                         start dK += dS^T Q;  wait
//
// With prefetch the next tile's S is started before the last wait.
//
//===----------------------------------------------------------------------===//
#include "compiler/Kernels/CUDA/AttentionBackwardKernel.h"

using namespace mlir;

namespace swamla {

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

static HopperBuilder::Values join(ArrayRef<ValueRange> ranges) {
  HopperBuilder::Values all;
  for (ValueRange range : ranges)
    llvm::append_range(all, range);
  return all;
}

HopperBackward::Values HopperBackward::Gradients::flat() const { return join({first, second}); }

HopperBackward::Gradients HopperBackward::unflatten(ValueRange values) const {
  size_t numFirst = columns[0].width() / 2, numSecond = byKey() ? columns[1].width() / 2 : 0;
  return {.first = llvm::to_vector_of<Value>(values.take_front(numFirst)),
          .second = llvm::to_vector_of<Value>(values.slice(numFirst, numSecond))};
}

//===----------------------------------------------------------------------===//
// Fixed tiles
//===----------------------------------------------------------------------===//

void HopperBackward::compute() {
  Value thread = b.rem(b.threadId(), kWarpgroupSize), lane = b.laneId();
  isFirstLane = b.equal(lane, 0);
  rowInWarpgroup = b.add(b.mul(b.div(thread, kWarpSize), 16), b.div(lane, 4));
  quad = b.rem(lane, 4);
  if (byKey()) // nobody has to wait for the first statistics of a stage
    for (int64_t stage = 0; stage < plan.stages[0]; ++stage)
      announceRead(b.i32(stage));
  forEachTile([&](const FixedTile &tile, Value base) { computeTile(tile, base); });
}

/// `base`: streamed tiles that went through the rings before.
void HopperBackward::computeTile(const FixedTile &tile, Value base) {
  Value place = b.waitFull(layout.places, tile.ordinal);
  for (int i : {0, 1}) {
    Value rows = b.add(b.mul(place, layout.fixed[i].bytes()),
                       b.mul(warpgroup, kWarpgroupRows * kAtomRowBytes));
    fixedDescriptor[i] = b.descriptor(layout.fixed[i], Major::Depth, rows);
  }
  Share share = shareOf(tile);
  size_t numFirst = columns[0].width() / 2, numSecond = byKey() ? columns[1].width() / 2 : 0;
  Gradients gradients{Values(numFirst, b.f32(0)), Values(numSecond, b.f32(0))};
  if (share.hasSinkTile) {
    ValueRange start = b.choose(
        share.hasSinkTile, [&] { return sinkTile(place, share).flat(); },
        [&] { return gradients.flat(); });
    gradients = unflatten(start);
  }
  auto oneHead = [&](Value base, const Gradients &gradients) {
    skipTiles(base, b.i32(0), share.begin);
    Gradients next = streamTiles(tile, share, base, gradients);
    skipTiles(base, share.end, tile.tiles);
    return next;
  };
  if (byKey() && sizes.group() > 1) {
    ValueRange totals = b.loop(b.i32(0), b.i32(sizes.group()), b.i32(1), gradients.flat(),
                               [&](Value member, ValueRange carried) {
                                 Value first = b.add(base, b.mul(member, tile.tiles));
                                 return oneHead(first, unflatten(carried)).flat();
                               });
    gradients = unflatten(totals);
  } else {
    gradients = oneHead(base, gradients);
  }
  stage(tile, gradients);
}

HopperBackward::Share HopperBackward::shareOf(const FixedTile &tile) {
  Share share;
  share.firstRow = b.add(tile.row, b.mul(warpgroup, kWarpgroupRows));
  share.row = b.add(share.firstRow, rowInWarpgroup);
  Value zero = b.i32(0), one = b.i32(1);
  if (byKey()) {
    Value diagonal = b.sub(b.div(share.firstRow, plan.tileRows), tile.start);
    share.begin = b.smaller(diagonal, tile.tiles); // all of them past the sequence's end
    share.end = tile.tiles;
    if (sizes.window) {
      Value last = b.add(share.firstRow, kWarpgroupRows - 1 + *sizes.window);
      Value end = b.add(b.sub(b.div(last, plan.tileRows), tile.start), one);
      end = b.select(b.lessThan(share.firstRow, sizes.sink), tile.tiles, end);
      share.end = b.larger(b.smaller(end, tile.tiles), share.begin);
    }
    return share;
  }
  Value lastRow = b.smaller(b.add(share.firstRow, kWarpgroupRows - 1), b.i32(sizes.seq - 1));
  share.begin = b.sub(tile.start, b.div(lastRow, plan.tileRows));
  share.end = tile.tiles;
  if (sizes.window) {
    Value first = b.div(b.larger(b.add(share.firstRow, -*sizes.window), zero), plan.tileRows);
    // A sink of whole tiles comes after the window's: then all of them are visited.
    if (tile.tiles == tile.windowTiles)
      share.end = b.larger(b.add(b.sub(tile.start, first), one), share.begin);
    if (tile.hasSinkTile)
      share.hasSinkTile = b.lessThan(zero, first);
  }
  readRows(tile, share);
  return share;
}

/// Hands streamed tiles back unused.
void HopperBackward::skipTiles(Value base, Value begin, Value end) {
  b.loop(begin, end, b.i32(1), [&](Value n) {
    // The waits keep a fast warpgroup from running a whole round ahead.
    Value number = b.add(base, n);
    for (unsigned which : {0U, 1U}) {
      b.waitFull(layout.streamed[which], number);
      release(which, number);
    }
  });
}

void HopperBackward::release(unsigned which, Value number) {
  const TileRing &ring = layout.streamed[which];
  if (byKey() && which == 0)
    announceRead(b.slot(ring, number).stage);
  b.releaseStage(ring, number, isFirstLane);
}

/// dQ of the keys of a small sink: they lie before the window of all of the warpgroup's queries.
HopperBackward::Gradients HopperBackward::sinkTile(Value place, const Share &share) {
  auto descriptor = [&](int i, Major major) {
    return b.descriptor(layout.sink[i], major, b.mul(place, layout.sink[i].bytes()));
  };
  Values products[2];
  for (int i : {0, 1}) {
    products[i] = b.startProduct(fixedDescriptor[i], layout.fixed[i], descriptor(i, Major::Depth),
                                 layout.sink[i], columns[i], kSinkKeys);
  }
  Values both = b.waitProducts(0, join({products[0], products[1]}));
  size_t count = both.size() / 2;
  Value sinkLeft = b.sub(b.i32(sizes.sink), b.mul(quad, 2));
  Values scores = hide(ArrayRef(both).take_front(count), Value(), sinkLeft, SinkOnly);
  Values p = exponentials(scores, share, Value());
  Values ds = scoreGradients(p, ArrayRef(both).drop_front(count), share, Value());
  Values pairs = b.packAccumulators(ds), none(columns[0].width() / 2, b.f32(0));
  Values first =
      b.startAccumulate(none, pairs, descriptor(0, Major::Rows), layout.sink[0], columns[0]);
  return {.first = b.waitProducts(0, first, pairs), .second = {}};
}

//===----------------------------------------------------------------------===//
// Streamed tiles
//===----------------------------------------------------------------------===//

HopperBackward::Streamed HopperBackward::streamedAt(const FixedTile &tile, Value base, Value n) {
  Value number = b.add(base, n);
  return {.number = number,
          .stage = b.slot(layout.streamed[0], number).stage,
          .row = streamedRow(tile, n)};
}

/// Starts product `which` of fixed and streamed rows, as soon as tile `number` has landed.
HopperBackward::Values HopperBackward::startProduct(unsigned which, Value number) {
  const TileRing &ring = layout.streamed[which];
  Value stage = b.waitFull(ring, number);
  Value other = b.descriptor(ring.tile, Major::Depth, b.mul(stage, ring.tile.bytes()));
  return b.startProduct(fixedDescriptor[which], layout.fixed[which], other, ring.tile,
                        columns[which], plan.tileRows);
}

/// Starts acc += factors times the streamed rows of operand `which`.
HopperBackward::Values HopperBackward::startGradient(unsigned which, const Values &acc,
                                                     const Values &factors, const Streamed &at) {
  const AtomTile &tile = layout.streamed[which].tile;
  Value stage = b.slot(layout.streamed[which], at.number).stage;
  Value rows = b.descriptor(tile, Major::Rows, b.mul(stage, tile.bytes()));
  return b.startAccumulate(acc, factors, rows, tile, columns[which]);
}

/// `scores` are still under way if `pending`.
HopperBackward::Factors HopperBackward::split(const Share &share, const Streamed &at, Values scores,
                                              bool pending, const Gradients &gradients) {
  Values dp = startProduct(1, at.number);
  if (pending)
    scores = b.waitProducts(1, scores);
  Values p = exponentials(mask(share, at.row, scores), share, at.stage);
  Factors factors{.p = {}, .ds = {}, .second = gradients.second};
  if (byKey())
    factors.p = b.packAccumulators(p);
  // Probabilities are not negative: these bits never come.
  b.holdBack(bitsOf(byKey() ? factors.p : p), /*never=*/0x80008000, layout.never);
  dp = b.waitProducts(0, dp);
  if (byKey())
    factors.second = startGradient(1, gradients.second, factors.p, at);
  else
    release(1, at.number); // V is not needed again
  factors.ds = b.packAccumulators(scoreGradients(p, dp, share, at.stage));
  return factors;
}

HopperBackward::Factors HopperBackward::lean(const Share &share, const Streamed &at, Values scores,
                                             bool pending, const Gradients &gradients) {
  if (pending)
    scores = b.waitProducts(0, scores);
  Factors factors;
  factors.p = b.packAccumulators(exponentials(mask(share, at.row, scores), share, at.stage));
  Values dp = startProduct(1, at.number);
  factors.second = startGradient(1, gradients.second, factors.p, at);
  dp = b.waitProducts(1, dp);
  Values p;
  for (Value pair : factors.p) {
    auto [low, high] = b.unpackBf16(pair);
    p.append({low, high});
  }
  factors.ds = b.packAccumulators(scoreGradients(p, dp, share, at.stage));
  return factors;
}

HopperBackward::Gradients HopperBackward::streamTiles(const FixedTile &tile, const Share &share,
                                                      Value base, const Gradients &gradients) {
  if (plan.prefetch != HopperBackwardPlan::None)
    return streamAhead(tile, share, base, gradients);
  ValueRange totals =
      b.loop(share.begin, share.end, b.i32(1), gradients.flat(), [&](Value n, ValueRange carried) {
        Gradients now = unflatten(carried);
        Streamed at = streamedAt(tile, base, n);
        Values scores = startProduct(0, at.number);
        Factors f = plan.lean ? lean(share, at, scores, /*pending=*/true, now)
                              : split(share, at, scores, /*pending=*/true, now);
        return finishTile(now, f, at);
      });
  return unflatten(totals);
}

/// The last product of a tile: waits for it, gives the tile back and returns the gradients.
HopperBackward::Values HopperBackward::finishTile(const Gradients &now, const Factors &f,
                                                  const Streamed &at) {
  Values first = startGradient(0, now.first, f.ds, at);
  Values all = b.waitProducts(0, join({first, f.second}), join({f.p, f.ds}));
  release(0, at.number);
  if (byKey())
    release(1, at.number);
  return all;
}

/// The same with the next tile's scores started before the last wait.
HopperBackward::Gradients HopperBackward::streamAhead(const FixedTile &tile, const Share &share,
                                                      Value base, const Gradients &gradients) {
  Values before = gradients.flat();
  size_t numGradients = before.size();
  auto run = [&] {
    Values init = before;
    llvm::append_range(init, b.waitProducts(0, startProduct(0, b.add(base, share.begin))));
    ValueRange last =
        b.loop(share.begin, share.end, b.i32(1), init, [&](Value n, ValueRange carried) {
          Gradients now = unflatten(carried.take_front(numGradients));
          Values scores = llvm::to_vector_of<Value>(carried.drop_front(numGradients));
          Streamed at = streamedAt(tile, base, n);
          Factors f = plan.lean ? lean(share, at, scores, /*pending=*/false, now)
                                : split(share, at, scores, /*pending=*/false, now);
          Value isLast = b.lessThan(b.add(share.end, -2), n);
          ValueRange next = b.choose(
              isLast, [&] { return join({finishTile(now, f, at), scores}); },
              [&] { return finishAhead(now, f, at, b.add(at.number, 1)); });
          return llvm::to_vector_of<Value>(next);
        });
    return llvm::to_vector_of<Value>(last.take_front(numGradients));
  };
  ValueRange totals = b.choose(b.lessThan(share.begin, share.end), run, [&] { return before; });
  return unflatten(totals);
}

/// finishTile, and the scores of the tile that comes next as tile `next` of the ring.
HopperBackward::Values HopperBackward::finishAhead(const Gradients &now, const Factors &f,
                                                   const Streamed &at, Value next) {
  Values first = startGradient(0, now.first, f.ds, at), second = f.second, keep = f.ds;
  bool valuesFirst = byKey() && plan.prefetch == HopperBackwardPlan::AfterValues;
  if (valuesFirst) {
    second = b.waitProducts(1, second, f.p);
    release(1, at.number);
  } else {
    llvm::append_range(keep, f.p);
  }
  Values scores = startProduct(0, next);
  Values waited = valuesFirst ? first : join({first, second});
  waited = b.waitProducts(1, waited, keep);
  release(0, at.number);
  if (valuesFirst)
    llvm::append_range(waited, second);
  else if (byKey())
    release(1, at.number);
  return join({waited, b.waitProducts(0, scores)});
}

} // namespace swamla
