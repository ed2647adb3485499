//===- StepDialect.cpp - registration -------------------------------------===//
#include "dialects/Step/IR/StepDialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

#include "dialects/Step/IR/StepDialect.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/Step/IR/StepAttrs.cpp.inc"

namespace swamla::step {

void StepDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Step/IR/StepAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Step/IR/StepOps.cpp.inc"
      >();
}

} // namespace swamla::step
