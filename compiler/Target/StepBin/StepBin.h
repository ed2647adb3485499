//===- StepBin.h - from the lowered module to a step.bin ------------------===//
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

#include <string>
#include <vector>

namespace swamla {

/// What is expected of a program on a device, by the name that its driver gives (schema:
/// Prediction).
struct ProgramPrediction {
  std::string device, program;
  double ms = 0, floorMs = 0;
};

/// The kernels of a module as one code object, and what it runs on (schema: Target).
struct StepCode {
  std::string kind, triple, cpu;
  llvm::SmallVector<char, 0> bytes;
  llvm::SmallVector<char, 0> cubin = {}; ///< CUDA: `bytes`, PTX, assembled for `cpu`; may be empty
  std::vector<ProgramPrediction> predictions = {};
};

/// The bytes of a step.bin: header and flatbuffer. The module holds step ops and, for each kernel,
/// an llvm.func with the attributes step.num_views and step.scratch_bytes. Emits a diagnostic and
/// fails where something that the schema requires is missing.
mlir::FailureOr<std::vector<char>> writeStepBin(mlir::ModuleOp module, const StepCode &code,
                                                llvm::ArrayRef<std::string> options);

/// Replaces the file at `path` by `bytes`, all or nothing: they are written aside, synced and
/// renamed. What is there and is no file, a device or a pipe, is written to. The error names the
/// path.
llvm::Error writeFileAtomically(llvm::StringRef path, llvm::ArrayRef<char> bytes);

} // namespace swamla
