//===- Syntax.cpp - custom directives of assembly formats -----------------===//
#include "dialects/Swamla/IR/Syntax.h"

#include "dialects/Swamla/IR/SwamlaDialect.h"

#include <charconv>
#include <cmath>

using namespace mlir;

namespace swamla {

ParseResult parseNumber(AsmParser &parser, FloatAttr &number) {
  return parser.parseAttribute(number, parser.getBuilder().getF64Type());
}

void printNumber(AsmPrinter &printer, FloatAttr number) {
  double value = number.getValueAsDouble();
  if (!std::isfinite(value)) {
    printer.printAttributeWithoutType(number); // as bits
    return;
  }
  char digits[32];
  char *end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  std::string text(digits, end);
  // The parser takes a number without a point for an integer.
  if (text.find('.') == std::string::npos) {
    size_t exponent = text.find('e');
    text.insert(exponent == std::string::npos ? text.size() : exponent, ".0");
  }
  printer << text;
}

ParseResult parseNorm(OpAsmParser &parser, Attribute &norm) {
  MLIRContext *context = parser.getContext();
  bool isRms = succeeded(parser.parseOptionalKeyword("rms"));
  if (!isRms && failed(parser.parseOptionalKeyword("dyt")))
    return parser.emitError(parser.getCurrentLocation(), "expected rms(eps ...) or dyt(alpha ...)");
  FloatAttr number;
  if (parser.parseLParen() || parser.parseKeyword(isRms ? "eps" : "alpha") ||
      parseNumber(parser, number) || parser.parseRParen())
    return failure();
  if (isRms)
    norm = RmsAttr::get(context, number);
  else
    norm = DytAttr::get(context, number);
  return success();
}

void printNorm(OpAsmPrinter &printer, Operation *, Attribute norm) {
  auto print = [&](StringRef start, FloatAttr number) {
    printer << start;
    printNumber(printer, number);
    printer << ')';
  };
  if (auto rms = dyn_cast<RmsAttr>(norm))
    print("rms(eps ", rms.getEps());
  else if (auto dyt = dyn_cast<DytAttr>(norm))
    print("dyt(alpha ", dyt.getAlpha());
  else
    printer << norm;
}

} // namespace swamla
