//===- Passes.h - what stands between phases ------------------------------===//
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace swamla {

#define GEN_PASS_DECL
#include "compiler/Pipelines/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "compiler/Pipelines/Passes.h.inc"

} // namespace swamla
