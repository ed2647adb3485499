//===- HopperAttention.h - what forward and backward have in common -------===//
#pragma once

#include "compiler/Kernels/CUDA/AttentionSizes.h"
#include "compiler/Kernels/CUDA/Hopper.h"

namespace swamla {

/// A tensor map over columns [firstColumn, firstColumn + width) of the heads in a bf16 view. Its
/// dims are column, head, row of the sequence, sequence: rows past a sequence's end read as zero
/// and are not written. A box is one atom of `rows` rows of one head.
step::TensorMapAttr headsMap(unsigned view, step::HeadsAttr heads, const AttentionSizes &sizes,
                             int64_t firstColumn, int64_t width, int64_t rows);

/// Whether the tensor memory accelerator can reach the heads in a bf16 view of this alignment, also
/// from column `firstColumn` on: addresses and strides are multiples of 16 bytes.
bool tmaReaches(step::HeadsAttr heads, int64_t viewAlignment, int64_t firstColumn = 0);

/// In which order the tiles of all heads of all sequences are computed: groups of heads, and in a
/// group tile by tile for all of its heads. So the heavy tiles of a group come first, and what its
/// heads read stays in the second-level cache.
struct TileOrder {
  int64_t tiles; ///< of one head
  int64_t sequences;
  int64_t heads; ///< of one sequence
  int64_t group; ///< heads that are computed together; divides sequences * heads

  /// `headBytes`: what the tiles of one head read again and again.
  static TileOrder make(int64_t tiles, int64_t sequences, int64_t heads, int64_t headBytes);
  int64_t count() const { return tiles * sequences * heads; }
};

/// Where tile `id` of an order (i32) lies. All i32.
struct TilePlace {
  mlir::Value tile, sequence, head;
};
TilePlace placeOf(HopperBuilder &b, const TileOrder &order, mlir::Value id);

/// How a block gets its tiles, and its warps learn of them. Tiles come from a counter: first come,
/// first served, which balances blocks whatever a tile costs; which block computes a tile makes no
/// difference to its results. The loading thread takes a tile's number one tile before it loads
/// it, and tells the other warps at once, so that they can prepare for it.
struct TileQueue {
  TileRing ids;        ///< barriers alone
  int64_t numbers = 0; ///< i32[ids.stages] in shared memory

  void takeFrom(SharedLayout &memory);
  /// `readers`: warps that call forEachTile.
  void init(HopperBuilder &b, int64_t readers) const;
};

/// For one thread, of kernels with two zero i32 of scratch, which are left zero: calls body(id,
/// ordinal, base) for the tiles of its block, one of `blocks`, out of `count`. `base` is what the
/// call before returned, at first 0.
using TileBody =
    llvm::function_ref<mlir::Value(mlir::Value id, mlir::Value ordinal, mlir::Value base)>;
void loadTiles(HopperBuilder &b, const TileQueue &queue, int64_t count, int64_t blocks,
               TileBody body);
/// The same for another warp, all lanes.
void forEachTile(HopperBuilder &b, const TileQueue &queue, int64_t count, TileBody body);

} // namespace swamla
