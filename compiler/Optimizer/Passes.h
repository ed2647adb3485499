//===- Passes.h - the optimizer phase -------------------------------------===//
#pragma once

#include "dialects/Swamla/IR/FlatLayout.h"
#include "dialects/Swamla/IR/SwamlaDialect.h"

#include "mlir/Pass/Pass.h"

namespace swamla {

/// How parameters are updated.
enum class OptimizerKind { Adamw, Lion };

/// How its states are kept.
enum class OptimizerState { Fp32, Bf16, Fp8, Int8, Int4 };

/// "adamw" or "lion".
llvm::StringRef stringifyOptimizerKind(OptimizerKind kind);
/// "fp32", "bf16", "fp8", "int8" or "int4".
llvm::StringRef stringify(OptimizerState state);

/// Module attribute: the optimizer's name.
inline constexpr llvm::StringLiteral optimizerAttr = "swamla.optimizer";
/// The format of its states, "int8"; absent: f32.
inline constexpr llvm::StringLiteral optimizerStateAttr = "swamla.optimizer_state";

#define GEN_PASS_DECL
#include "compiler/Optimizer/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "compiler/Optimizer/Passes.h.inc"

} // namespace swamla
