//===- ThreadTeam.cpp - work shared between threads -----------------------===//
#include "runtime/cpu/ThreadTeam.h"

#include <algorithm>

// libgomp's interface: the first is its ABI for compiled parallel regions, the others are OpenMP.
// NOLINTBEGIN(readability-identifier-naming)
extern "C" {
void GOMP_parallel(void (*function)(void *), void *data, unsigned threads, unsigned flags);
int omp_get_thread_num(void);
void omp_set_num_threads(int threads);
}
// NOLINTEND(readability-identifier-naming)

namespace swamla {

namespace {
/// Chunks of a thread's share: enough to even out unequal units, few enough to cost nothing.
constexpr int64_t kChunksPerShare = 8;
} // namespace

ThreadTeam::ThreadTeam(unsigned threads)
    : threads(threads), shares(std::make_unique<Share[]>(threads)) {}

void ThreadTeam::setScratch(std::byte *base, uint64_t stride) {
  scratch = base;
  scratchStride = stride;
}

void ThreadTeam::bindLibraries() const { omp_set_num_threads(int(threads)); }

void ThreadTeam::work(void *data) {
  Job &job = *static_cast<Job *>(data);
  ThreadTeam &team = *job.team;
  unsigned self = unsigned(omp_get_thread_num());
  std::byte *scratch = team.scratch + self * team.scratchStride;
  for (unsigned i = 0; i < team.threads; ++i) {
    Share &share = team.shares[(self + i) % team.threads];
    // Looking before taking keeps the finished shares' lines shared.
    while (share.next.load(std::memory_order_relaxed) < share.end) {
      int64_t begin = share.next.fetch_add(job.chunk, std::memory_order_relaxed);
      if (begin >= share.end)
        break;
      job.function(job.views, begin, std::min(begin + job.chunk, share.end), scratch);
    }
  }
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
  Job job{this, function, views, std::max<int64_t>(1, each / kChunksPerShare)};
  GOMP_parallel(work, &job, threads, 0);
}

} // namespace swamla
