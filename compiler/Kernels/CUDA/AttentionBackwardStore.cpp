//===- AttentionBackwardStore.cpp - gradients to memory -------------------===//
//
// By way of shared memory and TMA, which leaves rows past the sequence's end out.
//
//===----------------------------------------------------------------------===//
#include "compiler/Kernels/CUDA/AttentionBackwardKernel.h"

using namespace mlir;

namespace swamla {

/// Writes the results to where the tile's fixed rows were.
void HopperBackward::stage(const FixedTile &tile, const Gradients &gradients) {
  Value place = b.slot(layout.places, tile.ordinal).stage;
  // The last products of the other warps read these rows, too. Barriers 4, 5, ... are those of
  // single warpgroups.
  b.syncThreads(b.add(warpgroup, 4), kWarpgroupSize);
  // dS is the gradient of the scaled scores; P needs no factor.
  stage(gradients.first, layout.fixed[0], place, columns[0], sizes.scale);
  if (byKey())
    stage(gradients.second, layout.fixed[1], place, columns[1], 1);
  b.fenceShared();
  b.arrive(b.mbarrier(layout.staged, place));
}

/// Writes factor * values to this warpgroup's rows of a staging tile, swizzled as TMA reads it:
/// 16-byte chunk c of row r lies at chunk c ^ (r % 8).
void HopperBackward::stage(ValueRange values, const AtomTile &out, Value place,
                           const TileColumns &columns, double factor) {
  Value swizzle = b.bitAnd(rowInWarpgroup, 7); // the same for the row 8 below
  Value row = b.add(b.mul(warpgroup, kWarpgroupRows), rowInWarpgroup);
  Value start = b.add(b.mul(row, kAtomRowBytes), b.mul(quad, 4));
  start = b.add(start, b.mul(place, out.bytes()));
  size_t i = 0;
  for (TileColumns::Part piece : columns.pieces())
    for (int64_t column = piece.begin; column < piece.begin + piece.width; column += 8) {
      Value chunk = arith::XOrIOp::create(b, swizzle, b.i32(column / 8 % 8));
      Value at = b.add(start, b.mul(chunk, 16));
      for (int64_t below : {0, 1}) {
        Value low = values[i++], high = values[i++];
        if (factor != 1) {
          low = b.mulf(low, b.f32(factor));
          high = b.mulf(high, b.f32(factor));
        }
        int64_t offset =
            out.offset + column / kAtomColumns * out.atomBytes() + 8 * kAtomRowBytes * below;
        b.store(b.packBf16(low, high), b.sharedAt(at, offset));
      }
    }
}

/// A warp: stores the results of each tile, and then hands their place to the next fixed rows.
void HopperBackward::storeTiles() {
  Value isFirst = b.equal(b.laneId(), 0);
  forEachTile([&](const FixedTile &tile, Value) {
    HopperBuilder::Slot slot = b.slot(layout.places, tile.ordinal);
    b.wait(b.mbarrier(layout.staged, slot.stage), slot.parity);
    b.when(isFirst, [&] {
      for (int i : {0, 1})
        storeParts(outMaps[i], layout.fixed[i], slot.stage, tile);
      b.commitStores();
      b.waitStoresRead(0);
      b.arrive(b.mbarrier(layout.places.empty, slot.stage));
    });
  });
  b.waitStores(0);
}

void HopperBackward::storeParts(const MapParts &parts, const AtomTile &out, Value place,
                                const FixedTile &tile) {
  Value begin = b.stageOffset(out, place);
  for (const MapPart &part : parts)
    for (int64_t atom = 0; atom < part.atoms; ++atom) {
      Value source = b.sharedAt(begin, (part.firstAtom + atom) * out.atomBytes());
      b.storeBox(
          b.tensorMap(part.map), source,
          {b.i32(atom * kAtomColumns), headOf(tile, part.head, Value()), tile.row, tile.sequence});
    }
}

} // namespace swamla
