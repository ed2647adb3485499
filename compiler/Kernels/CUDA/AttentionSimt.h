//===- AttentionSimt.h - attention in f32 arithmetic ----------------------===//
//
// Generators of attention and of its gradient without matrix units: any widths,
// strides and alignments, f32 or bf16 elements, everything between loads and
// stores in f32. They serve --precision=fp32 and tf32, and the shapes that the
// wgmma kernels do not take.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Kernels/CUDA/CudaTarget.h"
#include "compiler/Kernels/CUDA/GpuKernel.h"
#include "dialects/Step/IR/StepDialect.h"

#include "mlir/IR/Builders.h"

namespace swamla {

/// Builds the kernel of a verified op at the builder's insertion point, under the op's name.
mlir::FailureOr<llvm::SmallVector<GpuKernel>>
buildAttentionSimt(step::AttentionKernelOp op, mlir::OpBuilder &builder, const CudaTarget &target);

/// Builds the kernels of the gradient, named after the op with the suffixes _dq, _dk, _dv and,
/// where query heads share both a KV head and key columns, _dshared. None reads what another
/// writes, but for what a first one, _delta, writes where the op has `out`.
mlir::FailureOr<llvm::SmallVector<GpuKernel>> buildAttentionGradSimt(step::AttentionGradKernelOp op,
                                                                     mlir::OpBuilder &builder,
                                                                     const CudaTarget &target);

} // namespace swamla
