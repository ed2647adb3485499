//===- DecodeArithmetic.cpp - arithmetic and comparisons ------------------===//
#include "compiler/Emulator/Decoder.h"

#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace swamla::emulator;

namespace swamla {

namespace {
/// How an op becomes a lane op: "llvm.add" is "add.32".
struct Rule {
  StringRef laneOp;
  bool isFloat = false;
  bool signedOperands = false; ///< narrow operands are sign-extended
  bool cutsResult = false;     ///< a result of a narrow type may have bits above it
};

std::optional<Rule> integerRule(StringRef name) {
  return llvm::StringSwitch<std::optional<Rule>>(name)
      .Cases({"add", "sub", "mul", "shl", "udiv", "urem"}, Rule{name, false, false, true})
      .Cases({"and", "or", "xor", "lshr"}, Rule{name})
      .Cases({"sdiv", "srem", "ashr"}, Rule{name, false, true, true})
      .Cases({"intr.smin", "intr.smax"}, Rule{name.drop_front(5), false, true, true})
      .Cases({"intr.umin", "intr.umax", "intr.ctpop"}, Rule{name.drop_front(5)})
      .Case("intr.abs", Rule{"abs", false, true, true})
      .Default(std::nullopt);
}

std::optional<Rule> floatRule(StringRef name) {
  return llvm::StringSwitch<std::optional<Rule>>(name)
      .Cases({"fadd", "fsub", "fmul", "fdiv", "frem", "fneg"}, Rule{name, true})
      .Cases({"intr.fma", "intr.sqrt", "intr.fabs", "intr.exp", "intr.exp2"},
             Rule{name.drop_front(5), true})
      .Cases({"intr.log", "intr.log2", "intr.log10", "intr.sin", "intr.cos", "intr.tan"},
             Rule{name.drop_front(5), true})
      .Cases({"intr.tanh", "intr.pow", "intr.floor", "intr.ceil", "intr.copysign"},
             Rule{name.drop_front(5), true})
      .Cases(
          {"intr.maxnum", "intr.minnum", "intr.maximum", "intr.minimum", "intr.rint", "intr.round"},
          Rule{name.drop_front(5), true})
      .Case("intr.fmuladd", Rule{"fma", true})
      .Case("intr.trunc", Rule{"trunc.f", true})
      .Cases({"intr.nearbyint", "intr.roundeven"}, Rule{"rint", true})
      .Default(std::nullopt);
}
} // namespace

LogicalResult Decoder::decodeCompare(Operation *op, StringRef kind, StringRef predicate,
                                     bool isSigned) {
  Type type = leafTypes(op->getOperand(0).getType()).front();
  std::string name = (kind + "." + predicate + "." + laneSuffix(type)).str();
  Leaves &results = result(op->getResult(0));
  for (size_t i = 0; i < results.size(); ++i) {
    Reg a = operand(op->getOperand(0))[i], b = operand(op->getOperand(1))[i];
    if (isa<FloatType>(type)) {
      a = widenFloat(a, type);
      b = widenFloat(b, type);
    } else if (isSigned) {
      a = signExtended(a, bitWidth(type));
      b = signExtended(b, bitWidth(type));
    }
    builder.emit(name, results[i], a, b);
  }
  return success();
}

LogicalResult Decoder::decodeArithmetic(Operation *op, bool &known) {
  if (auto compare = dyn_cast<LLVM::ICmpOp>(op)) {
    StringRef predicate = LLVM::stringifyICmpPredicate(compare.getPredicate());
    return decodeCompare(op, "icmp", predicate, predicate.starts_with("s"));
  }
  if (auto compare = dyn_cast<LLVM::FCmpOp>(op))
    return decodeCompare(op, "fcmp", LLVM::stringifyFCmpPredicate(compare.getPredicate()), false);
  if (auto select = dyn_cast<LLVM::SelectOp>(op)) {
    Leaves conditions = operand(select.getCondition()), yes = operand(select.getTrueValue()),
           no = operand(select.getFalseValue());
    for (auto [i, to] : llvm::enumerate(result(select)))
      builder.emit(builder.width(to) == 8 ? "select.64" : "select.32", to,
                   conditions[conditions.size() == 1 ? 0 : i], yes[i], no[i]);
    return success();
  }
  StringRef name = op->getName().getStringRef();
  if (op->getNumResults() != 1 || !name.consume_front("llvm.")) {
    known = false;
    return success();
  }
  bool isCount = name == "intr.ctlz" || name == "intr.cttz";
  std::optional<Rule> rule = isCount ? Rule{name.drop_front(5)} : integerRule(name);
  if (!rule)
    rule = floatRule(name);
  if (!rule) {
    known = false;
    return success();
  }
  Type type = leafTypes(op->getResult(0).getType()).front();
  if (isCount && bitWidth(type) < 32)
    return unknown(op, "counts of zeros in narrow integers");
  std::string laneOp = (rule->laneOp + "." + laneSuffix(type)).str();
  SmallVector<Leaves, 3> operands;
  for (Value value : op->getOperands())
    operands.push_back(operand(value));
  for (auto [i, to] : llvm::enumerate(result(op->getResult(0)))) {
    SmallVector<Reg, 3> from;
    for (const Leaves &leaves : operands)
      from.push_back(rule->isFloat          ? widenFloat(leaves[i], type)
                     : rule->signedOperands ? signExtended(leaves[i], bitWidth(type))
                                            : leaves[i]);
    from.resize(3, kNoReg);
    Reg wide = rule->isFloat && type.isBF16() ? builder.newReg(4) : to;
    builder.emit(laneOp, wide, from[0], from[1], from[2]);
    if (wide != to)
      narrowFloat(wide, to, type);
    if (rule->cutsResult)
      cut(to, bitWidth(type));
  }
  return success();
}

} // namespace swamla
