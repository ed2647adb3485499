//===- CompileToPtx.h - kernels in the LLVM dialect to PTX ----------------===//
#pragma once

#include "compiler/Kernels/CUDA/CudaTarget.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

namespace swamla {

/// What the code is made for, as LLVM names it; step.bin records it.
inline constexpr llvm::StringLiteral kCudaTriple = "nvptx64-nvidia-cuda";

/// Compiles the llvm.func ops of a module to PTX text, in which each is a kernel of its name. Needs
/// nothing of CUDA's. Emits a diagnostic on the module and fails if LLVM rejects the code, or if it
/// calls a function that the module does not define.
mlir::FailureOr<llvm::SmallVector<char, 0>> compileToPtx(mlir::ModuleOp module,
                                                         const CudaTarget &target);

} // namespace swamla
