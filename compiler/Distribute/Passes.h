//===- Passes.h - one program for many ranks ------------------------------===//
#pragma once

#include "dialects/Step/IR/StepDialect.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace swamla {

/// Module attributes that `--step-distribute` sets: the number of ranks, and how they share the
/// work ("ddp").
inline constexpr llvm::StringLiteral ranksAttr = "step.ranks";
inline constexpr llvm::StringLiteral parallelAttr = "step.parallel";

#define GEN_PASS_DECL
#include "compiler/Distribute/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "compiler/Distribute/Passes.h.inc"

} // namespace swamla
