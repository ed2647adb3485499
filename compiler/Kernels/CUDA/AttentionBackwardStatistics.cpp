//===- AttentionBackwardStatistics.cpp - statistics of the queries --------===//
//
// -lse log2(e) and delta, or minus infinity and 0 past the sequence's end, where P
// is then 0. By query they are those of the fixed rows, which two warps bring one
// tile ahead; by key those of the streamed rows, which a warp brings beside TMA.
//
//===----------------------------------------------------------------------===//
#include "compiler/Kernels/CUDA/AttentionBackwardKernel.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace swamla {

/// One of statisticsWarps() warps, number `part`.
void HopperBackward::loadStatistics(Value part) {
  forEachTile([&](const FixedTile &tile, Value base) {
    if (!byKey())
      return writeRows(tile, part);
    b.loop(b.i32(0), allTiles(tile), b.i32(1), [&](Value n) { writeStreamed(tile, n, base); });
  });
}

/// Where those of a query head's rows begin, `member` as in Place.
std::pair<Value, Value> HopperBackward::statisticsOf(const FixedTile &tile, Value member) {
  Value head = b.toI64(headOf(tile, HeadOf::Query, member));
  Value sequence = b.mul(b.toI64(tile.sequence), sizes.seq);
  auto rowsOf = [&](unsigned parameter, int64_t stride) {
    return b.pointer(b.view(parameter), b.getF32Type(), b.add(b.mul(head, stride), sequence));
  };
  return {rowsOf(lseParameter, op.getLseStride()), rowsOf(deltaParameter, op.getDeltaStride())};
}

/// -lse log2(e) and delta of a row, from where those of its head and sequence begin.
std::pair<Value, Value> HopperBackward::loadStatistic(std::pair<Value, Value> base, Value row) {
  Value exists = b.lessThan(row, sizes.seq), safe = b.select(exists, row, b.i32(0));
  auto load = [&](Value base) {
    return b.load(b.getF32Type(), b.pointer(base, b.getF32Type(), safe), /*readOnly=*/true);
  };
  Value scaled = b.mulf(load(base.first), b.f32(-M_LOG2E));
  Value nothing = b.f32(-std::numeric_limits<double>::infinity());
  if (computesDelta())
    return {b.select(exists, scaled, nothing), Value()};
  return {b.select(exists, scaled, nothing), b.select(exists, load(base.second), b.f32(0))};
}

/// Those of a warpgroup's fixed rows.
void HopperBackward::writeRows(const FixedTile &tile, Value part) {
  std::pair<Value, Value> base = statisticsOf(tile, Value());
  Value row = b.add(b.mul(part, kWarpgroupRows), b.laneId());
  // What the place is waited for with is loaded before.
  DeltaOperands operands;
  if (computesDelta()) {
    operands = deltaOperands(tile);
    prefetchDelta(operands, tile, part);
  }
  Values lse2, delta;
  for (int64_t i = 0; i < kWarpgroupRows; i += kWarpSize) {
    auto [l, d] = loadStatistic(base, b.add(b.add(tile.row, row), i));
    lse2.push_back(l);
    delta.push_back(d);
  }
  Value place = b.acquireEmpty(layout.rows, tile.ordinal);
  Value begin = b.mul(b.add(b.mul(place, 2 * kFixedRows), row), 4);
  for (int64_t i = 0; i < kWarpgroupRows / kWarpSize; ++i) {
    b.store(lse2[i], b.sharedAt(begin, layout.statistics + i * kWarpSize * 4));
    if (!computesDelta())
      b.store(delta[i], b.sharedAt(begin, layout.statistics + (kFixedRows + i * kWarpSize) * 4));
  }
  if (computesDelta())
    computeDelta(operands, tile, part, place);
  b.arrive(b.fullBarrier(layout.rows, place));
}

/// By query: those of a computing thread's two rows.
void HopperBackward::readRows(const FixedTile &tile, Share &share) {
  Value place = b.waitFull(layout.rows, tile.ordinal);
  Value row = b.add(b.mul(warpgroup, kWarpgroupRows), rowInWarpgroup);
  Value begin = b.mul(b.add(b.mul(place, 2 * kFixedRows), row), 4);
  auto read = [&](int64_t row) {
    return b.load(b.getF32Type(), b.sharedAt(begin, layout.statistics + row * 4));
  };
  for (int64_t below : {0, 8}) {
    share.lse2.push_back(read(below));
    share.delta.push_back(read(kFixedRows + below));
  }
  b.arrive(b.mbarrier(layout.rows.empty, place)); // each thread for what it has read
}

/// By key: all lanes of the computing warps read the statistics of a stage. Each would have to
/// arrive at an mbarrier, 256 arrivals a tile; a named barrier counts whole warps, and orders what
/// all of their lanes have read. Those of the stages are number 8 and the following.
static constexpr int64_t kFirstStageBarrier = 8;
static constexpr int64_t kReaders = HopperBackward::kWarpgroups * kWarpgroupSize;

void HopperBackward::announceRead(Value stage) {
  b.arriveThreads(b.add(stage, kFirstStageBarrier), kReaders + kWarpSize);
}

void HopperBackward::waitForReads(Value stage) {
  b.syncThreads(b.add(stage, kFirstStageBarrier), kReaders + kWarpSize);
}

/// By key: those of streamed tile `n`, of all query heads.
void HopperBackward::writeStreamed(const FixedTile &tile, Value n, Value base) {
  const TileRing &ring = layout.streamed[0];
  Place place = placeAt(tile, n);
  std::pair<Value, Value> from = statisticsOf(tile, place.member);
  Value first = streamedRow(tile, place.n), lane = b.laneId();
  // What the stage is waited for with is loaded before.
  Values loaded[2];
  for (int64_t i = 0; i < plan.tileRows; i += kWarpSize) {
    auto [l, d] = loadStatistic(from, b.add(b.add(first, lane), i));
    loaded[0].push_back(l);
    loaded[1].push_back(d);
  }
  Value stage = b.slot(ring, b.add(base, n)).stage;
  waitForReads(stage);
  Value begin = b.mul(b.add(b.mul(stage, 2 * plan.tileRows), lane), 4);
  for (int64_t i = 0; i < plan.tileRows; i += kWarpSize)
    for (int which : {0, 1}) {
      Value target = b.sharedAt(begin, layout.statistics + (which * plan.tileRows + i) * 4);
      Value value = loaded[which][i / kWarpSize];
      if (plan.tileRows - i >= kWarpSize)
        b.store(value, target);
      else
        b.when(b.lessThan(lane, plan.tileRows - i), [&] { b.store(value, target); });
    }
  b.arrive(b.fullBarrier(ring, stage)); // each lane for what it has written
}

} // namespace swamla
