//===- StepDialect.h - the step dialect -----------------------------------===//
#pragma once

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/Step/IR/StepDialect.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/Step/IR/StepAttrs.h.inc"
#define GET_OP_CLASSES
#include "dialects/Step/IR/StepOps.h.inc"
