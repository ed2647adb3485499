//===- Passes.h - the optimizer phase -------------------------------------===//
#pragma once

#include "dialects/Swamla/IR/SwamlaDialect.h"

#include "mlir/Pass/Pass.h"

namespace swamla {

/// How parameters are updated.
enum class OptimizerKind { Adamw, Lion };

/// "adamw" or "lion".
llvm::StringRef stringifyOptimizerKind(OptimizerKind kind);

/// Module attributes of this phase. Sizes are in elements: parameters with weight decay lie in
/// [0, flatDecay) of the flat buffers, the others in [flatDecay, flatTotal).
inline constexpr llvm::StringLiteral flatDecayAttr = "swamla.flat_decay";
inline constexpr llvm::StringLiteral flatTotalAttr = "swamla.flat_total";
/// The optimizer's name.
inline constexpr llvm::StringLiteral optimizerAttr = "swamla.optimizer";

/// Both ranges of the flat buffers are a multiple of this, so that the optimizer sees whole rows.
inline constexpr int64_t flatRowWidth = 1024;

#define GEN_PASS_DECL
#include "compiler/Optimizer/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "compiler/Optimizer/Passes.h.inc"

} // namespace swamla
