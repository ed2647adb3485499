//===- AsmDecoder.cpp - operands, arithmetic, memory ----------------------===//
#include "compiler/Emulator/AsmDecoder.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace llvm;
using namespace swamla::emulator;

namespace swamla {

using Kind = PtxOperand::Kind;

llvm::Error ptxProblem(const llvm::Twine &what) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), "inline PTX: " + what);
}

/// Bits of "s32"; a predicate has a register of 32.
static unsigned bitsOfType(StringRef type) {
  unsigned bits = 0;
  if (type == "pred")
    return 32;
  type.drop_while([](char c) { return !llvm::isDigit(c); }).consumeInteger(10, bits);
  return bits;
}
//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

llvm::Expected<Reg> AsmDecoder::reg(const PtxOperand &operand, unsigned bytes) {
  Reg found = kNoReg;
  switch (operand.kind) {
  case Kind::Argument:
    if (uint64_t(operand.number) >= arguments.size())
      return ptxProblem("there is no operand $" + llvm::Twine(operand.number));
    found = arguments[operand.number];
    break;
  case Kind::Name:
    if (!names.contains(operand.name))
      return ptxProblem("'" + operand.name + "' is not declared");
    found = names[operand.name];
    break;
  case Kind::Integer:
  case Kind::Float:
    return builder.constant(bytes == 8 ? uint64_t(operand.number) : uint32_t(operand.number),
                            bytes);
  default:
    return ptxProblem("expected a register or a number");
  }
  if (builder.width(found) != bytes)
    return ptxProblem("an operand has " + llvm::Twine(builder.width(found)) + " bytes; expected " +
                      llvm::Twine(bytes));
  return found;
}

llvm::Expected<std::pair<Reg, uint64_t>> AsmDecoder::address(const PtxOperand &operand) {
  if (operand.kind != Kind::Address)
    return ptxProblem("expected an address");
  const PtxOperand &base = operand.parts.front();
  auto wide = reg(base, 8);
  if (wide)
    return std::pair(*wide, uint64_t(operand.number));
  llvm::consumeError(wide.takeError());
  auto narrow = reg(base, 4); // of shared memory
  if (!narrow)
    return narrow.takeError();
  Reg widened = builder.newReg(8);
  builder.emit("zext.32.64", widened, *narrow);
  return std::pair(widened, uint64_t(operand.number));
}

llvm::Expected<SmallVector<Reg>> AsmDecoder::list(const PtxOperand &operand, unsigned bytes) {
  SmallVector<Reg> registers;
  for (const PtxOperand &part :
       operand.kind == Kind::List ? Operands(operand.parts) : Operands(operand)) {
    auto one = reg(part, bytes);
    if (!one)
      return one.takeError();
    registers.push_back(*one);
  }
  return registers;
}

