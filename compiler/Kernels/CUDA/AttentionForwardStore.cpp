//===- AttentionForwardStore.cpp - results and their log-sum-exp ----------===//
#include "compiler/Kernels/CUDA/AttentionForwardKernel.h"

#include <cmath>

using namespace mlir;

namespace swamla {

/// out = O / l, to where the tile's queries were; lse = ln 2 (m scale log2(e) + log2 l), to memory.
void HopperForward::finish(const QueryTile &tile, Value place, const Share &share,
                           const State &state) {
  Values sums, inverse;
  for (Value sum : state.sum) {
    sum = b.addf(sum, b.shuffleXor(sum, 1));
    sum = b.addf(sum, b.shuffleXor(sum, 2));
    sums.push_back(sum);
    inverse.push_back(b.reciprocalApprox(sum));
  }
  storeLse(tile, share, state, sums);

  // The last scores of the other warps read these rows, too. Barriers 4, 5, ... are those of single
  // warpgroups.
  b.syncThreads(b.add(warpgroup, 4), kWarpgroupSize);
  stageOut(place, state.out, inverse);
  b.fenceShared();
  b.arrive(b.mbarrier(layout.staged, place));
}

/// A warp: stores the results of each tile by TMA, which leaves rows past the sequence's end out,
/// and then hands their place to the next queries.
void HopperForward::storeTiles() {
  Value isFirst = b.equal(b.laneId(), 0);
  forEachTile([&](const QueryTile &tile, Value) {
    HopperBuilder::Slot slot = b.slot(layout.places, tile.ordinal);
    b.wait(b.mbarrier(layout.staged, slot.stage), slot.parity);
    b.when(isFirst, [&] {
      Value begin = b.add(b.mul(slot.stage, layout.placeBytes()), layout.out.offset);
      for (int64_t atom = 0; atom < layout.out.atoms; ++atom)
        b.storeBox(b.tensorMap(maps.out), b.sharedAt(begin, atom * layout.out.atomBytes()),
                   {b.i32(atom * kAtomColumns), tile.head, tile.query, tile.sequence});
      b.commitStores();
      b.waitStoresRead(0);
      b.arrive(b.mbarrier(layout.places.empty, slot.stage));
    });
  });
  b.waitStores(0);
}

void HopperForward::storeLse(const QueryTile &tile, const Share &share, const State &state,
                             ValueRange sums) {
  Value base = b.view(numViews - 1), scale = b.f32(sizes.scale * M_LOG2E), ln2 = b.f32(M_LN2);
  Value head = b.mul(b.toI64(tile.head), static_cast<int64_t>(op.getLseStride()));
  Value sequence = b.mul(b.toI64(tile.sequence), sizes.seq);
  for (unsigned row : {0, 1}) {
    Value lse = b.mulf(b.fma(state.maximum[row], scale, b.log2Approx(sums[row])), ln2);
    Value query = b.add(share.row, 8 * row);
    Value writes = b.both(b.equal(quad, 0), b.lessThan(query, sizes.seq));
    b.when(writes, [&] {
      Value offset = b.add(b.add(head, sequence), b.toI64(query));
      b.store(lse, b.pointer(base, b.getF32Type(), offset));
    });
  }
}

/// Writes out times `scale` (of both rows) to the staging tile, swizzled as TMA reads it: 16-byte
/// chunk c of row r lies at chunk c ^ (r % 8).
void HopperForward::stageOut(Value place, ValueRange out, ValueRange scale) {
  Value swizzle = b.bitAnd(rowInWarpgroup, 7); // the same for the row 8 below
  Value row = b.add(b.mul(warpgroup, kWarpgroupRows), rowInWarpgroup);
  Value start = b.add(b.mul(row, kAtomRowBytes), b.mul(quad, 4));
  start = b.add(start, b.mul(place, layout.placeBytes()));
  for (int64_t chunk = 0; chunk < static_cast<int64_t>(out.size()) / 4; ++chunk) {
    Value place = arith::XOrIOp::create(b, swizzle, b.i32(chunk % 8));
    Value at = b.add(start, b.mul(place, 16));
    for (int64_t below : {0, 1}) {
      int64_t i = 4 * chunk + 2 * below;
      Value pair = b.packBf16(b.mulf(out[i], scale[below]), b.mulf(out[i + 1], scale[below]));
      int64_t offset =
          layout.out.offset + chunk / 8 * layout.out.atomBytes() + 8 * kAtomRowBytes * below;
      b.store(pair, b.sharedAt(at, offset));
    }
  }
}

} // namespace swamla
