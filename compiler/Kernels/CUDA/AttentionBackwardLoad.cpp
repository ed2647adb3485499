//===- AttentionBackwardLoad.cpp - the loading warp -----------------------===//
//
// One thread loads by TMA. Tiles come from a counter: first come, first served,
// which balances blocks whatever a tile costs. Which block computes a tile makes
// no difference to its results. The thread takes a tile's number one tile before
// it loads it, and tells the other warps at once, so that they can prepare for it.
//
//===----------------------------------------------------------------------===//
#include "compiler/Kernels/CUDA/AttentionBackwardKernel.h"

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
  Value total = b.i32(order.count()), one = b.i32(1), first = b.blockId('x');
  announceTile(first, b.i32(0));
  b.whileLoop(
      {first, takeTile(), b.i32(0), b.i32(0)}, {},
      [&](ValueRange carried) {
        return HopperBuilder::Decision{b.lessThan(carried[0], total), {}};
      },
      [&](ValueRange carried, ValueRange) {
        Value id = carried[0], next = carried[1], base = carried[2], ordinal = carried[3];
        announceTile(next, b.add(ordinal, one));
        Value afterNext = takeTile(); // used in the next round, when it has long arrived
        Value end = loadTile(id, base, ordinal);
        return Values{next, afterNext, end, b.add(ordinal, one)};
      });
  finishLoading();
}

/// The number of a tile that no block has taken; as large as order.count() if there is none.
Value HopperBackward::takeTile() {
  Value taken = LLVM::AtomicRMWOp::create(b, LLVM::AtomicBinOp::add, b.scratch(), b.i32(1),
                                          LLVM::AtomicOrdering::monotonic, "device");
  return b.add(taken, b.i32(launch.grid[0]));
}

/// Tells the other warps which tile comes as number `ordinal`.
void HopperBackward::announceTile(Value id, Value ordinal) {
  Value place = b.acquireEmpty(layout.ids, ordinal);
  b.store(id, b.sharedAt(b.mul(place, 4), layout.tileIds));
  b.arrive(b.fullBarrier(layout.ids, place));
}

void HopperBackward::forEachTile(function_ref<void(const FixedTile &, Value)> body) {
  Value isFirst = b.equal(b.laneId(), 0);
  b.whileLoop(
      {b.i32(0), b.i32(0)}, {b.getI32Type()},
      [&](ValueRange carried) {
        Value place = b.waitFull(layout.ids, carried[1]);
        Value id = b.readForWarp(isFirst, b.sharedAt(b.mul(place, 4), layout.tileIds),
                                 b.mbarrier(layout.ids.empty, place));
        return HopperBuilder::Decision{b.lessThan(id, order.count()), {id}};
      },
      [&](ValueRange carried, ValueRange found) {
        FixedTile tile = decode(found[0], carried[1]);
        body(tile, carried[0]);
        return Values{b.add(carried[0], allTiles(tile)), b.add(carried[1], 1)};
      });
}

/// `base`: streamed tiles that went through the rings before. Returns the next `base`.
Value HopperBackward::loadTile(Value id, Value base, Value ordinal) {
  FixedTile tile = decode(id, ordinal);
  Value end = b.add(base, allTiles(tile));
  // With one place for fixed rows, the first streamed tile comes while the results before are still
  // being stored.
  bool early = plan.places > 1;
  if (early)
    loadFixed(tile);
  loadStreamed(0, tile, base, base);
  if (!early)
    loadFixed(tile);
  loadStreamed(1, tile, base, base);
  b.loop(b.add(base, 1), end, b.i32(1), [&](Value number) {
    for (unsigned which : {0U, 1U})
      loadStreamed(which, tile, number, base);
  });
  return end;
}

void HopperBackward::loadFixed(const FixedTile &tile) {
  Value place = b.acquireEmpty(layout.places, tile.ordinal);
  Value full = b.fullBarrier(layout.places, place);
  int64_t bytes = layout.fixed[0].bytes() + layout.fixed[1].bytes();
  auto loadRows = [&](const MapParts *maps, const AtomTile *tiles, Value row) {
    for (int i : {0, 1})
      loadParts(maps[i], b.stageOffset(tiles[i], place), tiles[i], full, tile, Value(), row);
  };
  if (!tile.hasSinkTile) {
    b.expectBytes(full, bytes);
    loadRows(fixedMaps, layout.fixed, tile.row);
    return;
  }
  int64_t sinkBytes = layout.sink[0].bytes() + layout.sink[1].bytes();
  b.choose(
      tile.hasSinkTile,
      [&] {
        b.expectBytes(full, bytes + sinkBytes);
        loadRows(sinkMaps, layout.sink, b.i32(0));
        return Values();
      },
      [&] {
        b.expectBytes(full, bytes);
        return Values();
      });
  loadRows(fixedMaps, layout.fixed, tile.row);
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

/// Leaves the counters zero: the last block to come here resets them for the next launch.
void HopperBackward::finishLoading() {
  int64_t lastBlock = launch.grid[0] - 1;
  Value finished = b.pointer(b.scratch(), b.getI32Type(), 1);
  Value before =
      LLVM::AtomicRMWOp::create(b, LLVM::AtomicBinOp::uinc_wrap, finished, b.i32(lastBlock),
                                LLVM::AtomicOrdering::acq_rel, "device");
  b.when(b.equal(before, lastBlock), [&] { b.store(b.i32(0), b.scratch()); });
}

} // namespace swamla
