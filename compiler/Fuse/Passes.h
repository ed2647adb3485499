//===- Passes.h - the fuse phase ------------------------------------------===//
#pragma once

#include "dialects/Swamla/IR/SwamlaDialect.h"

#include "mlir/Pass/Pass.h"

namespace swamla {

#define GEN_PASS_DECL
#include "compiler/Fuse/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "compiler/Fuse/Passes.h.inc"

} // namespace swamla
