//===- DecodeInlineAsm.cpp - inline PTX -----------------------------------===//
#include "compiler/Emulator/Decoder.h"
#include "compiler/Emulator/PtxText.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace swamla::emulator;

namespace swamla {

namespace {
using Kind = PtxOperand::Kind;

/// One block of inline PTX: its operands, and the registers that it declares.
class AsmDecoder {
public:
  AsmDecoder(ProgramBuilder &builder, SmallVector<Reg> arguments)
      : builder(builder), arguments(std::move(arguments)) {}

  llvm::Error decode(const PtxStatement &statement);

private:
  using Operands = ArrayRef<PtxOperand>;

  llvm::Error decodeArithmetic(StringRef opcode, Operands operands, bool &known);
  llvm::Error decodeCompare(StringRef opcode, Operands operands);
  llvm::Error decodeMemory(StringRef opcode, Operands operands, bool &known);
  llvm::Error decodeAtomic(StringRef opcode, Operands operands);
  llvm::Error decodeSync(StringRef opcode, Operands operands, bool &known);
  llvm::Error decodeWgmma(StringRef opcode, Operands operands);

  /// The register of an operand; a number becomes a constant of `bytes`.
  llvm::Expected<Reg> reg(const PtxOperand &operand, unsigned bytes);
  /// An address: its register, widened, and the bytes to add.
  llvm::Expected<std::pair<Reg, uint64_t>> address(const PtxOperand &operand);
  llvm::Expected<SmallVector<Reg>> list(const PtxOperand &operand, unsigned bytes);
  llvm::Error lanes(StringRef laneOp, Operands operands, ArrayRef<unsigned> bytes);

  ProgramBuilder &builder;
  SmallVector<Reg> arguments;
  llvm::StringMap<Reg> names;
};

llvm::Error problem(const llvm::Twine &what) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), "inline PTX: " + what);
}

unsigned bitsOfType(StringRef type) {
  unsigned bits = 0;
  if (type == "pred")
    return 32;
  type.drop_while([](char c) { return !llvm::isDigit(c); }).consumeInteger(10, bits);
  return bits;
}
} // namespace

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

llvm::Expected<Reg> AsmDecoder::reg(const PtxOperand &operand, unsigned bytes) {
  Reg found = kNoReg;
  switch (operand.kind) {
  case Kind::Argument:
    if (uint64_t(operand.number) >= arguments.size())
      return problem("there is no operand $" + llvm::Twine(operand.number));
    found = arguments[operand.number];
    break;
  case Kind::Name:
    if (!names.contains(operand.name))
      return problem("'" + operand.name + "' is not declared");
    found = names[operand.name];
    break;
  case Kind::Integer:
  case Kind::Float:
    return builder.constant(bytes == 8 ? uint64_t(operand.number) : uint32_t(operand.number),
                            bytes);
  default:
    return problem("expected a register or a number");
  }
  if (builder.width(found) != bytes)
    return problem("an operand has " + llvm::Twine(builder.width(found)) + " bytes; expected " +
                   llvm::Twine(bytes));
  return found;
}

