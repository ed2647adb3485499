//===- SwamlaDialect.cpp - registration -----------------------------------===//
#include "dialects/Swamla/IR/SwamlaDialect.h"

#include "dialects/Swamla/IR/Syntax.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

#include "dialects/Swamla/IR/SwamlaDialect.cpp.inc"
#include "dialects/Swamla/IR/SwamlaEnums.cpp.inc"
#include "dialects/Swamla/IR/SwamlaInterfaces.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/Swamla/IR/SwamlaAttrs.cpp.inc"

namespace swamla {

void SwamlaDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Swamla/IR/SwamlaAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Swamla/IR/SwamlaOps.cpp.inc"
      >();
}

Operation *SwamlaDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type,
                                              Location loc) {
  return arith::ConstantOp::materialize(builder, value, type, loc);
}

uint64_t defaultBytes(Operation *op) {
  uint64_t bytes = 0;
  auto add = [&](Value v) {
    if (auto type = dyn_cast<RankedTensorType>(v.getType()); type && type.hasStaticShape())
      bytes +=
          static_cast<uint64_t>(type.getNumElements()) * ((type.getElementTypeBitWidth() + 7) / 8);
  };
  for (Value v : op->getOperands())
    add(v);
  for (Value v : op->getResults())
    add(v);
  return bytes;
}

} // namespace swamla
