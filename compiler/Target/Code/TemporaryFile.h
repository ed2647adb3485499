//===- TemporaryFile.h - a file that goes when its object does ------------===//
#pragma once

#include "mlir/IR/Diagnostics.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileUtilities.h"

namespace swamla {

/// A file of a unique name in the system's temporary directory, removed by the destructor. What
/// fails is reported to `emitError`, with the file's name.
class TemporaryFile {
public:
  using EmitError = llvm::function_ref<mlir::InFlightDiagnostic()>;

  /// Creates the file, empty; `suffix` is the part of its name after the dot.
  explicit TemporaryFile(llvm::StringRef suffix);

  const char *path() { return name.c_str(); }
  /// Fails if the file could not be created.
  mlir::LogicalResult check(EmitError emitError) { return check(emitError, "create"); }
  mlir::LogicalResult write(llvm::ArrayRef<char> bytes, EmitError emitError);
  mlir::FailureOr<llvm::SmallVector<char, 0>> read(EmitError emitError);

private:
  mlir::LogicalResult check(EmitError emitError, llvm::StringRef action);

  llvm::SmallString<128> name;
  std::error_code error;
  llvm::FileRemover remover;
};

} // namespace swamla