/// A lane op: the first operand is the result; `bytes` are those of all operands.
llvm::Error AsmDecoder::lanes(StringRef laneOp, Operands operands, ArrayRef<unsigned> bytes) {
  Handler handler = findLaneOp(laneOp);
  if (!handler || operands.size() != bytes.size())
    return ptxProblem("the emulator has no '" + laneOp + "' of " + llvm::Twine(operands.size()) +
                      " operands");
  std::array<Reg, 4> registers{kNoReg, kNoReg, kNoReg, kNoReg};
  for (size_t i = 0; i < operands.size(); ++i) {
    auto one = reg(operands[i], bytes[i]);
    if (!one)
      return one.takeError();
    registers[i] = *one;
  }
  builder.emit(handler, registers[0], registers[1], registers[2], registers[3]);
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Statements
//===----------------------------------------------------------------------===//

llvm::Error AsmDecoder::unknown(StringRef opcode) {
  return ptxProblem("the emulator does not know '" + opcode +
                    "'; add it to compiler/Emulator/AsmDecoder.cpp");
}

llvm::Error AsmDecoder::decode(const PtxStatement &statement) {
  StringRef opcode = statement.opcode;
  if (opcode == ".reg") {
    for (const PtxOperand &operand : statement.operands)
      names[operand.name] = builder.newReg(bitsOfType(statement.type) > 32 ? 8 : 4);
    return llvm::Error::success();
  }
  if (statement.guarded) {
    auto guard = reg(statement.guard, 4);
    if (!guard)
      return guard.takeError();
    builder.setPredicate(*guard, statement.negated);
  }
  using Decode = llvm::Error (AsmDecoder::*)(StringRef, Operands, bool &);
  llvm::Error error = llvm::Error::success();
  bool known = false;
  for (Decode decode :
       {&AsmDecoder::decodeArithmetic, &AsmDecoder::decodeMemory, &AsmDecoder::decodeSync}) {
    known = true;
    error = (this->*decode)(opcode, statement.operands, known);
    if (error || known)
      break;
  }
  builder.setPredicate(kNoReg);
  if (!error && !known)
    return unknown(opcode);
  return error;
}

/// setp.CMP.TYPE
llvm::Error AsmDecoder::decodeCompare(StringRef opcode, Operands operands) {
  SmallVector<StringRef> parts;
  opcode.split(parts, '.');
  StringRef compare = parts[1], type = parts.back();
  unsigned bits = bitsOfType(type), bytes = bits > 32 ? 8 : 4;
  std::string laneOp;
  if (type.starts_with("f")) {
    StringRef predicate = compare.ends_with("u") ? StringRef("u") : StringRef("o");
    if (compare == "ne")
      predicate = "o"; // PTX: ordered unless it ends in u
    laneOp = ("fcmp." + predicate + compare.take_front(2) + "." + type).str();
  } else {
    bool equality = compare == "eq" || compare == "ne";
    laneOp = ("icmp." + (equality ? "" : type.take_front(1)) + compare + "." +
              (bytes == 8 ? "64" : "32"))
                 .str();
  }
  return lanes(laneOp, operands, {4, bytes, bytes});
}

llvm::Error AsmDecoder::decodeArithmetic(StringRef opcode, Operands operands, bool &known) {
  SmallVector<StringRef> parts;
  opcode.split(parts, '.');
  StringRef name = parts.front(), type = parts.back();
  bool isFloat = type.starts_with("f"), isSigned = type.starts_with("s");
  unsigned bytes = bitsOfType(type) > 32 ? 8 : 4;
  std::string suffix = isFloat ? type.str() : bytes == 8 ? "64" : "32";
  if (name == "setp")
    return decodeCompare(opcode, operands);
  if (opcode == "cvt.rn.bf16x2.f32")
    return lanes("cvt.rn.bf16x2", operands, {4, 4, 4});
  if (opcode == "cvt.rn.bf16.f32")
    return lanes("fptrunc.f32.bf16", operands, {4, 4});
  if (opcode == "cvt.rna.tf32.f32")
    return lanes("cvt.rna.tf32", operands, {4, 4});
  if (opcode.contains(".approx"))
    return lanes((name + (opcode.contains(".ftz") ? ".approx.ftz" : ".approx")).str(), operands,
                 SmallVector<unsigned>(operands.size(), 4));
  if (name == "selp") {
    if (operands.size() != 4)
      return ptxProblem("expected four operands of selp");
    PtxOperand inOrder[] = {operands[0], operands[3], operands[1], operands[2]};
    return lanes(bytes == 8 ? "select.64" : "select.32", inOrder, {bytes, 4, bytes, bytes});
  }
  std::string laneOp =
      llvm::StringSwitch<std::string>(name)
          .Case("mov", "move." + std::string(bytes == 8 ? "64" : "32"))
          .Cases({"add", "sub", "mul"}, (isFloat ? "f" : "") + name.str() + "." + suffix)
          .Case("fma", "fma." + suffix)
          .Case("mad", "madi." + suffix)
          .Cases({"and", "or", "xor", "not", "shl"}, name.str() + "." + suffix)
          .Case("shr", (isSigned ? "ashr." : "lshr.") + suffix)
          .Case("neg", (isFloat ? "fneg." : "neg.") + suffix)
          .Case("abs", (isFloat ? "fabs." : "abs.") + suffix)
          .Case("max", (isFloat    ? "maxnum."
                        : isSigned ? "smax."
                                   : "umax.") +
                           suffix)
          .Case("min", (isFloat    ? "minnum."
                        : isSigned ? "smin."
                                   : "umin.") +
                           suffix)
          .Case("sqrt", "sqrt." + suffix)
          .Default("");
  if (laneOp.empty() || opcode.contains(".hi.") || opcode.contains(".wide.")) {
    known = false;
    return llvm::Error::success();
  }
  return lanes(laneOp, operands, SmallVector<unsigned>(operands.size(), bytes));
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

static Access::Space spaceOf(ArrayRef<StringRef> parts) {
  for (StringRef part : parts) {
    if (part.starts_with("global"))
      return Access::Space::Global;
    if (part.starts_with("shared"))
      return Access::Space::Shared;
  }
  return Access::Space::Generic;
}

/// ld and st: [space][.v2|.v4].type
llvm::Error AsmDecoder::decodeMemory(StringRef opcode, Operands operands, bool &known) {
  SmallVector<StringRef> parts;
  opcode.split(parts, '.');
  if (parts.front() == "atom" || parts.front() == "red")
    return decodeAtomic(opcode, operands);
  bool isLoad = parts.front() == "ld";
  if (!isLoad && parts.front() != "st") {
    known = false;
    return llvm::Error::success();
  }
  if (operands.size() != 2)
    return ptxProblem("expected two operands of " + opcode);
  unsigned bits = bitsOfType(parts.back());
  auto where = address(operands[isLoad ? 1 : 0]);
  if (!where)
    return where.takeError();
  auto registers = list(operands[isLoad ? 0 : 1], bits > 32 ? 8 : 4);
  if (!registers)
    return registers.takeError();
  uint32_t bytes = bits / 8 * uint32_t(registers->size());
  Instr &instr = builder.emit(isLoad ? &load : &store, kNoReg, where->first);
  instr.imm = where->second;
  instr.extra =
      builder.addAccess({spaceOf(parts), uint8_t(bits / 8), uint8_t(registers->size()), bytes});
  builder.setList(instr, *registers);
  return llvm::Error::success();
}

/// atom d, [a], b; red [a], b
llvm::Error AsmDecoder::decodeAtomic(StringRef opcode, Operands operands) {
  SmallVector<StringRef> parts;
  opcode.split(parts, '.');
  StringRef type = parts.back();
  bool isFloat = type.starts_with("f"), isSigned = type.starts_with("s"), isRed = parts[0] == "red";
  std::optional<AtomicOp> kind;
  for (StringRef part : parts)
    if (!kind)
      kind = llvm::StringSwitch<std::optional<AtomicOp>>(part)
                 .Case("add", isFloat ? AtomicOp::FAdd : AtomicOp::Add)
                 .Case("and", AtomicOp::And)
                 .Case("or", AtomicOp::Or)
                 .Case("xor", AtomicOp::Xor)
                 .Case("inc", AtomicOp::Inc)
                 .Case("exch", AtomicOp::Exchange)
                 .Case("cas", AtomicOp::Swap)
                 .Case("min", isSigned ? AtomicOp::SMin : AtomicOp::UMin)
                 .Case("max", isSigned ? AtomicOp::SMax : AtomicOp::UMax)
                 .Default(std::nullopt);
  unsigned bytes = bitsOfType(type) / 8, first = isRed ? 0 : 1;
  if (!kind || operands.size() != first + (kind == AtomicOp::Swap ? 3 : 2))
    return unknown(opcode);
  auto where = address(operands[first]);
  if (!where)
    return where.takeError();
  SmallVector<Reg, 3> registers; // value[, swap], result
  for (const PtxOperand &operand : operands.drop_front(first + 1)) {
    auto one = reg(operand, bytes);
    if (!one)
      return one.takeError();
    registers.push_back(*one);
  }
  Reg pointer = builder.newReg(8);
  builder.emit("addi.64", pointer, where->first).imm = where->second;
  Reg old = kNoReg;
  if (!isRed && operands[0].kind != Kind::Sink) {
    auto one = reg(operands[0], bytes);
    if (!one)
      return one.takeError();
    old = *one;
  }
  Instr &instr = builder.emit(&atomic, old, pointer, registers[0],
                              registers.size() > 1 ? registers[1] : kNoReg);
  instr.imm = uint64_t(*kind);
  instr.extra = builder.addAccess({spaceOf(parts), uint8_t(bytes), 1, bytes});
  return llvm::Error::success();
}

} // namespace swamla
