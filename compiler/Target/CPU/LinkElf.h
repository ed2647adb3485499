//===- LinkElf.h - one object to a shared object, in this process ---------===//
#pragma once

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

namespace swamla {

/// Links a relocatable x86-64 object to a shared object with lld, and returns its bytes. Nothing is
/// left in the file system. Reports to `emitError` what lld says.
mlir::FailureOr<llvm::SmallVector<char, 0>>
linkElf(llvm::ArrayRef<char> object, llvm::function_ref<mlir::InFlightDiagnostic()> emitError);

} // namespace swamla
