//===- AttentionBackwardPolicy.h - which kernels serve attention's gradient ===//
//
// AttentionPolicy.h for the backward pass: between the wgmma kernels and those of
// AttentionSimt.h, which take everything.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Kernels/CUDA/AttentionBackward.h"

#include <optional>

namespace swamla {

struct HopperBackwardPlans {
  HopperBackwardPlan byQuery, byKey;
};

/// The plans for a verified op, or nullopt where AttentionSimt.h serves it.
std::optional<HopperBackwardPlans> planHopperBackward(step::AttentionGradKernelOp op,
                                                      const CudaTarget &target);

/// Builds the kernels of a verified op at the builder's insertion point, named after the op, with
/// the generator that serves it best.
mlir::FailureOr<llvm::SmallVector<GpuKernel>> buildAttentionGrad(step::AttentionGradKernelOp op,
                                                                 mlir::OpBuilder &builder,
                                                                 const CudaTarget &target);

} // namespace swamla
