//===- CompileToElf.h - kernels in the LLVM dialect to an ELF object ------===//
#pragma once

#include "compiler/Kernels/CPU/CpuTarget.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

namespace swamla {

/// What the objects are made for, as LLVM names it; step.bin records it.
inline constexpr llvm::StringLiteral kCpuTriple = "x86_64-unknown-linux-gnu";

/// Compiles the llvm.func ops of a module to an x86-64 ELF shared object that exports them, and
/// returns its bytes. The object is position independent, depends on nothing but libc and libm, and
/// may be mapped by any loader of such objects (dlopen).
/// Emits a diagnostic on the module and fails if LLVM rejects the code, or if it calls a
/// function that is not libc's or libm's.
mlir::FailureOr<llvm::SmallVector<char, 0>> compileToElf(mlir::ModuleOp module,
                                                         const CpuTarget &target);

} // namespace swamla
