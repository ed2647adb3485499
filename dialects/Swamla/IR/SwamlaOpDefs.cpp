//===- SwamlaOpDefs.cpp - what TableGen generates for the ops -------------===//
// In a file of its own: the generated code is the longest to compile and changes only with the .td
// files.
//===----------------------------------------------------------------------===//
#include "dialects/Swamla/IR/SwamlaDialect.h"

#include "dialects/Swamla/IR/Syntax.h"

using namespace mlir;
using namespace swamla;

#define GET_OP_CLASSES
#include "dialects/Swamla/IR/SwamlaOps.cpp.inc"
