//===- RegisterPasses.h - everything that tools must know -----------------===//
#pragma once

#include "mlir/IR/DialectRegistry.h"

namespace swamla {

/// The dialects that may occur between a model file and the last phase.
void registerAllSwamlaDialects(mlir::DialectRegistry &registry);

/// Every pass of every compiler folder, the phases as pipelines (`--swamla-expand-pipeline`, ...),
/// and the few upstream passes that are useful beside them (canonicalize, cse).
void registerAllSwamlaPasses();

} // namespace swamla
