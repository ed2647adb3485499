//===- AttentionBackwardLoad.cpp - the loading warpgroup ------------------===//
//
// Thread 0 loads by TMA. In the kernel by key the warp beside it brings the
// statistics of the streamed queries, which want arithmetic: -lse log2(e) and
// delta, or minus infinity and 0 past the sequence's end, where P is then 0.
//
//===----------------------------------------------------------------------===//
#include "compiler/Kernels/CUDA/AttentionBackwardKernel.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace swamla {

/// Streamed tiles of a fixed tile, of all query heads.
Value HopperBackward::allTiles(const FixedTile &tile) {
  return byKey() ? b.mul(tile.tiles, sizes.group()) : tile.tiles;
}

/// From tile `n` of all query heads to the head and the tile of that head.
HopperBackward::Place HopperBackward::placeAt(const FixedTile &tile, Value n) {
  if (!byKey() || sizes.group() == 1)
    return {.member = Value(), .n = n};
  Value member = arith::DivUIOp::create(b, n, tile.tiles);
  return {.member = member, .n = b.sub(n, b.mul(member, tile.tiles))};
}

/// For each tile of the block, in the order in which they are needed, its fixed and its streamed
/// rows.
void HopperBackward::load() {
  Value total = b.i32(order.count()), one = b.i32(1);
  // Tiles come from a counter: first come, first served, which balances blocks whatever a tile
  // costs. Which block computes a tile makes no difference to its results.
  ValueRange last = b.whileLoop(
      {b.blockId('x'), b.i32(0), b.i32(0)}, {},
      [&](ValueRange carried) {
        return HopperBuilder::Decision{b.lessThan(carried[0], total), {}};
      },
      [&](ValueRange carried, ValueRange) {
        Value id = carried[0], base = carried[1], ordinal = carried[2];
        Value end = loadFixedTile(id, base, ordinal);
        Value taken = LLVM::AtomicRMWOp::create(b, LLVM::AtomicBinOp::add, b.scratch(), one,
                                                LLVM::AtomicOrdering::monotonic, "device");
        return Values{b.add(taken, b.i32(launch.grid[0])), end, b.add(ordinal, one)};
      });
  finishLoading(last[2]);
}

/// Tells the other warps which tile comes next. There are two places for it, so that this one can
/// be written while the tile before is being computed.
void HopperBackward::announceTile(Value id, Value ordinal) {
  Value place = b.bitAnd(ordinal, 1), round = b.bitAnd(b.shiftRight(ordinal, 1), 1);
  b.wait(b.mbarrier(layout.idEmpty, place), b.sub(b.i32(1), round));
  b.store(id, b.sharedAt(b.mul(place, 4), layout.tileId));
  if (byKey())
    b.arrive(b.mbarrier(layout.idFull, place));
}

Value HopperBackward::readTileId(Value ordinal) {
  Value place = b.bitAnd(ordinal, 1);
  return b.readForWarp(b.equal(b.laneId(), 0), b.sharedAt(b.mul(place, 4), layout.tileId),
                       b.mbarrier(layout.idEmpty, place));
}

/// `base`: streamed tiles that went through the rings before; `ordinal`: fixed tiles. Returns the
/// next `base`.
Value HopperBackward::loadFixedTile(Value id, Value base, Value ordinal) {
  FixedTile tile = decode(id);
  announceTile(id, ordinal);
  // The first streamed tile may come while the previous results are still being stored.
  Value end = b.add(base, allTiles(tile));
  loadStreamed(0, tile, base, base);
  loadFixed(tile, ordinal);
  loadStreamed(1, tile, base, base);
  b.loop(b.add(base, 1), end, b.i32(1), [&](Value number) {
    for (unsigned which : {0U, 1U})
      loadStreamed(which, tile, number, base);
  });
  return end;
}

void HopperBackward::loadFixed(const FixedTile &tile, Value ordinal) {
  b.wait(b.mbarrier(layout.fixedEmpty), b.sub(b.i32(1), b.bitAnd(ordinal, 1)));
  Value full = b.mbarrier(layout.fixedFull);
  int64_t bytes = layout.fixed[0].bytes() + layout.fixed[1].bytes();
  auto loadRows = [&] {
    for (int i : {0, 1})
      loadParts(fixedMaps[i], b.i32(layout.fixed[i].offset), layout.fixed[i], full, tile, Value(),
                tile.row);
    return Values();
  };
  if (!tile.hasSinkTile) {
    b.expectBytes(full, bytes);
    loadRows();
    return;
  }
  b.choose(
      tile.hasSinkTile,
      [&] {
        b.expectBytes(full, bytes + layout.sink[0].bytes() + layout.sink[1].bytes());
        for (int i : {0, 1})
          loadParts(sinkMaps[i], b.i32(layout.sink[i].offset), layout.sink[i], full, tile, Value(),
                    b.i32(0));
        return loadRows();
      },
      [&] {
        b.expectBytes(full, bytes);
        return loadRows();
      });
}

