//===- Passes.h - the expand phase ----------------------------------------===//
#pragma once

#include "dialects/Swamla/IR/SwamlaDialect.h"

#include "mlir/Pass/Pass.h"

namespace swamla {

#define GEN_PASS_DECL
#include "compiler/Expand/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "compiler/Expand/Passes.h.inc"

} // namespace swamla
