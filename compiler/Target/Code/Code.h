//===- Code.h - from the LLVM dialect to optimised LLVM IR ----------------===//
//
// What the back ends of all targets share.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringRef.h"

#include <memory>

namespace llvm {
class LLVMContext;
class Module;
class TargetMachine;
} // namespace llvm

namespace swamla {

/// Creates LLVM's back end for a triple and processor. It keeps a multiplication and an addition
/// two operations: bits must not depend on what was fused. Emits a diagnostic on the module and
/// returns null if LLVM has no such back end; its target must have been initialised.
std::unique_ptr<llvm::TargetMachine> createTargetMachine(mlir::ModuleOp module,
                                                         llvm::StringRef triple,
                                                         llvm::StringRef processor,
                                                         llvm::StringRef features);

/// Translates the functions and globals of a module, and nothing else, to LLVM IR for the machine.
/// The dialects of the code must have been registered for translation. Emits a diagnostic and
/// returns null where a function cannot be translated.
std::unique_ptr<llvm::Module> translateCode(mlir::ModuleOp module, llvm::LLVMContext &context,
                                            llvm::TargetMachine &machine);

/// Kernels come vectorised and with their loops as they should be: of LLVM's passes, those for
/// scalar code and loop invariants are run, the vectorisers and the unroller are not.
void optimizeCode(llvm::Module &code, llvm::TargetMachine &machine);

} // namespace swamla
