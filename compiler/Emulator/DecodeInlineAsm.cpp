//===- DecodeInlineAsm.cpp - the op of inline PTX -------------------------===//
#include "compiler/Emulator/AsmDecoder.h"
#include "compiler/Emulator/Decoder.h"

using namespace mlir;
using namespace swamla::emulator;

namespace swamla {

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
