//===- PlanVerifier.h - does every op read what it should? ----------------===//
#pragma once

#include "compiler/Plan/ProgramPlan.h"

namespace swamla {

/// Executes a packed plan symbolically: every word of every buffer holds the name of the element
/// that was written to it last, and every op must find the elements of its operands where the plan
/// says they lie. Independent of how the plan was made. Time and memory grow with the number of
/// elements: meant for tests, on small models. Emits a diagnostic for the first wrong word.
mlir::LogicalResult verifyPlan(ProgramPlan &plan);

} // namespace swamla
