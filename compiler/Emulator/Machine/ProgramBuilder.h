//===- ProgramBuilder.h - writes a program, then places its registers -----===//
#pragma once

#include "compiler/Emulator/Machine/Handlers.h"
#include "compiler/Emulator/Machine/Program.h"

#include <initializer_list>
#include <map>
#include <span>

namespace swamla::emulator {

/// Registers are numbers until `finish` gives them places in the register file. Every register is
/// written before it is read within its block, or is a block argument, a constant or a parameter,
/// or is written in a block that comes before on every path.
class ProgramBuilder {
public:
  Program program;

  Reg newReg(unsigned bytes) {
    widths.push_back(bytes);
    return Reg(widths.size() - 1);
  }
  unsigned width(Reg reg) const { return widths[reg]; }
  /// A register that holds the same bits in all lanes.
  Reg constant(uint64_t bits, unsigned bytes);

  /// Appends an instruction; it is valid until the next one.
  Instr &emit(Handler handler, Reg dst = kNoReg, Reg a = kNoReg, Reg b = kNoReg, Reg c = kNoReg);
  /// The same for a lane op, by name; it must exist.
  Instr &emit(std::string_view laneOp, Reg dst, Reg a, Reg b = kNoReg, Reg c = kNoReg);
  void setList(Instr &instr, std::span<const Reg> registers);
  void setList(Instr &instr, std::initializer_list<Reg> registers) {
    setList(instr, std::span(registers.begin(), registers.size()));
  }
  uint32_t addAccess(const Access &access);
  uint32_t addEdge(Edge edge);

  /// What the following instructions come from, and under which predicate they run.
  void setOrigin(uint32_t index) { origin = index; }
  void setPredicate(Reg reg, bool isNegated = false) {
    predicate = reg;
    negated = isNegated;
  }
  /// The following instructions are a new block; returns the index of its first.
  uint32_t beginBlock();

  /// Places the registers and returns the program.
  Program finish();

private:
  std::vector<unsigned> widths;
  std::map<std::pair<uint64_t, unsigned>, Reg> constants;
  std::vector<uint32_t> blockStarts;
  uint32_t origin = 0;
  Reg predicate = kNoReg;
  bool negated = false;
};

} // namespace swamla::emulator
