//===- AttentionBackwardStore.cpp - gradients to memory -------------------===//
//
// By way of shared memory and TMA, which leaves rows past the sequence's end out.
//
//===----------------------------------------------------------------------===//
#include "compiler/Kernels/CUDA/AttentionBackwardKernel.h"

using namespace mlir;

namespace swamla {

void HopperBackward::store(const FixedTile &tile, const Share &share, const Gradients &gradients) {
  // Barriers 4, 5, ... are those of single warpgroups.
  Value barrier = b.add(warpgroup, 4);
  if (layout.outApart) // the previous results have left
    b.waitStoresRead(0);
  b.syncThreads(barrier, kWarpgroupSize);
  // dS is the gradient of the scaled scores; P needs no factor.
  stage(gradients.first, layout.out[0], columns[0], sizes.scale);
  if (byKey())
    stage(gradients.second, layout.out[1], columns[1], 1);
  b.fenceShared();
  b.syncThreads(barrier, kWarpgroupSize);
  b.when(isFirstThread, [&] {
    for (int i : {0, 1})
      storeParts(outMaps[i], layout.out[i], tile, share);
    b.commitStores();
    if (!layout.outApart) {
      b.waitStoresRead(0);
      b.arrive(b.mbarrier(layout.fixedEmpty));
    }
  });
}

/// Writes factor * values to this warpgroup's rows of a staging tile, swizzled as TMA reads it:
/// 16-byte chunk c of row r lies at chunk c ^ (r % 8).
void HopperBackward::stage(ValueRange values, const AtomTile &out, const TileColumns &columns,
                           double factor) {
  Value swizzle = b.bitAnd(rowInWarpgroup, 7); // the same for the row 8 below
  Value row = b.add(b.mul(warpgroup, kWarpgroupRows), rowInWarpgroup);
  Value start = b.add(b.mul(row, kAtomRowBytes), b.mul(quad, 4));
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

void HopperBackward::storeParts(const MapParts &parts, const AtomTile &out, const FixedTile &tile,
                                const Share &share) {
  Value rows = b.mul(warpgroup, kWarpgroupRows * kAtomRowBytes);
  for (const MapPart &part : parts)
    for (int64_t atom = 0; atom < part.atoms; ++atom) {
      Value source = b.sharedAt(rows, out.offset + (part.firstAtom + atom) * out.atomBytes());
      b.storeBox(b.tensorMap(part.map), source,
                 {b.i32(atom * kAtomColumns), headOf(tile, part.head, Value()), share.firstRow,
                  tile.sequence});
    }
}

} // namespace swamla
