//===- ScatterAdd.h - GPU code for step.scatter_add_kernel ----------------===//
#pragma once

#include "compiler/Kernels/CUDA/CudaTarget.h"
#include "compiler/Kernels/CUDA/GpuKernel.h"
#include "dialects/Step/IR/StepDialect.h"

#include "mlir/IR/Builders.h"

namespace swamla {

/// Generates the function of a scatter-add at the builder's insertion point, under the op's name.
/// Rows of one token are added in their order.
mlir::FailureOr<llvm::SmallVector<GpuKernel>> buildScatterAddKernel(step::ScatterAddKernelOp op,
                                                                    mlir::OpBuilder &builder,
                                                                    const CudaTarget &target);

} // namespace swamla
