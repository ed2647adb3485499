//===- RaceDetector.h - what orders accesses to shared memory -------------===//
//
// Two accesses to a place in shared memory, one of them a write, must be ordered:
// by a barrier, an mbarrier, or a wait for asynchronous work. This keeps a vector
// clock for each warp, and for its asynchronous work (tensor copies, wgmma) another,
// and finds every pair that nothing orders, whatever the schedule happened to be.
// Lanes of a warp count as one: they are not checked against each other.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace swamla::emulator {

/// For each agent (warps, then their asynchronous work): up to which of its events things are
/// known.
using Clock = std::vector<uint32_t>;

class RaceDetector {
public:
  /// `unit`: bytes of the smallest access.
  RaceDetector(uint32_t sharedBytes, unsigned warps, unsigned unit);

  // Order.
  const Clock &now(unsigned warp) const { return clocks[warp]; }
  /// What the warp has done is known to whoever acquires `into`.
  void release(unsigned warp, Clock &into);
  void acquire(unsigned warp, const Clock &from);
  /// The warp's asynchronous work has been waited for.
  void acquireAsync(unsigned warp);
  /// Asynchronous work of a warp that began at `issued` is known to whoever acquires `into`.
  void releaseAsync(unsigned warp, const Clock &issued, Clock &into);

  // Accesses to bytes [offset, offset + bytes) of shared memory. The answer says what is wrong, if
  // anything is.
  std::string read(uint64_t offset, uint64_t bytes, unsigned warp) {
    return access(offset, bytes, warp, false, clocks[warp]);
  }
  std::string write(uint64_t offset, uint64_t bytes, unsigned warp) {
    return access(offset, bytes, warp, true, clocks[warp]);
  }
  /// By asynchronous work that began at `issued`.
  std::string readAsync(uint64_t offset, uint64_t bytes, unsigned warp, const Clock &issued);
  std::string writeAsync(uint64_t offset, uint64_t bytes, unsigned warp, const Clock &issued);

private:
  std::string access(uint64_t offset, uint64_t bytes, unsigned agent, bool isWrite,
                     const Clock &known);
  std::string conflict(unsigned agent, bool isWrite) const;

  unsigned warps, unit;
  std::vector<Clock> clocks;         ///< of each warp
  std::vector<uint32_t> asyncEvents; ///< events of its asynchronous work so far
  struct Write {
    uint32_t agent = 0, event = 0;
  };
  std::vector<Write> writes;   ///< the last one of each unit
  std::vector<uint32_t> reads; ///< of each unit: the last one of each agent
};

} // namespace swamla::emulator
