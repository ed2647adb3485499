//===- AssemblePtx.h - PTX to machine code, where there is ptxas ----------===//
#pragma once

#include "compiler/Kernels/CUDA/CudaTarget.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

namespace swamla {

/// Assembles PTX with ptxas, which is looked for in $CUDA_HOME/bin, in $PATH and in
/// /usr/local/cuda/bin, and returns the cubin; an empty one where there is no ptxas: the driver
/// then assembles the PTX when it is loaded. Emits a warning on the module for each kernel that
/// keeps registers in memory or whose matrix instructions ptxas had to serialize. With `verbose`,
/// what ptxas says about registers and memory goes to stderr. Emits a diagnostic and fails where
/// ptxas rejects the code.
mlir::FailureOr<llvm::SmallVector<char, 0>> assemblePtx(mlir::ModuleOp module,
                                                        llvm::ArrayRef<char> ptx,
                                                        const CudaTarget &target, bool verbose);

} // namespace swamla
