//===- Passes.h - the quantize phase --------------------------------------===//
#pragma once

#include "compiler/Quantize/Recipe.h"
#include "dialects/Swamla/IR/SwamlaDialect.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace swamla {

#define GEN_PASS_DECL
#include "compiler/Quantize/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "compiler/Quantize/Passes.h.inc"

} // namespace swamla
