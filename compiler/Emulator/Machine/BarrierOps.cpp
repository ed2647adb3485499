//===- BarrierOps.cpp - barriers of threads and of transactions -----------===//
#include "compiler/Emulator/Machine/Handlers.h"
#include "compiler/Emulator/Machine/Machine.h"

namespace swamla::emulator {

//===----------------------------------------------------------------------===//
// Named barriers
//===----------------------------------------------------------------------===//

namespace {
/// Which barrier, and of how many threads.
bool namedBarrier(Frame &frame, const Instr &instr, NamedBarrier *&barrier, uint32_t &threads) {
  unsigned lane = frame.firstLane();
  uint32_t id = instr.a == kNoReg ? 0 : frame.reg<uint32_t>(instr.a)[lane];
  if (id >= frame.block.barriers.size()) {
    frame.fail(instr, lane, "uses barrier " + std::to_string(id) + "; there are 16");
    return false;
  }
  barrier = &frame.block.barriers[id];
  threads = instr.b == kNoReg ? frame.block.aliveThreads : frame.reg<uint32_t>(instr.b)[lane];
  if (threads % kLanes != 0 && instr.b != kNoReg) {
    frame.fail(instr, lane,
               "waits for " + std::to_string(threads) + " threads; a barrier counts whole warps");
    return false;
  }
  return true;
}

void completeIfFull(Block &block, NamedBarrier &barrier, uint32_t threads) {
  if (barrier.arrived < threads)
    return;
  barrier.arrived = 0;
  barrier.expected = 0;
  barrier.ended = std::move(barrier.arriving);
  barrier.arriving.clear();
  ++barrier.generation;
  ++block.events;
}

/// Counts the frame's lanes. False: fault.
bool arrive(Frame &frame, const Instr &instr, NamedBarrier &barrier, uint32_t threads) {
  if (instr.b != kNoReg) {
    if (barrier.expected && barrier.expected != threads) {
      frame.fail(instr, frame.firstLane(),
                 "arrives at a barrier of " + std::to_string(threads) +
                     " threads that others wait "
                     "at as one of " +
                     std::to_string(barrier.expected));
      return false;
    }
    barrier.expected = threads;
  }
  barrier.arrived += unsigned(__builtin_popcount(frame.mask));
  frame.block.races.release(frame.warp.index, barrier.arriving);
  if (barrier.arrived > threads) {
    frame.fail(instr, frame.firstLane(),
               "is one too many: " + std::to_string(barrier.arrived) +
                   " threads have arrived at a barrier of " + std::to_string(threads));
    return false;
  }
  ++frame.block.events;
  return true;
}
} // namespace

Next barrierSync(Frame &frame, const Instr &instr) {
  NamedBarrier *barrier = nullptr;
  uint32_t threads = 0;
  if (!namedBarrier(frame, instr, barrier, threads))
    return Next::Fault;
  if (!frame.strand().arrived) {
    frame.strand().token = barrier->generation;
    if (!arrive(frame, instr, *barrier, threads))
      return Next::Fault;
    frame.strand().arrived = true;
  }
  if (barrier->generation == frame.strand().token)
    completeIfFull(frame.block, *barrier, threads);
  if (barrier->generation == frame.strand().token)
    return frame.wait();
  frame.strand().arrived = false;
  frame.block.races.acquire(frame.warp.index, barrier->ended);
  return Next::Continue;
}

Next barrierArrive(Frame &frame, const Instr &instr) {
  NamedBarrier *barrier = nullptr;
  uint32_t threads = 0;
  if (!namedBarrier(frame, instr, barrier, threads) || !arrive(frame, instr, *barrier, threads))
    return Next::Fault;
  completeIfFull(frame.block, *barrier, threads);
  return Next::Continue;
}

//===----------------------------------------------------------------------===//
// mbarriers
//===----------------------------------------------------------------------===//

MBarrier *findMBarrier(Block &block, uint64_t address) {
  for (MBarrier &barrier : block.mbarriers)
    if (barrier.address == address)
      return &barrier;
  return nullptr;
}

void completePhaseIfDone(Block &block, MBarrier &barrier) {
  if (barrier.pending || barrier.bytes)
    return;
  barrier.pending = barrier.count;
  barrier.parity ^= 1;
  barrier.ended = barrier.arriving; // which goes on to grow: what is known stays known
  ++block.events;
}

namespace {
uint64_t addressOf(const Frame &frame, const Instr &instr, unsigned lane) {
  return (frame.reg<uint64_t>(instr.a)[lane] & ~kSharedWindow) + instr.imm;
}

MBarrier *barrierOf(Frame &frame, const Instr &instr, unsigned lane) {
  uint64_t address = addressOf(frame, instr, lane);
  MBarrier *barrier = findMBarrier(frame.block, address);
  if (!barrier)
    frame.fail(instr, lane,
               "there is no initialised mbarrier at " + frame.block.shared.describe(address));
  return barrier;
}

bool arriveAt(Frame &frame, const Instr &instr, MBarrier &barrier, uint32_t count, unsigned lane) {
  if (count > barrier.pending) {
    frame.fail(instr, lane,
               "arrives at an mbarrier whose phase has all " + std::to_string(barrier.count) +
                   " arrivals");
    return false;
  }
  barrier.pending -= count;
  frame.block.races.release(frame.warp.index, barrier.arriving);
  completePhaseIfDone(frame.block, barrier);
  return true;
}
} // namespace

Next mbarrierInit(Frame &frame, const Instr &instr) {
  for (uint32_t mask = frame.mask; mask; mask &= mask - 1) {
    auto lane = unsigned(__builtin_ctz(mask));
    uint64_t address = addressOf(frame, instr, lane);
    if (!frame.block.shared.find(address, 8) || address % 8 != 0)
      return frame.fail(instr, lane,
                        "an mbarrier cannot be at " + frame.block.shared.describe(address));
    if (findMBarrier(frame.block, address))
      return frame.fail(instr, lane,
                        "initialises a live mbarrier at " + frame.block.shared.describe(address));
    uint32_t count = frame.reg<uint32_t>(instr.b)[lane];
    frame.block.mbarriers.push_back(
        {.address = address, .count = count, .pending = count, .thread = frame.thread(lane)});
  }
  return Next::Continue;
}

Next mbarrierInvalidate(Frame &frame, const Instr &instr) {
  MBarrier *barrier = barrierOf(frame, instr, frame.firstLane());
  if (!barrier)
    return Next::Fault;
  frame.block.mbarriers.erase(frame.block.mbarriers.begin() +
                              (barrier - frame.block.mbarriers.data()));
  return Next::Continue;
}

Next mbarrierArrive(Frame &frame, const Instr &instr) {
  for (uint32_t mask = frame.mask; mask; mask &= mask - 1) {
    auto lane = unsigned(__builtin_ctz(mask));
    MBarrier *barrier = barrierOf(frame, instr, lane);
    uint32_t count = instr.b == kNoReg ? 1 : frame.reg<uint32_t>(instr.b)[lane];
    if (!barrier || !arriveAt(frame, instr, *barrier, count, lane))
      return Next::Fault;
  }
  return Next::Continue;
}

Next mbarrierExpect(Frame &frame, const Instr &instr) {
  for (uint32_t mask = frame.mask; mask; mask &= mask - 1) {
    auto lane = unsigned(__builtin_ctz(mask));
    MBarrier *barrier = barrierOf(frame, instr, lane);
    if (!barrier)
      return Next::Fault;
    barrier->bytes += frame.reg<uint32_t>(instr.b)[lane];
    if (instr.extra && !arriveAt(frame, instr, *barrier, 1, lane))
      return Next::Fault;
  }
  return Next::Continue;
}

/// Lanes may wait for different barriers: those whose phase has not ended keep the others.
Next mbarrierWait(Frame &frame, const Instr &instr) {
  for (uint32_t mask = frame.mask; mask; mask &= mask - 1) {
    auto lane = unsigned(__builtin_ctz(mask));
    MBarrier *barrier = barrierOf(frame, instr, lane);
    if (!barrier)
      return Next::Fault;
    if (barrier->parity == (frame.reg<uint32_t>(instr.b)[lane] & 1))
      return frame.wait();
  }
  forLanes(frame.mask, [&](unsigned lane) {
    if (MBarrier *barrier = findMBarrier(frame.block, addressOf(frame, instr, lane)))
      frame.block.races.acquire(frame.warp.index, barrier->ended);
  });
  return Next::Continue;
}

/// try_wait may give up early, but a wait that never ends would hide a deadlock: so it blocks.
Next mbarrierTest(Frame &frame, const Instr &instr) {
  if (Next next = mbarrierWait(frame, instr); next != Next::Continue)
    return next;
  forLanes(frame.mask, [&](unsigned lane) { frame.reg<uint32_t>(instr.dst)[lane] = 1; });
  return Next::Continue;
}

Next mbarrierInitFence(Frame &frame, const Instr &) {
  for (MBarrier &barrier : frame.block.mbarriers)
    forLanes(frame.mask, [&](unsigned lane) {
      barrier.fenced = barrier.fenced || barrier.thread == frame.thread(lane);
    });
  return Next::Continue;
}

Next proxyFence(Frame &frame, const Instr &instr) {
  mbarrierInitFence(frame, instr);
  forLanes(frame.mask, [&](unsigned lane) { frame.block.shared.proxyFence(frame.thread(lane)); });
  return Next::Continue;
}

} // namespace swamla::emulator
