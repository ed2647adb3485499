//===- Passes.h - the remat phase -----------------------------------------===//
#pragma once

#include "dialects/Swamla/IR/SwamlaDialect.h"

#include "mlir/Pass/Pass.h"

namespace swamla {

/// Which parts of a block the backward recomputes from their input. Qkv: queries, keys and values.
enum class Checkpoint { None, Qkv, Mlp, Attn, Block };

#define GEN_PASS_DECL
#include "compiler/Remat/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "compiler/Remat/Passes.h.inc"

} // namespace swamla
