//===- ThreadTeam.h - work shared between threads -------------------------===//
//
// The threads are libgomp's, entered through the function that compilers emit
// for `#pragma omp parallel`. oneDNN runs on the same ones: a pool of our own
// beside it would have two sets of spinning threads fight for the cores.
//
// Entering the team takes about 0.6 us with 2 threads. Between launches the
// threads spin for about a millisecond before they sleep; OMP_WAIT_POLICY and
// GOMP_SPINCOUNT change that and are left to the user.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace swamla {

/// Work on units [begin, end). The type of every kernel: `views` are its base addresses.
using UnitFunction = void (*)(void *const *views, int64_t begin, int64_t end, void *scratch);

class ThreadTeam {
public:
  /// `scratchBytes` for each thread, from `scratch`, which has size() * scratchStride() bytes.
  explicit ThreadTeam(unsigned threads);

  unsigned size() const { return threads; }
  /// Hands out scratch memory: thread i gets base + i * stride.
  void setScratch(std::byte *base, uint64_t stride);
  /// Makes the OpenMP regions that this thread enters, oneDNN's, use size() threads.
  void bindLibraries() const;
  /// Calls `function` on disjoint ranges that cover [0, units), and returns when all are done. Each
  /// thread works through its own share first, in chunks, then helps the others with theirs.
  void run(UnitFunction function, void *const *views, int64_t units);

private:
  /// What is left of one thread's share. A cache line of its own.
  struct alignas(64) Share {
    std::atomic<int64_t> next = 0;
    int64_t end = 0;
  };
  struct Job {
    ThreadTeam *team;
    UnitFunction function;
    void *const *views;
    int64_t chunk;
  };
  static void work(void *job);

  unsigned threads;
  std::unique_ptr<Share[]> shares;
  std::byte *scratch = nullptr;
  uint64_t scratchStride = 0;
};

} // namespace swamla
