//===- AttentionBackward.h - gradients of attention on wgmma --------------===//
//
// Gradients of attention for bf16 on Hopper's matrix units: one kernel for dQ, and
// one for dK, dV and the gradient of shared key columns (FlashAttention's backward
// pass, Dao, arXiv:2307.08691, cut in two). Both compute the scores, seven matrix
// products instead of five, and so need neither atomic operations nor a workspace:
// the same input gives the same bits.
//
// Both kernels are one template. A block stays on its multiprocessor and takes one
// tile of 128 fixed rows of one head after the other, 64 for each of two computing
// warpgroups, whose gradients stay in registers; it streams tiles of the other rows:
//
//                 fixed rows        streamed rows     products
//   by query      Q, dO             K, V              dQ += dS K
//   by key        K, V              Q, dO             dV += P^T dO,  dK += dS^T Q
//
//   S = fixed1 streamed1^T,  dP = fixed2 streamed2^T     (by key: transposed tiles)
//   P = exp(scale S - lse),  dS = P (dP - delta)
//
// P and dS go from accumulators to the A operand of the last products in
// registers. The kernel by key takes the query heads of its KV head one after the
// other. Tiles that the mask hides are not loaded, and a warpgroup leaves out those
// that its own rows do not see. By query, a sink of up to 16 keys that the window
// has left behind is a tile of its own.
//
// Delta is an operand; or, where attention's result is one in its stead, the kernel by
// query computes it, and the kernel by key, which runs after it, reads it.
//
// The warps of a third warpgroup do what would keep the others waiting: the first
// loads rows, the next bring the statistics of the queries, the last stores results.
// They lie where the fixed rows were; with two places for those, the rows of the next
// tile come while this one is computed, and its results leave while the next one is.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Kernels/CUDA/GpuKernel.h"
#include "compiler/Kernels/CUDA/HopperAttention.h"

namespace swamla {

/// How one kernel of the backward pass is scheduled.
struct HopperBackwardPlan {
  int64_t tileRows = 64;      ///< of a streamed tile: a multiple of 16
  int64_t stages[2] = {3, 3}; ///< streamed tiles in flight, of both operands
  int64_t places = 1;         ///< for fixed rows
  /// P only as bf16, dP started after the exponentials: the fewest registers. By key only.
  bool lean = false;
  /// The next tile's S is started behind this tile's last product: before that, one that waits ...
  enum Prefetch { None, Early, AfterValues } prefetch = None; ///< ... for dV. AfterValues: by key.
};

/// Which rows a kernel keeps.
enum class BackwardSide { Query, Key };

/// The most registers that a computing thread can have; and how many if the other threads, which
/// several query heads to a KV head, or delta, give more to do, are to have 40 instead of 24.
inline constexpr int64_t kMostRegisters = 240, kRoomyRegisters = 232;

/// About how many registers a computing thread needs. (ptxas has the last word.)
int64_t backwardRegisters(const AttentionSizes &sizes, BackwardSide side,
                          const HopperBackwardPlan &plan);

/// The shared memory of a thread block. Rings whose tiles have no rows are barriers alone.
struct BackwardLayout {
  AtomTile fixed[2];  ///< the first place of the fixed rows, and of the results that follow them
  AtomTile sink[2];   ///< likewise; of no atoms where there is no small sink
  TileRing places;    ///< emptied when the results have left
  int64_t staged = 0; ///< for each place: the results lie there
  TileRing streamed[2];
  TileQueue queue;
  TileRing rows;          ///< by query: places of the fixed rows' statistics
  int64_t statistics = 0; ///< f32, -lse log2(e) and delta: by query [rows.stages][2][fixed rows],
                          ///< by key [streamed[0].stages][2][tileRows]
  int64_t never = 0;      ///< 4 bytes that nobody writes: see HopperBuilder::holdBack
  int64_t bytes = 0;

  static BackwardLayout make(const AttentionSizes &sizes, BackwardSide side,
                             const HopperBackwardPlan &plan);
};

/// Builds both kernels of a verified op at the builder's insertion point, named after the op with
/// the suffixes _dq and _dkv. The plans must fit: see AttentionBackwardPolicy.h.
mlir::FailureOr<llvm::SmallVector<GpuKernel>> buildHopperBackward(step::AttentionGradKernelOp op,
                                                                  const HopperBackwardPlan &byQuery,
                                                                  const HopperBackwardPlan &byKey,
                                                                  mlir::OpBuilder &builder,
                                                                  const CudaTarget &target);

} // namespace swamla
