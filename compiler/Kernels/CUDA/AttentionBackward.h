//===- AttentionBackward.h - gradients of attention on wgmma --------------===//
//
// Gradients of attention for bf16 on Hopper's matrix units: one kernel for dQ, and
// one for dK, dV and the gradient of shared key columns (FlashAttention's backward
// pass, Dao, arXiv:2307.08691, cut in two). Both compute the scores, seven matrix
// products instead of five, and so need neither atomic operations nor a workspace:
// the same input gives the same bits.
//
// Both kernels are one template. A block owns 128 fixed rows of one head, 64 for
// each of two warpgroups, whose gradients stay in registers; it streams tiles of
// the other rows, which a third warpgroup loads:
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
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Kernels/CUDA/GpuKernel.h"
#include "compiler/Kernels/CUDA/HopperAttention.h"

namespace swamla {

/// How one kernel of the backward pass is scheduled.
struct HopperBackwardPlan {
  int64_t tileRows = 64; ///< of a streamed tile: a multiple of 16
  int64_t stages = 3;    ///< streamed tiles in flight
  /// P only as bf16, dP started after the exponentials: the fewest registers. By key only.
  bool lean = false;
  /// The next tile's S is started behind this tile's last product: before that, one that waits ...
  enum Prefetch { None, Early, AfterValues } prefetch = None; ///< ... for dV. AfterValues: by key.
};

/// Which rows a kernel keeps.
enum class BackwardSide { Query, Key };

/// The most registers that a computing thread can have; and how many if the loading threads, which
/// several query heads to a KV head give more to do, are to have 40 instead of 24.
inline constexpr int64_t kMostRegisters = 240, kRoomyRegisters = 232;

/// About how many registers a computing thread needs. (ptxas has the last word.)
int64_t backwardRegisters(const AttentionSizes &sizes, BackwardSide side,
                          const HopperBackwardPlan &plan);

/// The shared memory of a thread block.
struct BackwardLayout {
  AtomTile fixed[2];
  TileRing streamed[2];
  AtomTile sink[2];       ///< of no atoms where there is no small sink
  AtomTile out[2];        ///< where results are staged for TMA; the second is dV's
  bool outApart = false;  ///< else `out` lies where the fixed rows were
  int64_t statistics = 0; ///< by key: f32 [stages][2][tileRows], -lse log2(e) and delta
  int64_t fixedFull = 0, fixedEmpty = 0;
  int64_t idFull = 0;  ///< by key, two: the places of tileId
  int64_t idEmpty = 0; ///< two: all have read what lay there
  int64_t tileId = 0;  ///< i32[2]: the block's tile, and the next one's
  int64_t never = 0;   ///< 4 bytes that nobody writes: see HopperBuilder::holdBack
  int64_t bytes = 0;

  /// `limit`: bytes that a thread block may have. `bytes` exceeds it if the plan does not fit.
  static BackwardLayout make(const AttentionSizes &sizes, BackwardSide side,
                             const HopperBackwardPlan &plan, int64_t limit);
};

/// Builds both kernels of a verified op at the builder's insertion point, named after the op with
/// the suffixes _dq and _dkv. The plans must fit: see AttentionBackwardPolicy.h.
mlir::FailureOr<llvm::SmallVector<GpuKernel>> buildHopperBackward(step::AttentionGradKernelOp op,
                                                                  const HopperBackwardPlan &byQuery,
                                                                  const HopperBackwardPlan &byKey,
                                                                  mlir::OpBuilder &builder,
                                                                  const CudaTarget &target);

} // namespace swamla
