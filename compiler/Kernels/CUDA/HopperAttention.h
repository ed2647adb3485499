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

} // namespace swamla
