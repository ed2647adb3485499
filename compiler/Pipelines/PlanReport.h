//===- PlanReport.h - what the plan says about memory ---------------------===//
#pragma once

#include "mlir/IR/BuiltinOps.h"

#include <cstdint>
#include <string>

namespace swamla {

/// Numbers of a module after the plan phase; 0 before.
struct PlanFacts {
  int64_t peakBytes = 0;    ///< size of the arena
  int64_t maxLiveBytes = 0; ///< its lower bound
  int64_t kernels = 0;
};
PlanFacts planFacts(mlir::ModuleOp module);

/// A table of the buffers, and of what is live in the arena at its peak, largest first.
std::string planReport(mlir::ModuleOp module);

/// "72.0 MiB"
std::string formatBytes(int64_t bytes);

} // namespace swamla
