//===- GpuKernel.h - one of the functions that a kernel op becomes --------===//
#pragma once

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include "llvm/ADT/SmallVector.h"

namespace swamla {

/// A generated function and the views of the kernel op that it takes, in the order of its
/// parameters. A kernel op becomes one or more of these, launched one after the other.
struct GpuKernel {
  mlir::LLVM::LLVMFuncOp func;
  llvm::SmallVector<unsigned> views;
};

} // namespace swamla
