//===- Machine.h - blocks, warps and lanes of an emulated launch ----------===//
//
// A warp executes its 32 lanes together where they agree on the way: a Strand is
// the lanes that are at one place. Strands split at branches and merge where
// they meet; instructions that need several lanes (shuffles, wgmma) wait until
// those are in one strand. Warps and blocks run in any order that the
// instructions allow, and everything asynchronous happens at any time that is
// allowed: a seed chooses.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Emulator/Machine/Memory.h"
#include "compiler/Emulator/Machine/Program.h"
#include "compiler/Emulator/Machine/RaceDetector.h"

#include <deque>
#include <memory>
#include <optional>
#include <random>

namespace swamla::emulator {

struct Block;
struct Machine;

/// Lanes of a warp that are at the same place.
struct Strand {
  uint32_t mask = 0;
  uint32_t pc = 0;
  bool blocked = false;
  bool converging = false; ///< blocked until other lanes of the warp are at the same place
  bool arrived = false;    ///< at a barrier; `token` is the barrier's generation then
  uint64_t token = 0;
  uint64_t blockedAt = 0; ///< Block::events when it was last tried
};

/// A warp's part (16 rows) of a wgmma.mma_async that has been issued.
struct PendingWgmma {
  const Instr *instr;
  uint32_t result; ///< which WgmmaResult it adds to
  bool accumulate;
  uint64_t descriptorA, descriptorB;
  std::vector<uint32_t> registersA; ///< [4][32], where A comes from registers
  Clock issued;                     ///< the warp's clock then
};

/// The accumulator of a wgmma while it is in flight. Its registers hold tags until they are waited
/// for: signalling NaNs, which name this result and the register.
struct WgmmaResult {
  uint32_t id = ~0U;
  std::vector<float> values; ///< [n / 2][32]
};

/// A copy that a lane has asked for with cp.async, or a bulk store; groups are counted by each
/// lane.
struct PendingCopy {
  const Instr *instr;
  uint64_t to, from; ///< shared and global address, or the other way round
  uint32_t bytes;
  std::vector<int32_t> coordinates; ///< of a tensor store
  std::vector<std::byte> source;    ///< of a bulk store: what has been read
  bool read = false;
  Clock issued = {}; ///< the warp's clock then
};
struct CopyGroups {
  std::vector<PendingCopy> open;
  std::deque<std::vector<PendingCopy>> committed;
};

struct Warp {
  unsigned index = 0;
  std::vector<std::byte> regs;
  std::vector<Strand> strands;
  uint32_t exited = 0;

  std::vector<PendingWgmma> openWgmmas;
  std::deque<std::vector<PendingWgmma>> wgmmaGroups;
  std::vector<WgmmaResult> wgmmaResults;
  uint32_t nextWgmmaResult = 0;
  uint64_t wgmmaHistory = 0; ///< a hash of all that were issued: equal in the four warps of a group

  std::array<CopyGroups, kLanes> asyncCopies, bulkStores;
};

/// An mbarrier object in shared memory.
struct MBarrier {
  uint64_t address;
  uint32_t count;   ///< arrivals of a phase
  uint32_t pending; ///< of the current one
  int64_t bytes = 0;
  unsigned parity = 0; ///< of the current phase
  unsigned thread = 0; ///< that has initialised it
  bool fenced = false; ///< ... and then let asynchronous work know
  /// What those that have arrived in the current phase, and before it, have done.
  Clock arriving = {}, ended = {};
};

struct NamedBarrier {
  uint32_t arrived = 0, expected = 0;
  uint64_t generation = 0;
  Clock arriving = {}, ended = {}; ///< as of an MBarrier
};

/// A load of the tensor memory accelerator that has not landed.
struct PendingLoad {
  const Instr *instr;
  unsigned thread;
  uint32_t map; ///< ~0: a plain copy of `bytes` from `from`
  std::vector<int32_t> coordinates;
  uint64_t to, from = 0, barrier;
  uint32_t bytes;
  Clock issued; ///< the warp's clock then
};

/// One thread block.
struct Block {
  Block(const Program &program, std::array<uint32_t, 3> index);

