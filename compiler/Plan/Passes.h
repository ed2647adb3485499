//===- Passes.h - from tensors to places ----------------------------------===//
#pragma once

#include "dialects/Step/IR/StepDialect.h"
#include "dialects/Swamla/IR/SwamlaDialect.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace swamla {

#define GEN_PASS_DECL
#include "compiler/Plan/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "compiler/Plan/Passes.h.inc"

} // namespace swamla
