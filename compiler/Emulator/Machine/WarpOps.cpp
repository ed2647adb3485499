//===- WarpOps.cpp - special registers, and lanes that exchange values ----===//
#include "compiler/Emulator/Machine/Handlers.h"
#include "compiler/Emulator/Machine/Machine.h"

#include <algorithm>

namespace swamla::emulator {

namespace {
constexpr uint32_t kMultiprocessors = 132; // of an H100 or H200

uint32_t valueOf(const Frame &frame, SpecialReg reg, unsigned lane) {
  const Program &program = frame.machine.program;
  switch (reg) {
  case SpecialReg::TidX:
    return frame.thread(lane);
  case SpecialReg::NTidX:
    return program.block;
  case SpecialReg::TidY:
  case SpecialReg::TidZ:
    return 0;
  case SpecialReg::NTidY:
  case SpecialReg::NTidZ:
    return 1;
  case SpecialReg::CtaX:
    return frame.block.index[0];
  case SpecialReg::CtaY:
    return frame.block.index[1];
  case SpecialReg::CtaZ:
    return frame.block.index[2];
  case SpecialReg::NCtaX:
    return program.grid[0];
  case SpecialReg::NCtaY:
    return program.grid[1];
  case SpecialReg::NCtaZ:
    return program.grid[2];
  case SpecialReg::Lane:
    return lane;
  case SpecialReg::WarpId:
    return frame.warp.index;
  case SpecialReg::NWarps:
    return uint32_t(frame.block.warps.size());
  case SpecialReg::SmId:
    return frame.block.index[0] % kMultiprocessors;
  case SpecialReg::LaneMaskEq:
    return 1U << lane;
  case SpecialReg::LaneMaskLt:
    return (1U << lane) - 1;
  case SpecialReg::LaneMaskLe:
    return (2U << lane) - 1;
  case SpecialReg::LaneMaskGt:
    return ~((2U << lane) - 1);
  case SpecialReg::LaneMaskGe:
    return ~((1U << lane) - 1);
  }
  return 0;
}

/// The member mask of a collective instruction: one for all of its lanes.
Next members(Frame &frame, const Instr &instr, Reg reg, uint32_t &mask) {
  mask = reg == kNoReg ? ~0U : frame.reg<uint32_t>(reg)[frame.firstLane()];
  if ((mask & frame.mask) != frame.mask)
    return frame.fail(instr, unsigned(__builtin_ctz(frame.mask & ~mask)),
                      "is not in the member mask that it names");
  return frame.converge(instr, mask);
}
} // namespace

Next specialReg(Frame &frame, const Instr &instr) {
  auto *dst = frame.reg<uint32_t>(instr.dst);
  forLanes(frame.mask,
           [&](unsigned lane) { dst[lane] = valueOf(frame, SpecialReg(instr.imm), lane); });
  return Next::Continue;
}

/// The lane that `lane` reads, and whether it lies in its segment; PTX ISA, shfl.sync.
static std::pair<unsigned, bool> sourceLane(ShuffleKind kind, unsigned lane, uint32_t b,
                                            uint32_t c) {
  uint32_t segment = c >> 8 & 31, clamp = c & 31;
  auto maxLane = int((lane & segment) | (clamp & ~segment)), minLane = int(lane & segment);
  int source = 0;
  bool inside = false;
  switch (kind) {
  case ShuffleKind::Up:
    source = int(lane) - int(b & 31);
    inside = source >= maxLane;
    break;
  case ShuffleKind::Down:
    source = int(lane) + int(b & 31);
    inside = source <= maxLane;
    break;
  case ShuffleKind::Butterfly:
    source = int(lane ^ (b & 31));
    inside = source <= maxLane;
    break;
  case ShuffleKind::Index:
    source = minLane | int(b & 31 & ~segment);
    inside = source <= maxLane;
    break;
  }
  return {inside ? unsigned(source) : lane, inside};
}

Next shuffle(Frame &frame, const Instr &instr) {
  const Reg *list = frame.list(instr);
  uint32_t mask = 0;
  if (Next next = members(frame, instr, list[0], mask); next != Next::Continue)
    return next;
  const auto *a = frame.reg<uint32_t>(instr.a), *b = frame.reg<uint32_t>(instr.b),
             *c = frame.reg<uint32_t>(instr.c);
  std::array<uint32_t, kLanes> values;
  std::copy_n(a, kLanes, values.begin());
  bool fine = true;
  forLanes(frame.mask, [&](unsigned lane) {
    auto [source, inside] = sourceLane(ShuffleKind(instr.imm), lane, b[lane], c[lane]);
    if (!(mask >> source & 1)) {
      frame.fail(instr, lane,
                 "reads lane " + std::to_string(source) +
                     ", which does not take part in the shuffle");
      fine = false;
    }
    frame.reg<uint32_t>(instr.dst)[lane] = values[source];
    if (instr.listCount > 1)
      frame.reg<uint32_t>(list[1])[lane] = inside;
  });
  return fine ? Next::Continue : Next::Fault;
}

Next vote(Frame &frame, const Instr &instr) {
  uint32_t mask = 0;
  if (Next next = members(frame, instr, instr.b, mask); next != Next::Continue)
    return next;
  uint32_t set = 0, value = 0;
  forLanes(mask, [&](unsigned lane) { set |= (frame.reg<uint32_t>(instr.a)[lane] & 1) << lane; });
  switch (VoteKind(instr.imm)) {
  case VoteKind::Any:
    value = set != 0;
    break;
  case VoteKind::All:
    value = set == mask;
    break;
  case VoteKind::Uniform:
    value = set == mask || set == 0;
    break;
  case VoteKind::Ballot:
    value = set;
    break;
  }
  forLanes(mask, [&](unsigned lane) { frame.reg<uint32_t>(instr.dst)[lane] = value; });
  return Next::Continue;
}

static uint32_t reduce(ReduceKind kind, uint32_t a, uint32_t b) {
  switch (kind) {
  case ReduceKind::Add:
    return a + b;
  case ReduceKind::And:
    return a & b;
  case ReduceKind::Or:
    return a | b;
  case ReduceKind::Xor:
    return a ^ b;
  case ReduceKind::SMin:
    return uint32_t(std::min(int32_t(a), int32_t(b)));
  case ReduceKind::SMax:
    return uint32_t(std::max(int32_t(a), int32_t(b)));
  case ReduceKind::UMin:
    return std::min(a, b);
  case ReduceKind::UMax:
    return std::max(a, b);
  }
  return a;
}

Next warpReduce(Frame &frame, const Instr &instr) {
  uint32_t mask = 0;
  if (Next next = members(frame, instr, instr.b, mask); next != Next::Continue)
    return next;
  const auto *a = frame.reg<uint32_t>(instr.a);
  unsigned first = unsigned(__builtin_ctz(mask));
  uint32_t value = a[first];
  forLanes(mask & (mask - 1),
           [&](unsigned lane) { value = reduce(ReduceKind(instr.imm), value, a[lane]); });
  forLanes(mask, [&](unsigned lane) { frame.reg<uint32_t>(instr.dst)[lane] = value; });
  return Next::Continue;
}

Next elect(Frame &frame, const Instr &instr) {
  uint32_t mask = 0;
  if (Next next = members(frame, instr, instr.a, mask); next != Next::Continue)
    return next;
  auto elected = unsigned(__builtin_ctz(mask));
  forLanes(mask, [&](unsigned lane) { frame.reg<uint32_t>(instr.dst)[lane] = lane == elected; });
  return Next::Continue;
}

Next warpSync(Frame &frame, const Instr &instr) {
  uint32_t mask = 0;
  return members(frame, instr, instr.a, mask);
}

} // namespace swamla::emulator
