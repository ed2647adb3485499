//===- Overlap.h - what ranks do together, and what of it shows -----------===//
//
// A model, not a measurement. An all-reduce of N bytes takes, over ranks of one
// node, 2 (ranks - 1) / ranks N bytes from each GPU over NVLink. Over several
// nodes each GPU then has its share of a node's sum to add up with the same GPUs
// of the others, over its own network card; NCCL does both at once, so the
// longer counts. Links run at the rate of their data sheets. Collectives come one
// after the other, each when the ops before it are done; they take nothing from
// the ops beside them.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Report/Machine.h"
#include "dialects/Step/IR/StepDialect.h"

#include <cstdint>
#include <optional>

namespace swamla {

struct OverlapReport {
  int64_t collectives = 0;
  uint64_t bytes = 0; ///< that are added up, on each rank
  double seconds = 0; ///< of all of them, one after the other
  double exposed = 0; ///< by which the program ends later than without them
};

/// Seconds that adding up `bytes` bytes over the ranks takes.
double allReduceSeconds(uint64_t bytes, int64_t ranks, const Machine &machine);

/// What a program's collectives take on a machine; nullopt where the time of an op is not known.
std::optional<OverlapReport> overlapOf(step::ProgramOp program, const Machine &machine);

} // namespace swamla
