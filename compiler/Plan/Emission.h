//===- Emission.h - from a plan to a step.program -------------------------===//
#pragma once

#include "compiler/Plan/KernelOutlining.h"
#include "compiler/Plan/ProgramPlan.h"

namespace swamla {

/// Creates the step.program of a plan whose storages have their offsets, and the kernels that it
/// launches. `tf32` lets its matmuls of f32 round their operands to tf32. Returns the number of
/// copies in it.
unsigned emitProgram(const ProgramPlan &plan, KernelOutliner &outliner, mlir::OpBuilder &builder,
                     bool tf32);

} // namespace swamla