  std::array<uint32_t, 3> index;
  SharedMemory shared;
  RaceDetector races;
  std::vector<Warp> warps;
  std::array<NamedBarrier, 16> barriers;
  std::vector<MBarrier> mbarriers;
  std::vector<PendingLoad> loads;
  uint64_t events = 0; ///< counts what may unblock a strand
  uint32_t aliveThreads;
};

/// How a launch is scheduled.
struct Schedule {
  uint64_t seed = 0;
  /// Random order of blocks and warps, asynchronous work as late or as early as allowed; else
  /// blocks and warps in order, asynchronous work at the last moment.
  bool adversarial = false;
  uint64_t firstBlocks = 0; ///< only these are run; 0: all
};

/// A launch.
struct Machine {
  Machine(const Program &program, GlobalMemory memory, const Schedule &schedule);

  /// Runs all blocks. False: `fault` says why.
  bool run();

  const Program &program;
  GlobalMemory global;
  std::string fault;
  uint64_t executed = 0; ///< warp instructions

  // Used by the instructions.
  std::mt19937_64 random;
  bool adversarial;
  bool flip(double probability) {
    return adversarial && std::uniform_real_distribution<>()(random) < probability;
  }
  /// A fault of an instruction; names kernel, op, block and thread.
  void fail(const Block &block, unsigned thread, const Instr &instr, const std::string &message);

private:
  std::unique_ptr<Block> makeBlock(uint64_t number) const;
  bool step(Block &block);
  Next runWarp(Block &block, Warp &warp, uint64_t quantum);
  Next runStrand(Frame &frame, uint64_t &quantum);
  bool progress(Block &block, bool mustProgress);
  bool finish(Block &block);
  void reportDeadlock(const std::vector<std::unique_ptr<Block>> &blocks);

  uint64_t firstBlocks;
  double earlyWgmma = 0, earlyLoad = 0; ///< chances that something lands before it must
  unsigned nextWarp = 0;
};

/// What an instruction sees: one strand and the lanes that execute it.
struct Frame {
  Machine &machine;
  Block &block;
  Warp &warp;
  size_t strandIndex;
  uint32_t mask; ///< lanes that execute
  std::byte *regs;

  Strand &strand() const { return warp.strands[strandIndex]; }
  template <typename T> T *reg(Reg reg) const { return reinterpret_cast<T *>(regs + reg); }
  const Reg *list(const Instr &instr) const {
    return machine.program.lists.data() + instr.listBegin;
  }
  bool full() const { return mask == ~0U; }
  unsigned thread(unsigned lane) const { return warp.index * kLanes + lane; }
  unsigned firstLane() const { return unsigned(__builtin_ctz(mask)); }

  /// Fails the launch on behalf of a lane.
  Next fail(const Instr &instr, unsigned lane, const std::string &message) {
    machine.fail(block, thread(lane), instr, message);
    return Next::Fault;
  }
  /// Whether all lanes of `needed` are in this strand, which the instruction needs. Continue: they
  /// are; otherwise to be returned.
  Next converge(const Instr &instr, uint32_t needed);
  /// Blocks the strand until something happens in the block.
  Next wait() {
    strand().blocked = true;
    strand().blockedAt = block.events;
    return Next::Block;
  }
};

/// Fails the launch if the race detector has found something wrong. True: it has not.
inline bool isRaceFree(Machine &machine, const Block &block, unsigned thread, const Instr &instr,
                       uint64_t address, const std::string &race) {
  if (!race.empty())
    machine.fail(block, thread, instr, block.shared.describe(address) + ": " + race);
  return race.empty();
}

/// Calls `body(lane)` for each lane of a mask.
template <typename Body> void forLanes(uint32_t mask, Body body) {
  for (; mask; mask &= mask - 1)
    body(unsigned(__builtin_ctz(mask)));
}

/// The mbarrier at an address of shared memory, or null.
MBarrier *findMBarrier(Block &block, uint64_t address);
/// Starts the next phase if all arrivals and bytes of the current one are there.
void completePhaseIfDone(Block &block, MBarrier &barrier);
/// Runs the oldest group of a warp's wgmmas. False: fault.
bool runWgmmaGroup(Machine &machine, Block &block, Warp &warp);
/// Lands a load of the tensor memory accelerator, completing its bytes on its barrier. False:
/// fault.
bool landLoad(Machine &machine, Block &block, const PendingLoad &load);
/// Writes what is left of a lane's bulk stores: at the end of a thread. False: fault.
bool finishBulkStores(Machine &machine, Block &block, Warp &warp, unsigned lane);

} // namespace swamla::emulator
