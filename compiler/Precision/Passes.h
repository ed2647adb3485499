//===- Passes.h - the precision phase -------------------------------------===//
#pragma once

#include "dialects/Swamla/IR/SwamlaDialect.h"

#include "mlir/Pass/Pass.h"

namespace swamla {

/// What activations and working weights are.
enum class Precision { Fp32, Bf16 };

#define GEN_PASS_DECL
#include "compiler/Precision/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "compiler/Precision/Passes.h.inc"

} // namespace swamla
