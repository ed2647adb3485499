//===- Machine.cpp - the order in which blocks and warps run --------------===//
#include "compiler/Emulator/Machine/Machine.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace swamla::emulator {

namespace {
constexpr uint64_t kInstructionLimit = 2'000'000'000;
/// Blocks that are on the machine at a time, and instructions of one turn of a warp.
constexpr size_t kResidentBlocks = 3;
constexpr uint64_t kTurn = 20000;

bool isReady(const Block &block, const Strand &strand) {
  return !strand.blocked || strand.blockedAt != block.events;
}
} // namespace

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

/// Bytes of the smallest access to shared memory.
static unsigned smallestSharedAccess(const Program &program) {
  unsigned bytes = 4;
  for (const Access &access : program.accesses)
    if (access.space != Access::Space::Global)
      bytes = std::min<unsigned>(bytes, access.bytes);
  return bytes;
}

Block::Block(const Program &program, std::array<uint32_t, 3> index)
    : index(index), shared(program.sharedBytes, program.block),
      races(program.sharedBytes, (program.block + kLanes - 1) / kLanes,
            smallestSharedAccess(program)),
      aliveThreads(program.block) {
  warps.resize((program.block + kLanes - 1) / kLanes);
  for (unsigned i = 0; i < warps.size(); ++i) {
    Warp &warp = warps[i];
    unsigned threads = std::min(kLanes, program.block - i * kLanes);
    warp.index = i;
    warp.exited = threads == kLanes ? 0 : ~0U << threads;
    warp.strands.push_back({.mask = ~warp.exited});
    warp.regs.assign(program.registerBytes, std::byte(0xFF));
    for (const Program::Constant &constant : program.constants)
      for (unsigned lane = 0; lane < kLanes; ++lane)
        std::memcpy(&warp.regs[constant.reg + size_t(lane) * constant.bytes], &constant.bits,
                    constant.bytes);
  }
}

Machine::Machine(const Program &program, GlobalMemory memory, const Schedule &schedule)
    : program(program), global(std::move(memory)), random(schedule.seed),
      adversarial(schedule.adversarial), firstBlocks(schedule.firstBlocks) {
  if (!adversarial)
    return;
  // Some launches let everything land late, some early, most in between.
  std::uniform_real_distribution<> chance(-0.3, 1);
  earlyWgmma = std::max(0.0, chance(random)) * 0.2;
  earlyLoad = std::max(0.0, chance(random)) * 0.5;
}

std::unique_ptr<Block> Machine::makeBlock(uint64_t number) const {
  const auto &grid = program.grid;
  auto block = std::make_unique<Block>(
      program,
      std::array<uint32_t, 3>{uint32_t(number % grid[0]), uint32_t(number / grid[0] % grid[1]),
                              uint32_t(number / grid[0] / grid[1])});
  auto set = [&](Reg reg, uint64_t value) {
    for (Warp &warp : block->warps)
      std::fill_n(reinterpret_cast<uint64_t *>(&warp.regs[reg]), kLanes, value);
  };
  size_t memories = program.numViews + (program.scratchBytes ? 1 : 0);
  for (size_t i = 0; i < program.params.size(); ++i)
    set(program.params[i],
        i < memories ? global.address(unsigned(i)) : kTensorMapWindow + (i - memories));
  return block;
}

bool Machine::run() {
  uint64_t blocks = uint64_t(program.grid[0]) * program.grid[1] * program.grid[2];
  std::vector<uint64_t> order(firstBlocks ? std::min(firstBlocks, blocks) : blocks);
  std::iota(order.begin(), order.end(), 0);
  if (adversarial)
    std::shuffle(order.begin(), order.end(), random);
  std::vector<std::unique_ptr<Block>> resident;
  size_t next = 0, stuck = 0;
  while (fault.empty()) {
    while (next < order.size() && resident.size() < (adversarial ? kResidentBlocks : 1))
      resident.push_back(makeBlock(order[next++]));
    if (resident.empty())
      return true;
    size_t which = adversarial ? random() % resident.size() : 0;
    if (stuck)
      which = stuck - 1; // nothing random about looking for one that moves
    Block &block = *resident[which];
    if (step(block) || progress(block, true)) {
      stuck = 0;
      if (block.aliveThreads == 0 && finish(block))
        resident.erase(resident.begin() + int64_t(which));
    } else if (++stuck > resident.size()) {
      reportDeadlock(resident);
    }
    if (executed > kInstructionLimit && fault.empty())
      fault = program.name + ": has not ended after " + std::to_string(executed) +
              " warp instructions: an endless loop?";
  }
  return false;
}

