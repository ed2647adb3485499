//===- AttentionForward.h - attention on wgmma ----------------------------===//
//
// softmax(scale Q K^T) V for bf16 on Hopper's matrix units, with the row sums'
// logarithms for the backward pass. The algorithm is FlashAttention's (Dao,
// arXiv:2307.08691, algorithm 1), its schedule FlashAttention-3's (Shah et al.,
// arXiv:2407.08608).
//
// A thread block stays on its multiprocessor and takes one tile of queries of one
// head after the other. One of its warpgroups loads (a single thread, by TMA); the
// others own 64 queries each, whose scores, probabilities and results stay in
// registers. Tiles of keys are visited from the diagonal down, those that the mask
// hides are not loaded. In the steady state a warpgroup has the scores of tile n
// and the results of tile n - 1 under way while it exponentiates.
//
// A sink of up to 16 keys that the window has left behind is a tile of its own,
// of 16 keys; a larger one is visited in whole tiles after the window's.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Kernels/CUDA/AttentionPolicy.h"
#include "compiler/Kernels/CUDA/HopperAttention.h"

namespace swamla {

/// The shared memory of a thread block.
struct ForwardLayout {
  AtomTile q;
  TileRing k, v;
  AtomTile sinkK, sinkV; ///< of no atoms where there is no small sink
  AtomTile out;          ///< where results are staged for TMA
  bool outApart = false; ///< else `out` lies where q was
  int64_t qFull = 0, qEmpty = 0;
  int64_t idEmpty = 0; ///< all have read tileId
  int64_t tileId = 0;  ///< i32: the tile of queries, from the loading thread to the others
  int64_t never = 0;   ///< 4 bytes that nobody writes: see HopperBuilder::holdBack
  int64_t bytes = 0;

  /// `limit`: bytes that a thread block may have. `bytes` exceeds it if the plan does not fit.
  static ForwardLayout make(const AttentionSizes &sizes, const HopperForwardPlan &plan,
                            int64_t limit);
};

/// Keys of a small sink's tile.
inline constexpr int64_t kSinkTileKeys = 16;
/// Whether the sink is a small tile of its own, or visited in whole tiles.
inline bool hasSinkTile(const AttentionSizes &sizes) {
  return sizes.sink > 0 && sizes.sink <= kSinkTileKeys;
}

/// Shared memory that a block may have if `blocksPerSm` of them share a multiprocessor.
int64_t sharedLimit(const CudaTarget &target, int64_t blocksPerSm);

/// Builds the kernel of a verified op at the builder's insertion point, under the op's name.
/// `plan` must fit: see planHopperForward.
mlir::FailureOr<llvm::SmallVector<GpuKernel>> buildHopperForward(step::AttentionKernelOp op,
                                                                 const HopperForwardPlan &plan,
                                                                 mlir::OpBuilder &builder,
                                                                 const CudaTarget &target);

} // namespace swamla
