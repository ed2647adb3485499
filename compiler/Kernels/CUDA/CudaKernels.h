//===- CudaKernels.h - CUDA as a target of the kernel ops -----------------===//
#pragma once

#include "compiler/Kernels/KernelTarget.h"

namespace swamla {

/// See createKernelTarget.
std::unique_ptr<KernelTarget>
createCudaKernelTarget(llvm::StringRef architecture,
                       llvm::function_ref<mlir::InFlightDiagnostic()> emitError);

} // namespace swamla
