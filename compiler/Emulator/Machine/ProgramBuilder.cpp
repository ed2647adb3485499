//===- ProgramBuilder.cpp - writes a program, then places its registers ---===//
//
// A register that is used in one block only shares its place with others of that
// block: most values of a large kernel are of that kind, and a warp's register
// file then stays in the cache.
//
//===----------------------------------------------------------------------===//
#include "compiler/Emulator/Machine/ProgramBuilder.h"

#include <algorithm>
#include <cassert>

namespace swamla::emulator {

Reg ProgramBuilder::constant(uint64_t bits, unsigned bytes) {
  auto [place, isNew] = constants.try_emplace({bits, bytes}, kNoReg);
  if (isNew) {
    place->second = newReg(bytes);
    program.constants.push_back({place->second, bytes, bits});
  }
  return place->second;
}

Instr &ProgramBuilder::emit(Handler handler, Reg dst, Reg a, Reg b, Reg c) {
  assert(handler && "an instruction needs a handler");
  Instr &instr = program.code.emplace_back();
  instr.run = handler;
  instr.dst = dst;
  instr.a = a;
  instr.b = b;
  instr.c = c;
  instr.origin = origin;
  instr.pred = predicate;
  instr.negated = negated;
  return instr;
}

Instr &ProgramBuilder::emit(std::string_view laneOp, Reg dst, Reg a, Reg b, Reg c) {
  return emit(findLaneOp(laneOp), dst, a, b, c);
}

void ProgramBuilder::setList(Instr &instr, std::span<const Reg> registers) {
  instr.listBegin = uint32_t(program.lists.size());
  instr.listCount = uint32_t(registers.size());
  program.lists.insert(program.lists.end(), registers.begin(), registers.end());
}

uint32_t ProgramBuilder::addAccess(const Access &access) {
  program.accesses.push_back(access);
  return uint32_t(program.accesses.size() - 1);
}

uint32_t ProgramBuilder::addEdge(Edge edge) {
  program.edges.push_back(std::move(edge));
  return uint32_t(program.edges.size() - 1);
}

uint32_t ProgramBuilder::beginBlock() {
  blockStarts.push_back(uint32_t(program.code.size()));
  return blockStarts.back();
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

namespace {
/// Calls `visit` with each register of an instruction, edges included.
template <typename Visit> void forRegisters(Program &program, Instr &instr, Visit visit) {
  for (Reg *reg : {&instr.dst, &instr.a, &instr.b, &instr.c, &instr.pred})
    if (*reg != kNoReg)
      visit(*reg);
  for (uint32_t i = 0; i < instr.listCount; ++i)
    visit(program.lists[instr.listBegin + i]);
  auto visitEdge = [&](uint32_t index) {
    for (Edge::Copy &copy : program.edges[index].copies)
      visit(copy.from);
  };
  if (instr.run == &jump || instr.run == &branch)
    visitEdge(instr.extra);
  if (instr.run == &branch && instr.imm != instr.extra)
    visitEdge(uint32_t(instr.imm));
  if (instr.run == &switchTo)
    for (uint32_t edge : program.switches[instr.extra].edges)
      visitEdge(edge);
}

struct Placer {
  static constexpr uint32_t kGlobal = ~0U, kUnseen = ~0U - 1;

  struct Life {
    uint32_t block = kUnseen, last = 0; ///< kGlobal: lives across blocks
    Reg place = kNoReg;
  };

  Program &program;
  const std::vector<unsigned> &widths;
  std::vector<uint32_t> blockStarts;
  std::vector<Life> lives;
  uint32_t globalBytes = 0;
  std::array<uint32_t, 2> localBytes{}; ///< of registers of 4 and of 8 bytes a lane

  Placer(Program &program, const std::vector<unsigned> &widths, std::vector<uint32_t> starts)
      : program(program), widths(widths), blockStarts(std::move(starts)), lives(widths.size()) {
    blockStarts.push_back(uint32_t(program.code.size()));
  }

  uint32_t bytes(Reg reg) const { return widths[reg] * kLanes; }

  void findLives() {
    for (const Program::Constant &constant : program.constants)
      lives[constant.reg].block = kGlobal;
    for (Reg param : program.params)
      lives[param].block = kGlobal;
    for (const Edge &edge : program.edges)
      for (const Edge::Copy &copy : edge.copies)
        lives[copy.to].block = kGlobal;
    for (uint32_t block = 0; block + 1 < blockStarts.size(); ++block)
      for (uint32_t i = blockStarts[block]; i < blockStarts[block + 1]; ++i)
        forRegisters(program, program.code[i], [&](Reg &reg) {
          Life &life = lives[reg];
          life.block = life.block == kUnseen || life.block == block ? block : kGlobal;
          life.last = i;
        });
    for (Reg reg = 0; reg < lives.size(); ++reg)
      if (lives[reg].block == kGlobal) {
        lives[reg].place = globalBytes;
        globalBytes += bytes(reg);
      }
  }

  bool isWide(Reg reg) const { return widths[reg] == 8; }

  /// Places relative to the registers of their size: lanes of a warp may be in different blocks, so
  /// a lane must have the same bytes in all registers that share a place. A result never takes the
  /// place of an operand of its own instruction: places are freed after it.
  void placeLocals(uint32_t block) {
    std::array<std::vector<Reg>, 2> free;
    std::array<uint32_t, 2> next{};
    for (uint32_t i = blockStarts[block]; i < blockStarts[block + 1]; ++i) {
      std::vector<Reg> ended;
      forRegisters(program, program.code[i], [&](Reg &reg) {
        Life &life = lives[reg];
        if (life.block == kGlobal)
          return;
        std::vector<Reg> &places = free[isWide(reg)];
        if (life.place == kNoReg && !places.empty()) {
          life.place = places.back();
          places.pop_back();
        } else if (life.place == kNoReg) {
          life.place = next[isWide(reg)];
          next[isWide(reg)] += bytes(reg);
        }
        if (life.last == i)
          ended.push_back(reg);
      });
      std::sort(ended.begin(), ended.end());
      ended.erase(std::unique(ended.begin(), ended.end()), ended.end());
      for (Reg reg : ended)
        free[isWide(reg)].push_back(lives[reg].place);
    }
    for (unsigned size = 0; size < 2; ++size)
      localBytes[size] = std::max(localBytes[size], next[size]);
  }

  /// Locals follow the globals, those of 4 bytes first.
  void placeAfterGlobals() {
    for (Reg reg = 0; reg < lives.size(); ++reg)
      if (lives[reg].block != kGlobal && lives[reg].place != kNoReg)
        lives[reg].place += globalBytes + (isWide(reg) ? localBytes[0] : 0);
  }

  void rewrite() {
    for (Instr &instr : program.code)
      for (Reg *reg : {&instr.dst, &instr.a, &instr.b, &instr.c, &instr.pred})
        if (*reg != kNoReg)
          *reg = lives[*reg].place;
    for (Reg &reg : program.lists)
      reg = lives[reg].place;
    for (Edge &edge : program.edges) {
      for (Edge::Copy &copy : edge.copies) {
        copy.from = lives[copy.from].place;
        copy.to = lives[copy.to].place;
      }
      std::erase_if(edge.copies, [](const Edge::Copy &copy) { return copy.from == copy.to; });
      std::vector<Reg> written;
      for (const Edge::Copy &copy : edge.copies) {
        edge.overlapping |= std::find(written.begin(), written.end(), copy.from) != written.end();
        written.push_back(copy.to);
      }
    }
    for (Program::Constant &constant : program.constants)
      constant.reg = lives[constant.reg].place;
    for (Reg &param : program.params)
      param = lives[param].place;
    program.registerBytes = globalBytes + localBytes[0] + localBytes[1];
  }
};
} // namespace

Program ProgramBuilder::finish() {
  Placer placer(program, widths, blockStarts);
  placer.findLives();
  for (uint32_t block = 0; block < blockStarts.size(); ++block)
    placer.placeLocals(block);
  placer.placeAfterGlobals();
  placer.rewrite();
  return std::move(program);
}

} // namespace swamla::emulator
