//===- CostModel.h - how long kernels take --------------------------------===//
//
// The floor of a kernel is the longer of its bytes at the rate of a copy and its
// FLOPs at the rate of matrix products. What it takes is
//
//   overhead + floor / efficiency
//
// with both numbers fitted to the kernels of whole steps, so that the limits of
// power, under which a step runs, are in them. See docs/report.md.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Report/KernelCosts.h"

#include <optional>

namespace swamla {

/// Seconds that one call of the kernel cannot take less than.
double floorSeconds(const KernelCost &cost, const Machine &machine);

struct Efficiency {
  double overhead; ///< seconds a call: starting, filling and draining the GPU
  double share;    ///< of the floor's speed
};
/// Nullopt for what no step has been measured with.
std::optional<Efficiency> efficiencyOf(WorkKind kind, Arithmetic arithmetic);

/// Seconds that one call is expected to take; nullopt where efficiencyOf is.
std::optional<double> predictedSeconds(const KernelCost &cost, const Machine &machine);

} // namespace swamla
