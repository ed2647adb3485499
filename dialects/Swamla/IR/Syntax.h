//===- Syntax.h - custom directives of assembly formats -------------------===//
#pragma once

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/OpImplementation.h"

namespace swamla {

/// `custom<Number>`: the shortest decimal that reads back as the same f64, such as 10000.0
/// or 1.0e-06.
mlir::ParseResult parseNumber(mlir::AsmParser &parser, mlir::FloatAttr &number);
void printNumber(mlir::AsmPrinter &printer, mlir::FloatAttr number);
inline void printNumber(mlir::AsmPrinter &printer, mlir::Operation *, mlir::FloatAttr number) {
  printNumber(printer, number);
}

/// `custom<Norm>`: `rms(eps NUMBER)` for #swamla.rms, `dyt(alpha NUMBER)` for #swamla.dyt. Any
/// other attribute, which no verifier accepts, is printed as it is and does not parse.
mlir::ParseResult parseNorm(mlir::OpAsmParser &parser, mlir::Attribute &norm);
void printNorm(mlir::OpAsmPrinter &printer, mlir::Operation *, mlir::Attribute norm);

} // namespace swamla
