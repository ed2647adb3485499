//===- ThreadTeam.cpp - work shared between threads -----------------------===//
#include "runtime/cpu/ThreadTeam.h"

#include <algorithm>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace swamla {

namespace {
/// Chunks of a thread's share: enough to even out unequal units, few enough to cost nothing.
constexpr int64_t kChunksPerShare = 8;
/// Looks before sleeping; about 50 us at some 40 ns a pause.
constexpr int kSpins = 1200;

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#else
  std::this_thread::yield();
#endif
}

/// Waits until `value` is not `old`, spinning first.
void waitForChange(const std::atomic<uint32_t> &value, uint32_t old) {
  for (int i = 0; i < kSpins; ++i) {
    if (value.load(std::memory_order_acquire) != old)
      return;
    pause();
  }
  value.wait(old, std::memory_order_acquire);
}
} // namespace

ThreadTeam::ThreadTeam(unsigned threads)
    : threads(threads), shares(std::make_unique<Share[]>(threads)) {
  workers.reserve(threads - 1);
  for (unsigned i = 1; i < threads; ++i)
    workers.emplace_back([this, i] { worker(i); });
}

ThreadTeam::~ThreadTeam() {
  stopping.store(true);
  launches.fetch_add(1);
  launches.notify_all();
  for (std::thread &thread : workers)
    thread.join();
}

void ThreadTeam::setScratch(std::byte *base, uint64_t stride) {
  scratch = base;
  scratchStride = stride;
}

void ThreadTeam::work(unsigned self) {
  std::byte *own = scratch + self * scratchStride;
  for (unsigned i = 0; i < threads; ++i) {
    Share &share = shares[(self + i) % threads];
    // Looking before taking keeps the finished shares' lines shared.
    while (share.next.load(std::memory_order_relaxed) < share.end) {
      int64_t begin = share.next.fetch_add(job.chunk, std::memory_order_relaxed);
      if (begin >= share.end)
        break;
      job.function(job.views, begin, std::min(begin + job.chunk, share.end), own);
    }
  }
}

// A worker first says that it looks (active), then looks (open). The caller first closes the job,
// then waits until nobody is active. Both in one total order: either the worker sees the job
// closed and leaves it alone, or the caller sees the worker and waits for it.
void ThreadTeam::worker(unsigned self) {
  uint32_t seen = 0;
  while (true) {
    waitForChange(launches, seen);
    seen = launches.load();
    if (stopping.load())
      return;
    active.fetch_add(1);
    if (open.load())
      work(self);
    if (active.fetch_sub(1) == 1)
      active.notify_all();
  }
}

void ThreadTeam::waitForWorkers() {
  for (uint32_t count = active.load(); count != 0; count = active.load())
    waitForChange(active, count);
}

void ThreadTeam::run(UnitFunction function, void *const *views, int64_t units) {
  if (threads == 1 || units == 1) {
    function(views, 0, units, scratch);
    return;
  }
  int64_t each = units / threads, extra = units % threads, begin = 0;
  for (unsigned i = 0; i < threads; ++i) {
    int64_t end = begin + each + (i < extra ? 1 : 0);
    shares[i].next.store(begin, std::memory_order_relaxed);
    shares[i].end = end;
    begin = end;
  }
  job = {function, views, std::max<int64_t>(1, each / kChunksPerShare)};
  open.store(true);
  launches.fetch_add(1);
  launches.notify_all();
  work(0);
  open.store(false);
  waitForWorkers();
}

} // namespace swamla
