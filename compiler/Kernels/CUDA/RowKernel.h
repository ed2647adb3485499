//===- RowKernel.h - GPU code for step.row_kernel -------------------------===//
#pragma once

#include "compiler/Kernels/CUDA/CudaTarget.h"
#include "compiler/Kernels/CUDA/GpuKernel.h"
#include "dialects/Step/IR/StepDialect.h"

#include "mlir/IR/Builders.h"

namespace swamla {

/// Generates the function of a row kernel at the builder's insertion point, under the op's name.
/// Emits a diagnostic and fails where the generator cannot follow the op.
mlir::FailureOr<llvm::SmallVector<GpuKernel>>
buildRowKernel(step::RowKernelOp op, mlir::OpBuilder &builder, const CudaTarget &target);

} // namespace swamla
