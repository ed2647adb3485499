//===- ModelBuilder.h - a config as a swamla.model ------------------------===//
#pragma once

#include "compiler/Frontend/Config.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace swamla {

/// A module with one swamla.model @name of `config`, which must be valid; the batch is `?`. Loads
/// the dialect.
mlir::OwningOpRef<mlir::ModuleOp> buildModel(const Config &config, llvm::StringRef name,
                                             mlir::MLIRContext &context);

} // namespace swamla
