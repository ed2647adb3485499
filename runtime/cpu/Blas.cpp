//===- Blas.cpp - matrix multiplication by oneDNN -------------------------===//
//
// oneDNN rather than OpenBLAS: on 2 cores with AVX-512, at the shapes of the
// tiny and small models, 200 to 232 GFLOP/s against 186 to 207. A call without
// a cached primitive costs about 2 us, so none is kept.
//
//===----------------------------------------------------------------------===//
#include "runtime/cpu/Blas.h"

#include <algorithm>
#include <dnnl.h>

// oneDNN runs on OpenMP; one thread each, since the blocks are shared out by the team.
extern "C" void omp_set_num_threads(int threads); // NOLINT(readability-identifier-naming)

namespace swamla {

namespace {
/// Multiples of the microkernel's tile (AVX-512: 48 columns, 8 rows of a row-major C).
constexpr int64_t kTileM = 32, kTileN = 96;
/// Blocks that a matmul is cut into if it is large enough: shares for several threads, with some
/// left over to even out.
constexpr int64_t kWantedBlocks = 16;
/// Least multiply-adds of a block: half a millisecond or so, against which packing is small.
constexpr int64_t kLeastWork = int64_t(1) << 24;

int64_t divideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t halfOf(int64_t size, int64_t tile) { return divideUp(divideUp(size, 2), tile) * tile; }

Status toStatus(dnnl_status_t status) {
  switch (status) {
  case dnnl_success:
    return Status::ok();
  case dnnl_out_of_memory:
    return resourceExhausted("oneDNN ran out of memory in a matmul");
  case dnnl_invalid_arguments:
    return internalError("oneDNN refuses the arguments of a matmul");
  default:
    return internalError(fmt::format("oneDNN failed in a matmul with status {}", int(status)));
  }
}
} // namespace

MatmulTask::MatmulTask(const MatmulCall &call) : call(call), blockM(call.m), blockN(call.n) {
  auto blocks = [&] { return divideUp(call.m, blockM) * divideUp(call.n, blockN); };
  // Each block packs its rows of A and columns of B anew, so the longer side is cut.
  while (blocks() < kWantedBlocks && blockM * blockN * call.k / 2 >= kLeastWork) {
    int64_t lessM = halfOf(blockM, kTileM), lessN = halfOf(blockN, kTileN);
    if (lessM < blockM && (blockM >= blockN || lessN >= blockN))
      blockM = lessM;
    else if (lessN < blockN)
      blockN = lessN;
    else
      break;
  }
  blockRows = divideUp(call.m, blockM);
  blockColumns = divideUp(call.n, blockN);
}

int MatmulTask::runBlock(int64_t block) const {
  int64_t i = block / blockColumns * blockM, j = block % blockColumns * blockN;
  const float *a = call.a + (call.transposeA ? i : i * call.lda);
  const float *b = call.b + (call.transposeB ? j * call.ldb : j);
  return dnnl_sgemm(call.transposeA ? 'T' : 'N', call.transposeB ? 'T' : 'N',
                    std::min(blockM, call.m - i), std::min(blockN, call.n - j), call.k, 1.0F, a,
                    call.lda, b, call.ldb, call.accumulate ? 1.0F : 0.0F, call.c + i * call.ldc + j,
                    call.ldc);
}

void MatmulTask::run(void *const *views, int64_t begin, int64_t end, void * /*scratch*/) {
  auto &task = *static_cast<MatmulTask *>(views[0]);
  omp_set_num_threads(1); // of this thread only
  for (int64_t block = begin; block < end; ++block)
    if (int status = task.runBlock(block))
      task.failure.store(status, std::memory_order_relaxed);
}

Status MatmulTask::takeStatus() {
  return toStatus(dnnl_status_t(failure.exchange(0, std::memory_order_relaxed)));
}

std::string describeBlas() {
  const dnnl_version_t *version = dnnl_version();
  return fmt::format("oneDNN {}.{}.{}", version->major, version->minor, version->patch);
}

} // namespace swamla
