//===- Passes.h - the autodiff phase --------------------------------------===//
#pragma once

#include "dialects/Swamla/IR/SwamlaDialect.h"

#include "mlir/Pass/Pass.h"

namespace swamla {

#define GEN_PASS_DECL
#include "compiler/Autodiff/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "compiler/Autodiff/Passes.h.inc"

} // namespace swamla
