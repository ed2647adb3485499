//===- RunCase.h - compile a case and train it ----------------------------===//
#pragma once

#include "Compare.h"
#include "compiler/Pipelines/CompileOptions.h"
#include "runtime/device/Device.h"

#include "mlir/IR/MLIRContext.h"

namespace swamla {

/// Checks options that hold for every case; `batch` is the case's own. Errors are the compiler's.
Status checkOptions(const CompileOptions &options, mlir::MLIRContext &context);

/// Builds the case's model and compiles it: the bytes of a step.bin.
Result<std::vector<char>> compileCase(const GoldenCase &golden, CompileOptions options,
                                      mlir::MLIRContext &context);

/// Builds the case's model, compiles it in memory, and trains as the reference did.
Result<GoldenOutcome> runCase(const GoldenCase &golden, const CompileOptions &options,
                              const DeviceOptions &deviceOptions, mlir::MLIRContext &context);

} // namespace swamla
