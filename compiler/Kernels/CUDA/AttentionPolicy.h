//===- AttentionPolicy.h - which kernel serves which attention ------------===//
//
// The one place that decides between the generators, and how the tiles of the
// wgmma kernels are cut. What the tensor memory accelerator or the register file
// cannot take goes to AttentionSimt.h, which takes everything.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Kernels/CUDA/CudaTarget.h"
#include "compiler/Kernels/CUDA/GpuKernel.h"
#include "dialects/Step/IR/StepDialect.h"

#include "mlir/IR/Builders.h"

#include <algorithm>
#include <optional>

namespace swamla {

/// How the wgmma forward kernel is cut.
struct HopperForwardPlan {
  int64_t warpgroups = 2; ///< that compute, 64 queries each; one more loads
  int64_t blockK = 128;   ///< keys of a tile, a multiple of 16
  int64_t stages = 2;     ///< tiles of keys, and of values, in flight
  int64_t places = 1;     ///< for queries
  int64_t blocksPerSm = 1;
  bool pingPong = false;    ///< two warpgroups take turns: one multiplies, the other exponentiates
  bool lateRescale = false; ///< results are rescaled after the next scores were started
  bool skipHidden = false;  ///< a warpgroup leaves out the tiles that its own 64 queries do not see

  int64_t blockQ() const { return 64 * warpgroups; }
  int64_t threads() const { return 128 * (warpgroups + 1); }
  /// Registers that a thread starts with, at most.
  int64_t startRegisters() const { return std::min<int64_t>(255, 65536 / blocksPerSm / threads()); }
  /// Whether the loading warpgroup hands registers over; a lone computing one has all it can use.
  bool movesRegisters() const { return warpgroups * blocksPerSm > 1; }
  /// Registers of a thread of the loading warpgroup, and of the computing ones, from then on.
  int64_t loadRegisters() const { return warpgroups == 3 ? 32 : 40; }
  int64_t computeRegisters() const {
    if (!movesRegisters())
      return startRegisters();
    return warpgroups == 3 ? 160 : warpgroups == 2 ? 232 : 216;
  }
};

/// The plan for a verified op, or nullopt where AttentionSimt.h serves it.
std::optional<HopperForwardPlan> planHopperForward(step::AttentionKernelOp op,
                                                   const CudaTarget &target);

/// Builds the kernel of a verified op at the builder's insertion point, under the op's name, with
/// the generator that serves it best.
mlir::FailureOr<llvm::SmallVector<GpuKernel>>
buildAttention(step::AttentionKernelOp op, mlir::OpBuilder &builder, const CudaTarget &target);

} // namespace swamla
