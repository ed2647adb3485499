//===- AttentionDelta.h - delta of attention's gradient, on its own -------===//
#pragma once

#include "compiler/Kernels/CUDA/CudaTarget.h"
#include "compiler/Kernels/CUDA/GpuKernel.h"
#include "dialects/Step/IR/StepDialect.h"

#include "mlir/IR/Builders.h"

namespace swamla {

/// Builds, at the builder's insertion point and named after the op with the suffix _delta, the
/// kernel that computes delta = sum(out * dout) over each head's columns, for a verified op that
/// has `out`. A warp adds up the columns of a row: lane l those l, l + 32, ... in order, then the
/// lanes' sums.
GpuKernel buildAttentionDelta(step::AttentionGradKernelOp op, mlir::OpBuilder &builder,
                              const CudaTarget &target);

} // namespace swamla
