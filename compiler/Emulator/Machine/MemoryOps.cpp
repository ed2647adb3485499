//===- MemoryOps.cpp - loads, stores, atomics, cp.async -------------------===//
#include "compiler/Emulator/Machine/Handlers.h"
#include "compiler/Emulator/Machine/Machine.h"

#include <algorithm>
#include <bit>

namespace swamla::emulator {

namespace {
/// Generic addresses of shared memory become its own.
Access::Space resolve(Access::Space space, uint64_t &address) {
  if (space != Access::Space::Generic)
    return space;
  if (!(address & kSharedWindow))
    return Access::Space::Global;
  address &= ~kSharedWindow;
  return Access::Space::Shared;
}

/// The memory of an access; null after a fault.
std::byte *access(Frame &frame, const Instr &instr, unsigned lane, Access::Space space,
                  uint64_t address, uint64_t bytes, uint64_t alignment) {
  bool shared = space == Access::Space::Shared;
  std::byte *memory =
      shared ? frame.block.shared.find(address, bytes) : frame.machine.global.find(address, bytes);
  if (memory && address % alignment == 0)
    return memory;
  std::string place =
      shared ? frame.block.shared.describe(address) : frame.machine.global.describe(address);
  frame.fail(instr, lane,
             "access to " + std::to_string(bytes) + " bytes from " + place +
                 (memory ? ", which is not aligned to " + std::to_string(alignment) + " bytes"
                         : ", which is out of bounds"));
  return nullptr;
}

bool checkRace(Frame &frame, const Instr &instr, unsigned lane, uint64_t address, uint64_t bytes,
               bool isWrite) {
  RaceDetector &races = frame.block.races;
  uint64_t offset = address - kSharedBase;
  return isRaceFree(frame.machine, frame.block, frame.thread(lane), instr, address,
                    isWrite ? races.write(offset, bytes, frame.warp.index)
                            : races.read(offset, bytes, frame.warp.index));
}

void readValue(const std::byte *memory, unsigned bytes, Frame &frame, Reg reg, unsigned lane) {
  if (bytes == 8) {
    std::memcpy(&frame.reg<uint64_t>(reg)[lane], memory, 8);
    return;
  }
  uint32_t value = 0;
  std::memcpy(&value, memory, bytes);
  frame.reg<uint32_t>(reg)[lane] = value;
}

void writeValue(std::byte *memory, unsigned bytes, const Frame &frame, Reg reg, unsigned lane) {
  if (bytes == 8)
    std::memcpy(memory, &frame.reg<uint64_t>(reg)[lane], 8);
  else
    std::memcpy(memory, &frame.reg<uint32_t>(reg)[lane], bytes);
}

/// Ordinary stores to shared memory: remembered, and not allowed on a barrier.
bool noteSharedStore(Frame &frame, const Instr &instr, unsigned lane, uint64_t address,
                     uint64_t bytes) {
  frame.block.shared.written(address, bytes, frame.thread(lane));
  for (const MBarrier &barrier : frame.block.mbarriers)
    if (address < barrier.address + 8 && barrier.address < address + bytes) {
      frame.fail(instr, lane,
                 "stores over the mbarrier at " + frame.block.shared.describe(barrier.address));
      return false;
    }
  return true;
}
} // namespace

Next load(Frame &frame, const Instr &instr) {
  const Access &what = frame.machine.program.accesses[instr.extra];
  const auto *addresses = frame.reg<uint64_t>(instr.a);
  const Reg *values = frame.list(instr);
  for (uint32_t mask = frame.mask; mask; mask &= mask - 1) {
    auto lane = unsigned(std::countr_zero(mask));
    uint64_t address = addresses[lane] + instr.imm;
    Access::Space space = resolve(what.space, address);
    std::byte *memory =
        access(frame, instr, lane, space, address, what.bytes * what.count, what.alignment);
    if (!memory || (space == Access::Space::Shared &&
                    !checkRace(frame, instr, lane, address, what.bytes * what.count, false)))
      return Next::Fault;
    for (unsigned i = 0; i < what.count; ++i)
      readValue(memory + size_t(i) * what.bytes, what.bytes, frame, values[i], lane);
  }
  return Next::Continue;
}

Next store(Frame &frame, const Instr &instr) {
  const Access &what = frame.machine.program.accesses[instr.extra];
  const auto *addresses = frame.reg<uint64_t>(instr.a);
  const Reg *values = frame.list(instr);
  for (uint32_t mask = frame.mask; mask; mask &= mask - 1) {
    auto lane = unsigned(std::countr_zero(mask));
    uint64_t address = addresses[lane] + instr.imm, bytes = uint64_t(what.bytes) * what.count;
    Access::Space space = resolve(what.space, address);
    std::byte *memory = access(frame, instr, lane, space, address, bytes, what.alignment);
    if (!memory)
      return Next::Fault;
    if (space == Access::Space::Shared && (!noteSharedStore(frame, instr, lane, address, bytes) ||
                                           !checkRace(frame, instr, lane, address, bytes, true)))
      return Next::Fault;
    for (unsigned i = 0; i < what.count; ++i)
      writeValue(memory + size_t(i) * what.bytes, what.bytes, frame, values[i], lane);
  }
  return Next::Continue;
}

//===----------------------------------------------------------------------===//
// Atomics
//===----------------------------------------------------------------------===//

namespace {
template <typename U> U combine(AtomicOp op, U old, U value, U swap) {
  using S = std::make_signed_t<U>;
  using F = std::conditional_t<sizeof(U) == 4, float, double>;
  switch (op) {
  case AtomicOp::Add:
    return old + value;
  case AtomicOp::FAdd:
    return std::bit_cast<U>(std::bit_cast<F>(old) + std::bit_cast<F>(value));
  case AtomicOp::And:
    return old & value;
  case AtomicOp::Or:
    return old | value;
  case AtomicOp::Xor:
    return old ^ value;
  case AtomicOp::SMin:
    return U(std::min(S(old), S(value)));
  case AtomicOp::SMax:
    return U(std::max(S(old), S(value)));
  case AtomicOp::UMin:
    return std::min(old, value);
  case AtomicOp::UMax:
    return std::max(old, value);
  case AtomicOp::Inc:
    return old >= value ? 0 : old + 1;
  case AtomicOp::Exchange:
    return value;
  case AtomicOp::Swap:
    return old == value ? swap : old;
  }
  return old;
}

template <typename U>
void exchange(Frame &frame, const Instr &instr, std::byte *memory, unsigned lane) {
  U old;
  std::memcpy(&old, memory, sizeof(U));
  U swap = instr.c == kNoReg ? 0 : frame.reg<U>(instr.c)[lane];
  U value = combine<U>(AtomicOp(instr.imm), old, frame.reg<U>(instr.b)[lane], swap);
  std::memcpy(memory, &value, sizeof(U));
  if (instr.dst != kNoReg)
    frame.reg<U>(instr.dst)[lane] = old;
}
} // namespace

Next atomic(Frame &frame, const Instr &instr) {
  const Access &what = frame.machine.program.accesses[instr.extra];
  std::array<unsigned, kLanes> order;
  unsigned count = 0;
  forLanes(frame.mask, [&](unsigned lane) { order[count++] = lane; });
  if (frame.machine.adversarial)
    std::shuffle(order.begin(), order.begin() + count, frame.machine.random);
  for (unsigned i = 0; i < count; ++i) {
    unsigned lane = order[i];
    uint64_t address = frame.reg<uint64_t>(instr.a)[lane];
    Access::Space space = resolve(what.space, address);
    std::byte *memory = access(frame, instr, lane, space, address, what.bytes, what.bytes);
    if (!memory)
      return Next::Fault;
    if (what.bytes == 8)
      exchange<uint64_t>(frame, instr, memory, lane);
    else
      exchange<uint32_t>(frame, instr, memory, lane);
  }
  return Next::Continue;
}

//===----------------------------------------------------------------------===//
// cp.async: copies land when they are waited for
//===----------------------------------------------------------------------===//

Next asyncCopy(Frame &frame, const Instr &instr) {
  forLanes(frame.mask, [&](unsigned lane) {
    PendingCopy copy{.instr = &instr,
                     .to = frame.reg<uint64_t>(instr.a)[lane],
                     .from = frame.reg<uint64_t>(instr.b)[lane],
                     .bytes = uint32_t(instr.imm),
                     .coordinates = {},
                     .source = {},
                     .issued = frame.block.races.now(frame.warp.index)};
    if (instr.c != kNoReg) // source bytes; the rest is zero
      copy.coordinates = {frame.reg<int32_t>(instr.c)[lane]};
    frame.warp.asyncCopies[lane].open.push_back(std::move(copy));
  });
  return Next::Continue;
}

Next asyncCopyCommit(Frame &frame, const Instr &) {
  forLanes(frame.mask, [&](unsigned lane) {
    CopyGroups &groups = frame.warp.asyncCopies[lane];
    groups.committed.push_back(std::move(groups.open));
    groups.open.clear();
  });
  return Next::Continue;
}

static bool finishCopy(Frame &frame, const PendingCopy &copy, unsigned lane) {
  uint32_t source = copy.coordinates.empty() ? copy.bytes : uint32_t(copy.coordinates[0]);
  if (source > copy.bytes) {
    frame.fail(*copy.instr, lane, "copies more bytes than it writes");
    return false;
  }
  std::byte *to =
      access(frame, *copy.instr, lane, Access::Space::Shared, copy.to, copy.bytes, copy.bytes);
  if (!to || !noteSharedStore(frame, *copy.instr, lane, copy.to, copy.bytes))
    return false;
  std::string race = frame.block.races.writeAsync(copy.to - kSharedBase, copy.bytes,
                                                  frame.warp.index, copy.issued);
  if (!isRaceFree(frame.machine, frame.block, frame.thread(lane), *copy.instr, copy.to, race))
    return false;
  std::memset(to, 0, copy.bytes);
  if (source == 0)
    return true;
  std::byte *from =
      access(frame, *copy.instr, lane, Access::Space::Global, copy.from, source, copy.bytes);
  if (from)
    std::memcpy(to, from, source);
  return from;
}

Next asyncCopyWait(Frame &frame, const Instr &instr) {
  bool fine = true;
  forLanes(frame.mask, [&](unsigned lane) {
    auto &committed = frame.warp.asyncCopies[lane].committed;
    for (; committed.size() > instr.imm; committed.pop_front())
      for (const PendingCopy &copy : committed.front())
        fine = fine && finishCopy(frame, copy, lane);
  });
  frame.block.races.acquireAsync(frame.warp.index);
  return fine ? Next::Continue : Next::Fault;
}

} // namespace swamla::emulator