/// The end of a block: nothing may be in flight.
bool Machine::finish(Block &block) {
  auto complain = [&](const std::string &what) {
    fault = program.name + ": block (" + std::to_string(block.index[0]) + ", " +
            std::to_string(block.index[1]) + ", " + std::to_string(block.index[2]) + ") " + what;
    return false;
  };
  if (!block.loads.empty())
    return complain("has ended with " + std::to_string(block.loads.size()) +
                    " bulk loads into its shared memory in flight");
  for (Warp &warp : block.warps) {
    if (!warp.wgmmaGroups.empty() || !warp.openWgmmas.empty())
      return complain("has ended with wgmmas in flight; they must be waited for");
    if (warp.wgmmaHistory != block.warps[warp.index / 4 * 4].wgmmaHistory)
      return complain("issued different wgmmas in warps " + std::to_string(warp.index / 4 * 4) +
                      " and " + std::to_string(warp.index) + " of one warpgroup");
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Turns
//===----------------------------------------------------------------------===//

/// One turn of one warp of the block. False: none can run.
bool Machine::step(Block &block) {
  if (adversarial && progress(block, false) && !fault.empty())
    return true;
  std::vector<unsigned> ready;
  for (const Warp &warp : block.warps)
    if (std::any_of(warp.strands.begin(), warp.strands.end(),
                    [&](const Strand &strand) { return isReady(block, strand); }))
      ready.push_back(warp.index);
  if (ready.empty())
    return false;
  Warp &warp =
      block.warps[ready[adversarial ? random() % ready.size() : nextWarp++ % ready.size()]];
  uint64_t before = block.events, count = executed;
  Next next = runWarp(block, warp, adversarial ? 1 + random() % kTurn : kTurn);
  return next != Next::Block || block.events != before || executed != count;
}

/// Merges strands that are at the same place, and chooses one that is ready. Lowest place first,
/// so that lanes meet again after a branch. Returns the number of strands if none is ready.
static size_t chooseStrand(Machine &machine, Block &block, Warp &warp) {
  auto &strands = warp.strands;
  if (strands.size() == 1)
    return isReady(block, strands[0]) ? 0 : 1;
  for (size_t i = 0; i < strands.size(); ++i)
    for (size_t j = strands.size(); --j > i;)
      if (!strands[i].blocked && !strands[j].blocked && strands[i].pc == strands[j].pc) {
        strands[i].mask |= strands[j].mask;
        strands.erase(strands.begin() + int64_t(j));
      }
  size_t best = strands.size(), ready = 0;
  bool any = machine.flip(0.1);
  for (size_t i = 0; i < strands.size(); ++i)
    if (isReady(block, strands[i])) {
      ++ready;
      if (best == strands.size() ||
          (any ? machine.random() % ready == 0 : strands[i].pc < strands[best].pc))
        best = i;
    }
  return best;
}

Next Machine::runWarp(Block &block, Warp &warp, uint64_t quantum) {
  Next next = Next::Block;
  while (quantum && !warp.strands.empty()) {
    size_t index = chooseStrand(*this, block, warp);
    if (index == warp.strands.size())
      return next;
    Frame frame{*this, block, warp, index, 0, warp.regs.data()};
    warp.strands[index].blocked = false;
    next = runStrand(frame, quantum);
    if (next == Next::Fault)
      return next;
  }
  return Next::Continue;
}

/// Lanes of a mask where a register, or its negation, is set.
static uint32_t predicate(const Frame &frame, const Instr &instr, uint32_t mask) {
  const auto *values = frame.reg<uint32_t>(instr.pred);
  uint32_t set = 0;
  for (unsigned lane = 0; lane < kLanes; ++lane)
    set |= uint32_t((values[lane] & 1) != uint32_t(instr.negated)) << lane;
  return set & mask;
}

Next Machine::runStrand(Frame &frame, uint64_t &quantum) {
  const Instr *code = program.code.data();
  for (; quantum; --quantum) {
    Strand &strand = frame.strand();
    const Instr &instr = code[strand.pc];
    frame.mask = strand.mask;
    if (instr.pred != kNoReg) {
      frame.mask = predicate(frame, instr, strand.mask);
      if (!frame.mask) {
        ++strand.pc;
        continue;
      }
    }
    ++executed;
    Next next = instr.run(frame, instr);
    if (next == Next::Continue)
      ++frame.strand().pc;
    else if (next != Next::Jump || frame.warp.strands.size() > 1)
      return next;
  }
  return Next::Continue;
}

Next Frame::converge(const Instr &instr, uint32_t needed) {
  if (needed & warp.exited)
    return fail(instr, unsigned(__builtin_ctz(needed & warp.exited)),
                "is waited for by other lanes of its warp, but has returned");
  auto &strands = warp.strands;
  for (size_t i = strands.size(); i-- > 0 && (strand().mask & needed) != needed;)
    if (i != strandIndex && strands[i].converging && strands[i].pc == strand().pc) {
      strand().mask |= strands[i].mask;
      strands.erase(strands.begin() + int64_t(i));
      strandIndex -= i < strandIndex;
    }
  strand().converging = (strand().mask & needed) != needed;
  mask = strand().mask;
  return strand().converging ? wait() : Next::Continue;
}

//===----------------------------------------------------------------------===//
// Asynchronous work
//===----------------------------------------------------------------------===//

/// Lets asynchronous work land: because it may, or (`mustProgress`) because nothing else moves.
bool Machine::progress(Block &block, bool mustProgress) {
  bool moved = false;
  if (!block.loads.empty() && (mustProgress || flip(earlyLoad))) {
    size_t which = adversarial ? random() % block.loads.size() : 0;
    PendingLoad load = std::move(block.loads[which]);
    block.loads.erase(block.loads.begin() + int64_t(which));
    moved = true;
    if (!landLoad(*this, block, load))
      return true;
  }
  if (!mustProgress && flip(earlyWgmma)) {
    Warp &warp = block.warps[random() % block.warps.size()];
    if (!warp.wgmmaGroups.empty()) {
      moved = true;
      runWgmmaGroup(*this, block, warp);
    }
  }
  return moved;
}

//===----------------------------------------------------------------------===//
// Messages
//===----------------------------------------------------------------------===//

void Machine::fail(const Block &block, unsigned thread, const Instr &instr,
                   const std::string &message) {
  if (!fault.empty())
    return;
  fault = program.name + ": block (" + std::to_string(block.index[0]) + ", " +
          std::to_string(block.index[1]) + ", " + std::to_string(block.index[2]) + "), thread " +
          std::to_string(thread) + ": " + message + "\n  in: " + program.describe(instr.origin);
}

void Machine::reportDeadlock(const std::vector<std::unique_ptr<Block>> &blocks) {
  fault = program.name + ": deadlock: no thread can go on";
  for (const auto &block : blocks) {
    fault += "\n block (" + std::to_string(block->index[0]) + ", " +
             std::to_string(block->index[1]) + ", " + std::to_string(block->index[2]) + "):";
    std::map<uint32_t, std::pair<unsigned, std::string>> places;
    for (const Warp &warp : block->warps)
      for (const Strand &strand : warp.strands) {
        auto &[threads, warps] = places[strand.pc];
        threads += unsigned(__builtin_popcount(strand.mask));
        warps += (warps.empty() ? "" : ",") + std::to_string(warp.index);
      }
    for (const auto &[pc, where] : places)
      fault += "\n  " + std::to_string(where.first) + " threads of warps " + where.second +
               " wait at: " + program.describe(program.code[pc].origin);
    for (const MBarrier &barrier : block->mbarriers)
      fault += "\n  mbarrier at byte " + std::to_string(barrier.address - kSharedBase) +
               ": parity " + std::to_string(barrier.parity) + ", " +
               std::to_string(barrier.pending) + " of " + std::to_string(barrier.count) +
               " arrivals and " + std::to_string(barrier.bytes) + " bytes outstanding";
  }
}

} // namespace swamla::emulator