llvm::Expected<std::pair<Reg, uint64_t>> AsmDecoder::address(const PtxOperand &operand) {
  if (operand.kind != Kind::Address)
    return problem("expected an address");
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
    return problem("the emulator has no '" + laneOp + "' of " + llvm::Twine(operands.size()) +
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
    if ((error = (this->*decode)(opcode, statement.operands, known)) || known)
      break;
  }
  builder.setPredicate(kNoReg);
  if (!error && !known)
    return problem("the emulator does not know '" + opcode +
                   "'; add it to compiler/Emulator/DecodeInlineAsm.cpp");
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
      return problem("expected four operands of selp");
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
    return problem("expected two operands of " + opcode);
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
    return problem("the emulator does not know '" + opcode + "'");
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

//===----------------------------------------------------------------------===//
// Barriers, fences, groups
//===----------------------------------------------------------------------===//

llvm::Error AsmDecoder::decodeSync(StringRef opcode, Operands operands, bool &known) {
  auto optional = [&](size_t index) -> llvm::Expected<Reg> {
    return index < operands.size() ? reg(operands[index], 4) : llvm::Expected<Reg>(kNoReg);
  };
  if (opcode.starts_with("wgmma."))
    return decodeWgmma(opcode, operands);
  StringRef plain = opcode.starts_with("barrier.") ? opcode.drop_front(4) : opcode; // "ier." + kind
  if (opcode == "bar.sync" || opcode == "bar.arrive" || opcode.starts_with("barrier.cta.sync") ||
      opcode.starts_with("barrier.sync")) {
    auto id = optional(0), threads = optional(1);
    if (!id || !threads)
      return llvm::joinErrors(id.takeError(), threads.takeError());
    builder.emit(plain.contains("arrive") ? &barrierArrive : &barrierSync, kNoReg, *id, *threads);
    return llvm::Error::success();
  }
  if (opcode.starts_with("mbarrier.arrive.") && operands.size() >= 2) {
    if (operands[0].kind != Kind::Sink)
      return problem("the emulator does not know states of mbarriers");
    auto where = address(operands[1]);
    auto count = optional(2);
    if (!where || !count)
      return llvm::joinErrors(where.takeError(), count.takeError());
    bool expects = opcode.contains(".expect_tx");
    Instr &instr =
        builder.emit(expects ? &mbarrierExpect : &mbarrierArrive, kNoReg, where->first, *count);
    instr.imm = where->second;
    instr.extra = expects;
    return llvm::Error::success();
  }
  if (opcode.starts_with("mbarrier.try_wait.parity") ||
      opcode.starts_with("mbarrier.test_wait.parity")) {
    auto done = optional(0), parity = optional(2);
    auto where = address(operands[1]);
    if (!done || !where || !parity)
      return llvm::joinErrors(llvm::joinErrors(done.takeError(), where.takeError()),
                              parity.takeError());
    builder.emit(&mbarrierTest, *done, where->first, *parity).imm = where->second;
    return llvm::Error::success();
  }
  if (opcode == "cp.async.bulk.commit_group") {
    builder.emit(&bulkCommit);
  } else if (opcode.starts_with("cp.async.bulk.wait_group")) {
    Instr &instr = builder.emit(&bulkWait);
    instr.imm = uint64_t(operands[0].number);
    instr.extra = opcode.ends_with(".read");
  } else if (opcode == "cp.async.commit_group") {
    builder.emit(&asyncCopyCommit);
  } else if (opcode == "cp.async.wait_group") {
    builder.emit(&asyncCopyWait).imm = uint64_t(operands[0].number);
  } else if (opcode.starts_with("fence.proxy.async")) {
    builder.emit(&proxyFence);
  } else if (opcode.starts_with("fence.mbarrier_init")) {
    builder.emit(&mbarrierInitFence);
  } else if (opcode.starts_with("fence.") || opcode.starts_with("membar.") ||
             opcode.starts_with("setmaxnreg.") || opcode.starts_with("prefetch") ||
             opcode.starts_with("griddepcontrol.") || opcode.starts_with("nanosleep.")) {
    builder.emit(&nothing);
  } else {
    known = false;
  }
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// wgmma
//===----------------------------------------------------------------------===//

/// wgmma.mma_async.sync.aligned.m64nNkK.f32.T.T {d}, a-desc | {a}, b-desc, scale-d, scale-a,
/// scale-b
/// [, transpose-a], transpose-b
llvm::Error AsmDecoder::decodeWgmma(StringRef opcode, Operands operands) {
  StringRef rest = opcode;
  if (rest.starts_with("wgmma.fence"))
    return builder.emit(&wgmmaFence), llvm::Error::success();
  if (rest.starts_with("wgmma.commit_group"))
    return builder.emit(&wgmmaCommit), llvm::Error::success();
  if (rest.starts_with("wgmma.wait_group"))
    return builder.emit(&wgmmaWait).imm = uint64_t(operands[0].number), llvm::Error::success();
  WgmmaShape shape;
  if (!rest.consume_front("wgmma.mma_async.sync.aligned.m64n") ||
      rest.consumeInteger(10, shape.n) || shape.n % 8 != 0 || shape.n > 256)
    return problem("the emulator does not know '" + opcode + "'");
  if (rest == "k8.f32.tf32.tf32")
    shape.type = WgmmaShape::Type::TF32;
  else if (rest != "k16.f32.bf16.bf16")
    return problem("the emulator does not know '" + opcode + "'");
  bool isBf16 = shape.type == WgmmaShape::Type::BF16;
  if (operands.size() < 6)
    return problem("expected at least six operands of wgmma");
  shape.registerA = operands[1].kind == Kind::List;
  size_t expected = !isBf16 ? 6 : shape.registerA ? 7 : 8;
  if (operands.size() != expected)
    return problem("expected " + llvm::Twine(expected) + " operands of this wgmma, found " +
                   llvm::Twine(operands.size()));
  shape.negateA = operands[4].number < 0;
  shape.negateB = operands[5].number < 0;
  shape.transposeA = isBf16 && !shape.registerA && operands[6].number == 1;
  shape.transposeB = isBf16 && operands.back().number == 1;
  auto d = list(operands[0], 4);
  auto a =
      shape.registerA ? list(operands[1], 4) : llvm::Expected<SmallVector<Reg>>(SmallVector<Reg>());
  auto descriptorA = shape.registerA ? llvm::Expected<Reg>(kNoReg) : reg(operands[1], 8);
  auto descriptorB = reg(operands[2], 8);
  auto scale = reg(operands[3], 4);
  if (!d || !a || !descriptorA || !descriptorB || !scale)
    return llvm::joinErrors(
        llvm::joinErrors(d.takeError(), a.takeError()),
        llvm::joinErrors(llvm::joinErrors(descriptorA.takeError(), descriptorB.takeError()),
                         scale.takeError()));
  if (d->size() != shape.n / 2 || (shape.registerA && a->size() != 4))
    return problem("wgmma of n = " + llvm::Twine(shape.n) + " with " + llvm::Twine(d->size()) +
                   " registers for D");
  builder.program.wgmmas.push_back(shape);
  Instr &instr = builder.emit(&wgmmaIssue, kNoReg, *descriptorA, *descriptorB, *scale);
  instr.extra = uint32_t(builder.program.wgmmas.size() - 1);
  llvm::append_range(*d, *a);
  builder.setList(instr, *d);
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// The op
//===----------------------------------------------------------------------===//

LogicalResult Decoder::decodeInlineAsm(LLVM::InlineAsmOp op) {
  auto statements = parsePtx(op.getAsmString());
  if (!statements)
    return op.emitError() << llvm::toString(statements.takeError());
  // $N counts results, then operands; an operand may be tied to a result's registers.
  Leaves results = op.getNumResults() ? result(op->getResult(0)) : Leaves();
  SmallVector<Reg> arguments(results.begin(), results.end());
  SmallVector<StringRef> constraints;
  StringRef(op.getConstraints()).split(constraints, ',');
  bool waits = StringRef(op.getAsmString()).starts_with("wgmma.wait_group");
  SmallVector<std::pair<Reg, Reg>> ties; // operand, result
  size_t next = 0;
  for (StringRef constraint : constraints) {
    if (constraint.starts_with("=") || constraint.starts_with("~"))
      continue;
    if (next == op->getNumOperands())
      return op.emitError() << "has more constraints than operands";
    Reg reg = scalar(op->getOperand(next++));
    unsigned tied = 0;
    if (!constraint.getAsInteger(10, tied)) {
      if (tied >= results.size())
        return op.emitError() << "is tied to result " << tied << ", which it has not";
      ties.emplace_back(reg, results[tied]);
    }
    arguments.push_back(reg);
  }
  auto copyTies = [&] {
    for (auto [from, to] : ties)
      if (waits)
        builder.emit(&wgmmaResolve, to, from);
      else
        builder.emit(builder.width(to) == 8 ? "move.64" : "move.32", to, from);
  };
  if (!waits)
    copyTies();
  AsmDecoder decoder(builder, std::move(arguments));
  for (const PtxStatement &statement : *statements)
    if (llvm::Error error = decoder.decode(statement))
      return op.emitError() << llvm::toString(std::move(error));
  if (waits)
    copyTies();
  return success();
}

} // namespace swamla
