//===- Compile.h - the compiler as a library ------------------------------===//
#pragma once

#include "compiler/Pipelines/CompileOptions.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Support/LLVM.h"

#include <vector>

namespace swamla {

/// Runs the phases on a module from where it stands up to `options.until`, at most `lower`. MLIR's
/// command-line options for pass managers apply: the program must have registered them
/// (`registerPassManagerCLOptions`), or this fails. Every other failure has been reported as a
/// diagnostic.
mlir::LogicalResult runPhases(mlir::ModuleOp module, CompileOptions options);

/// Compiles a module, a model or the output of any phase, to the bytes of a step.bin;
/// `options.until` is not looked at. The module is left as the lower phase made it.
mlir::FailureOr<std::vector<char>> compileModule(mlir::ModuleOp module,
                                                 const CompileOptions &options);

} // namespace swamla
