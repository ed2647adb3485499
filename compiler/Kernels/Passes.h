//===- Passes.h - lowering of kernels -------------------------------------===//
#pragma once

#include "mlir/Pass/Pass.h"

namespace swamla {

/// Attributes that the lowering leaves on the module.
inline constexpr llvm::StringLiteral kTargetAttr = "step.target";
inline constexpr llvm::StringLiteral kArchitectureAttr = "step.architecture";

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "compiler/Kernels/Passes.h.inc"

} // namespace swamla
