//===- ControlOps.cpp - branches and returns ------------------------------===//
#include "compiler/Emulator/Machine/Handlers.h"
#include "compiler/Emulator/Machine/Machine.h"

#include <algorithm>

namespace swamla::emulator {

namespace {
void copyLanes(const std::byte *from, std::byte *to, uint32_t bytes, uint32_t mask) {
  if (mask == ~0U)
    std::memcpy(to, from, size_t(bytes) * kLanes);
  else
    forLanes(mask, [&](unsigned lane) {
      std::memcpy(to + size_t(lane) * bytes, from + size_t(lane) * bytes, bytes);
    });
}

/// Passes a block's arguments in some lanes.
void passArguments(Frame &frame, const Edge &edge, uint32_t mask) {
  if (!edge.overlapping) {
    for (const Edge::Copy &copy : edge.copies)
      copyLanes(frame.regs + copy.from, frame.regs + copy.to, copy.bytes, mask);
    return;
  }
  std::vector<std::byte> values(edge.copies.size() * kLanes * 8);
  std::byte *value = values.data();
  for (const Edge::Copy &copy : edge.copies) {
    copyLanes(frame.regs + copy.from, value, copy.bytes, mask);
    value += kLanes * 8;
  }
  value = values.data();
  for (const Edge::Copy &copy : edge.copies) {
    copyLanes(value, frame.regs + copy.to, copy.bytes, mask);
    value += kLanes * 8;
  }
}

/// Sends some of the strand's lanes along an edge, the strand itself if they are all of it.
void take(Frame &frame, uint32_t edgeIndex, uint32_t mask) {
  const Edge &edge = frame.machine.program.edges[edgeIndex];
  passArguments(frame, edge, mask);
  Strand &strand = frame.strand();
  if (strand.mask == mask) {
    strand.pc = edge.target;
    return;
  }
  strand.mask &= ~mask;
  frame.warp.strands.push_back({.mask = mask, .pc = edge.target});
}
} // namespace

Next jump(Frame &frame, const Instr &instr) {
  take(frame, instr.extra, frame.mask);
  return Next::Jump;
}

Next branch(Frame &frame, const Instr &instr) {
  const auto *condition = frame.reg<uint32_t>(instr.a);
  uint32_t taken = 0;
  for (unsigned lane = 0; lane < kLanes; ++lane)
    taken |= (condition[lane] & 1) << lane;
  taken &= frame.mask;
  uint32_t rest = frame.mask & ~taken;
  if (taken)
    take(frame, instr.extra, taken);
  if (rest)
    take(frame, uint32_t(instr.imm), rest);
  return Next::Jump;
}

Next switchTo(Frame &frame, const Instr &instr) {
  const SwitchTable &table = frame.machine.program.switches[instr.extra];
  const auto *value = frame.reg<uint64_t>(instr.a);
  std::vector<uint32_t> masks(table.edges.size(), 0);
  forLanes(frame.mask, [&](unsigned lane) {
    auto found = std::find(table.values.begin(), table.values.end(), value[lane]);
    masks[size_t(found - table.values.begin())] |= 1U << lane;
  });
  for (size_t i = 0; i < masks.size(); ++i)
    if (masks[i])
      take(frame, table.edges[i], masks[i]);
  return Next::Jump;
}

Next exitLanes(Frame &frame, const Instr &instr) {
  uint32_t mask = frame.mask;
  bool fine = true;
  forLanes(mask, [&](unsigned lane) {
    fine = fine && finishBulkStores(frame.machine, frame.block, frame.warp, lane);
  });
  if (!fine)
    return Next::Fault;
  frame.warp.exited |= mask;
  frame.block.aliveThreads -= unsigned(__builtin_popcount(mask));
  ++frame.block.events; // a barrier may have waited for these threads
  frame.warp.strands.erase(frame.warp.strands.begin() + int64_t(frame.strandIndex));
  return Next::Exit;
}

Next trap(Frame &frame, const Instr &instr) {
  return frame.fail(instr, frame.firstLane(), "reaches what must not be reached");
}

Next nothing(Frame &, const Instr &) { return Next::Continue; }

} // namespace swamla::emulator