/// Operand `which` of the streamed tile that is `number` in the ring, where the fixed tile's begin
/// at `base`.
void HopperBackward::loadStreamed(unsigned which, const FixedTile &tile, Value number, Value base) {
  const TileRing &ring = layout.streamed[which];
  Value stage = b.acquireEmpty(ring, number), full = b.fullBarrier(ring, stage);
  b.expectBytes(full, ring.tile.bytes());
  Place place = placeAt(tile, b.sub(number, base));
  loadParts(streamedMaps[which], b.stageOffset(ring.tile, stage), ring.tile, full, tile,
            place.member, streamedRow(tile, place.n));
}

/// Fills a tile at byte `offset` with rows from `row` on.
void HopperBackward::loadParts(const MapParts &parts, Value offset, const AtomTile &tile,
                               Value mbarrier, const FixedTile &place, Value member, Value row) {
  for (const MapPart &part : parts) {
    Value head = headOf(place, part.head, member);
    for (int64_t atom = 0; atom < part.atoms; ++atom) {
      Value destination = b.sharedAt(offset, (part.firstAtom + atom) * tile.atomBytes());
      b.loadBox(b.tensorMap(part.map), destination, mbarrier,
                {b.i32(atom * kAtomColumns), head, row, place.sequence});
    }
  }
}

/// Tells the other warps that there is no further tile, and leaves the counters zero: the last
/// block to come here resets them for the next launch.
void HopperBackward::finishLoading(Value ordinal) {
  announceTile(b.i32(order.count()), ordinal);
  b.wait(b.mbarrier(layout.fixedEmpty), b.sub(b.i32(1), b.bitAnd(ordinal, 1)));
  b.arrive(b.mbarrier(layout.fixedFull));
  int64_t lastBlock = launch.grid[0] - 1;
  Value finished = b.pointer(b.scratch(), b.getI32Type(), 1);
  Value before =
      LLVM::AtomicRMWOp::create(b, LLVM::AtomicBinOp::uinc_wrap, finished, b.i32(lastBlock),
                                LLVM::AtomicOrdering::acq_rel, "device");
  b.when(b.equal(before, lastBlock), [&] { b.store(b.i32(0), b.scratch()); });
}

//===----------------------------------------------------------------------===//
// Statistics
//===----------------------------------------------------------------------===//

void HopperBackward::loadStatistics() {
  b.whileLoop(
      {b.i32(0), b.i32(0)}, {b.getI32Type()},
      [&](ValueRange carried) {
        b.wait(b.mbarrier(layout.idFull, b.bitAnd(carried[1], 1)),
               b.bitAnd(b.shiftRight(carried[1], 1), 1));
        Value id = readTileId(carried[1]);
        return HopperBuilder::Decision{b.lessThan(id, order.count()), {id}};
      },
      [&](ValueRange carried, ValueRange found) {
        FixedTile tile = decode(found[0]);
        Value tiles = allTiles(tile);
        b.loop(b.i32(0), tiles, b.i32(1), [&](Value n) { writeStatistics(tile, n, carried[0]); });
        return Values{b.add(carried[0], tiles), b.add(carried[1], 1)};
      });
}

/// Those of streamed tile `n`, of all query heads.
void HopperBackward::writeStatistics(const FixedTile &tile, Value n, Value base) {
  const TileRing &ring = layout.streamed[0];
  Place place = placeAt(tile, n);
  Value head = b.toI64(headOf(tile, HeadOf::Query, place.member));
  Value sequence = b.mul(b.toI64(tile.sequence), sizes.seq);
  Value first = streamedRow(tile, place.n), lane = b.laneId();
  auto rowsOf = [&](unsigned parameter, int64_t stride) {
    return b.pointer(b.view(parameter), b.getF32Type(), b.add(b.mul(head, stride), sequence));
  };
  Value lse = rowsOf(lseParameter, op.getLseStride());
  Value delta = rowsOf(deltaParameter, op.getDeltaStride());
  // What the stage is waited for with is loaded before.
  Values loaded[2];
  for (int64_t i = 0; i < plan.tileRows; i += kWarpSize) {
    auto [l, d] = loadStatistic(lse, delta, b.add(b.add(first, lane), i));
    loaded[0].push_back(l);
    loaded[1].push_back(d);
  }
  Value stage = b.acquireEmpty(ring, b.add(base, n));
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

/// -lse log2(e) and delta of a row, from where those of its head and sequence begin.
std::pair<Value, Value> HopperBackward::loadStatistic(Value lse, Value delta, Value row) {
  Value exists = b.lessThan(row, sizes.seq), safe = b.select(exists, row, b.i32(0));
  auto load = [&](Value base) {
    return b.load(b.getF32Type(), b.pointer(base, b.getF32Type(), safe), /*readOnly=*/true);
  };
  Value scaled = b.mulf(load(lse), b.f32(-M_LOG2E));
  Value nothing = b.f32(-std::numeric_limits<double>::infinity());
  return {b.select(exists, scaled, nothing), b.select(exists, load(delta), b.f32(0))};
}

} // namespace swamla
