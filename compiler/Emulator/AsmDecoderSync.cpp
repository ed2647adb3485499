//===- AsmDecoderSync.cpp - barriers, fences, wgmma -----------------------===//
#include "compiler/Emulator/AsmDecoder.h"

using namespace llvm;
using namespace swamla::emulator;

namespace swamla {

using Kind = PtxOperand::Kind;

//===----------------------------------------------------------------------===//
// Barriers, fences, groups
//===----------------------------------------------------------------------===//

/// An operand that may be missing.
llvm::Expected<Reg> AsmDecoder::optional(Operands operands, size_t index) {
  return index < operands.size() ? reg(operands[index], 4) : llvm::Expected<Reg>(kNoReg);
}

/// bar.sync id[, threads]; bar.arrive id, threads
llvm::Error AsmDecoder::decodeBarrier(StringRef opcode, Operands operands) {
  auto id = optional(operands, 0), threads = optional(operands, 1);
  if (!id || !threads)
    return llvm::joinErrors(id.takeError(), threads.takeError());
  builder.emit(opcode.contains("arrive") ? &barrierArrive : &barrierSync, kNoReg, *id, *threads);
  return llvm::Error::success();
}

/// mbarrier.arrive _, [barrier][, count]; mbarrier.arrive.expect_tx _, [barrier], bytes;
/// mbarrier.try_wait.parity done, [barrier], parity[, time]
llvm::Error AsmDecoder::decodeMBarrier(StringRef opcode, Operands operands) {
  bool waits = opcode.contains("_wait");
  if (waits && !opcode.contains(".parity"))
    return unknown(opcode);
  if (operands.size() < 2 || (!waits && operands[0].kind != Kind::Sink))
    return ptxProblem("the emulator does not know states of mbarriers");
  auto where = address(operands[1]);
  auto third = optional(operands, 2);
  auto done = waits ? reg(operands[0], 4) : llvm::Expected<Reg>(kNoReg);
  if (!where || !third || !done)
    return llvm::joinErrors(llvm::joinErrors(where.takeError(), third.takeError()),
                            done.takeError());
  bool expects = opcode.contains(".expect_tx");
  Handler handler = waits ? &mbarrierTest : expects ? &mbarrierExpect : &mbarrierArrive;
  Instr &instr = builder.emit(handler, *done, where->first, *third);
  instr.imm = where->second;
  instr.extra = expects;
  return llvm::Error::success();
}

/// Groups of copies; fences. Those that only order what the emulator has in order do nothing.
bool AsmDecoder::decodeGroup(StringRef opcode, Operands operands) {
  uint64_t left = operands.empty() ? 0 : uint64_t(operands[0].number);
  if (opcode == "cp.async.bulk.commit_group") {
    builder.emit(&bulkCommit);
  } else if (opcode.starts_with("cp.async.bulk.wait_group")) {
    Instr &instr = builder.emit(&bulkWait);
    instr.imm = left;
    instr.extra = opcode.ends_with(".read");
  } else if (opcode == "cp.async.commit_group") {
    builder.emit(&asyncCopyCommit);
  } else if (opcode == "cp.async.wait_group") {
    builder.emit(&asyncCopyWait).imm = left;
  } else if (opcode.starts_with("fence.proxy.async")) {
    builder.emit(&proxyFence);
  } else if (opcode.starts_with("fence.mbarrier_init")) {
    builder.emit(&mbarrierInitFence);
  } else {
    for (StringRef idle :
         {"fence.", "membar.", "setmaxnreg.", "prefetch", "griddepcontrol.", "nanosleep."})
      if (opcode.starts_with(idle)) {
        builder.emit(&nothing);
        return true;
      }
    return false;
  }
  return true;
}

llvm::Error AsmDecoder::decodeSync(StringRef opcode, Operands operands, bool &known) {
  if (opcode.starts_with("wgmma."))
    return decodeWgmma(opcode, operands);
  if (opcode.starts_with("mbarrier."))
    return decodeMBarrier(opcode, operands);
  if (opcode == "bar.sync" || opcode == "bar.arrive")
    return decodeBarrier(opcode, operands);
  known = decodeGroup(opcode, operands);
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// wgmma
//===----------------------------------------------------------------------===//

/// m64nNkK.f32.T.T {d}, a-desc | {a}, b-desc, scale-d, scale-a, scale-b[, transpose-a][,
/// transpose-b]
llvm::Expected<WgmmaShape> AsmDecoder::wgmmaShape(StringRef opcode, Operands operands) {
  WgmmaShape shape;
  StringRef rest = opcode;
  if (!rest.consume_front("wgmma.mma_async.sync.aligned.m64n") ||
      rest.consumeInteger(10, shape.n) || shape.n == 0 || shape.n % 8 != 0 || shape.n > 256 ||
      (rest != "k8.f32.tf32.tf32" && rest != "k16.f32.bf16.bf16"))
    return unknown(opcode);
  bool isBf16 = rest == "k16.f32.bf16.bf16";
  shape.type = isBf16 ? WgmmaShape::Type::BF16 : WgmmaShape::Type::TF32;
  shape.registerA = operands.size() > 1 && operands[1].kind == Kind::List;
  size_t expected = !isBf16 ? 6 : shape.registerA ? 7 : 8;
  if (operands.size() != expected)
    return ptxProblem("expected " + llvm::Twine(expected) + " operands of this wgmma, found " +
                      llvm::Twine(operands.size()));
  shape.negateA = operands[4].number < 0;
  shape.negateB = operands[5].number < 0;
  shape.transposeA = isBf16 && !shape.registerA && operands[6].number == 1;
  shape.transposeB = isBf16 && operands.back().number == 1;
  return shape;
}

llvm::Error AsmDecoder::decodeWgmma(StringRef opcode, Operands operands) {
  Handler simple = opcode.starts_with("wgmma.fence")          ? &wgmmaFence
                   : opcode.starts_with("wgmma.commit_group") ? &wgmmaCommit
                   : opcode.starts_with("wgmma.wait_group")   ? &wgmmaWait
                                                              : nullptr;
  if (simple) {
    builder.emit(simple).imm = operands.empty() ? 0 : uint64_t(operands[0].number);
    return llvm::Error::success();
  }
  auto shape = wgmmaShape(opcode, operands);
  if (!shape)
    return shape.takeError();
  using Registers = SmallVector<Reg>;
  auto d = list(operands[0], 4);
  auto a = shape->registerA ? list(operands[1], 4) : llvm::Expected<Registers>(Registers());
  auto descriptorA = shape->registerA ? llvm::Expected<Reg>(kNoReg) : reg(operands[1], 8);
  auto descriptorB = reg(operands[2], 8);
  auto scale = reg(operands[3], 4);
  if (!d || !a || !descriptorA || !descriptorB || !scale)
    return llvm::joinErrors(
        llvm::joinErrors(llvm::joinErrors(d.takeError(), a.takeError()), descriptorA.takeError()),
        llvm::joinErrors(descriptorB.takeError(), scale.takeError()));
  if (d->size() != shape->n / 2 || (shape->registerA && a->size() != 4))
    return ptxProblem("wgmma of n = " + llvm::Twine(shape->n) + " with " + llvm::Twine(d->size()) +
                      " registers for D");
  builder.program.wgmmas.push_back(*shape);
  Instr &instr = builder.emit(&wgmmaIssue, kNoReg, *descriptorA, *descriptorB, *scale);
  instr.extra = uint32_t(builder.program.wgmmas.size() - 1);
  llvm::append_range(*d, *a);
  builder.setList(instr, *d);
  return llvm::Error::success();
}

} // namespace swamla
