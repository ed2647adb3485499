//===- AttentionBackwardLoad.cpp - the loading thread ---------------------===//
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
  loadTiles(
      b, layout.queue, order.count(), launch.grid[0],
      [&](Value id, Value ordinal, Value base) { return loadTile(decode(id, ordinal), base); });
}

void HopperBackward::forEachTile(function_ref<void(const FixedTile &, Value)> body) {
  swamla::forEachTile(b, layout.queue, order.count(), [&](Value id, Value ordinal, Value base) {
    FixedTile tile = decode(id, ordinal);
    body(tile, base);
    return b.add(base, allTiles(tile));
  });
}

/// `base`: streamed tiles that went through the rings before. Returns the next `base`.
Value HopperBackward::loadTile(const FixedTile &tile, Value base) {
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

} // namespace swamla
