//===- AttentionForward.h - attention on wgmma ----------------------------===//
//
// softmax(scale Q K^T) V for bf16 on Hopper's matrix units, with the row sums'
// logarithms for the backward pass. The algorithm is FlashAttention's (Dao,
// arXiv:2307.08691, algorithm 1), its schedule FlashAttention-3's (Shah et al.,
// arXiv:2407.08608).
//
// A thread block stays on its multiprocessor and takes one tile of queries of one
// head after the other. Of one of its warpgroups a thread loads and a warp stores, by
// TMA; the others own 64 queries each, whose scores, probabilities and results stay in
// registers. Results lie where the queries were; with two places for those, the next
// tile's come while this one is computed, and its results leave while the next one is.
// Tiles of keys are visited from the diagonal down, those that the mask
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
  AtomTile q;            ///< the first place of the queries; the results follow them there
  AtomTile out;          ///< the same memory as results
  AtomTile sinkK, sinkV; ///< the first place; of no atoms where there is no small sink
  TileRing places;       ///< barriers: emptied when the results have left
  int64_t staged = 0;    ///< for each place: the results lie there
  TileRing k, v;
  TileQueue queue;
  int64_t never = 0; ///< 4 bytes that nobody writes: see HopperBuilder::holdBack
  int64_t bytes = 0;

  int64_t placeBytes() const { return std::max(q.bytes(), out.bytes()); }
  static ForwardLayout make(const AttentionSizes &sizes, const HopperForwardPlan &plan);
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
