//===- ThreadTeam.h - work shared between threads -------------------------===//
//
// One team runs everything: kernels and the blocks of matmuls alike. Work is
// taken, not assigned: a thread that the system has put aside holds up at most
// the piece that it has begun, so a busy machine costs its share of the cores
// and no more. (A barrier of OpenMP waits for every thread to be given a core
// again: on two cores with one other busy process, steps took five times as
// long.)
//
// Between launches workers spin for some 50 us, then sleep.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

namespace swamla {

/// Work on units [begin, end). The type of every kernel: `views` are its base addresses.
using UnitFunction = void (*)(void *const *views, int64_t begin, int64_t end, void *scratch);

class ThreadTeam {
public:
  /// The calling thread is one of `threads`; the others are started here and joined at the end.
  explicit ThreadTeam(unsigned threads);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam &) = delete;
  ThreadTeam &operator=(const ThreadTeam &) = delete;

  unsigned size() const { return threads; }
  /// Hands out scratch memory: thread i gets base + i * stride.
  void setScratch(std::byte *base, uint64_t stride);
  /// Calls `function` on disjoint ranges that cover [0, units), and returns when all are done. Each
  /// thread works through its own share first, in chunks, then helps the others with theirs. One
  /// caller at a time.
  void run(UnitFunction function, void *const *views, int64_t units);

private:
  /// What is left of one thread's share. A cache line of its own.
  struct alignas(64) Share {
    std::atomic<int64_t> next = 0;
    int64_t end = 0;
  };
  /// What is being run. Written only while `open` is false and no worker is active.
  struct Job {
    UnitFunction function = nullptr;
    void *const *views = nullptr;
    int64_t chunk = 1;
  };
  void worker(unsigned self);
  void work(unsigned self);
  void waitForWorkers();

  unsigned threads;
  std::unique_ptr<Share[]> shares;
  std::byte *scratch = nullptr;
  uint64_t scratchStride = 0;
  Job job;
  alignas(64) std::atomic<uint32_t> launches = 0; ///< counts runs; workers wait for it to change
  std::atomic<bool> open = false;                 ///< whether workers may join the job
  std::atomic<bool> stopping = false;
  alignas(64) std::atomic<uint32_t> active = 0; ///< workers that have joined or are about to look
  std::vector<std::thread> workers;
};

} // namespace swamla
