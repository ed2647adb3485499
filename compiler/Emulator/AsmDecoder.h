//===- AsmDecoder.h - one block of inline PTX -----------------------------===//
#pragma once

#include "compiler/Emulator/Machine/ProgramBuilder.h"
#include "compiler/Emulator/PtxText.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"

namespace swamla {

/// One block of inline PTX: its operands, and the registers that it declares.
class AsmDecoder {
public:
  AsmDecoder(emulator::ProgramBuilder &builder, llvm::SmallVector<emulator::Reg> arguments)
      : builder(builder), arguments(std::move(arguments)) {}

  llvm::Error decode(const PtxStatement &statement);

private:
  using Operands = llvm::ArrayRef<PtxOperand>;

  llvm::Error decodeArithmetic(llvm::StringRef opcode, Operands operands, bool &known);
  llvm::Error decodeCompare(llvm::StringRef opcode, Operands operands);
  llvm::Error decodeMemory(llvm::StringRef opcode, Operands operands, bool &known);
  llvm::Error decodeAtomic(llvm::StringRef opcode, Operands operands);
  llvm::Error decodeSync(llvm::StringRef opcode, Operands operands, bool &known);
  llvm::Error decodeBarrier(llvm::StringRef opcode, Operands operands);
  llvm::Error decodeMBarrier(llvm::StringRef opcode, Operands operands);
  bool decodeGroup(llvm::StringRef opcode, Operands operands);
  llvm::Error decodeWgmma(llvm::StringRef opcode, Operands operands);
  llvm::Expected<emulator::WgmmaShape> wgmmaShape(llvm::StringRef opcode, Operands operands);
  llvm::Error unknown(llvm::StringRef opcode);

  /// The register of an operand; a number becomes a constant of `bytes`.
  llvm::Expected<emulator::Reg> reg(const PtxOperand &operand, unsigned bytes);
  llvm::Expected<emulator::Reg> optional(Operands operands, size_t index);
  /// An address: its register, widened, and the bytes to add.
  llvm::Expected<std::pair<emulator::Reg, uint64_t>> address(const PtxOperand &operand);
  llvm::Expected<llvm::SmallVector<emulator::Reg>> list(const PtxOperand &operand, unsigned bytes);
  llvm::Error lanes(llvm::StringRef laneOp, Operands operands, llvm::ArrayRef<unsigned> bytes);

  emulator::ProgramBuilder &builder;
  llvm::SmallVector<emulator::Reg> arguments;
  llvm::StringMap<emulator::Reg> names;
};

/// An error about inline PTX.
llvm::Error ptxProblem(const llvm::Twine &what);

} // namespace swamla
