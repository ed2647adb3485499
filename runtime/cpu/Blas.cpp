//===- Blas.cpp - matrix multiplication by oneDNN -------------------------===//
//
// oneDNN rather than OpenBLAS: on 2 cores with AVX-512, at the shapes of the
// tiny and small models, 200 to 232 GFLOP/s against 186 to 207. A call without
// a cached primitive costs about 2 us, so none is kept.
//
//===----------------------------------------------------------------------===//
#include "runtime/cpu/Blas.h"

#include "runtime/base/Bf16.h"
#include "runtime/cpu/BlasLibrary.h"

#include <algorithm>

namespace swamla {

namespace {
/// Multiples of the microkernel's tile (AVX-512: 48 columns, 8 rows of a row-major C).
constexpr int64_t kTileM = 32, kTileN = 96;
/// Blocks that a matmul is cut into if it is large enough: shares for several threads, with some
/// left over to even out.
constexpr int64_t kWantedBlocks = 16;
/// Least multiply-adds of a block: half a millisecond or so, against which packing is small.
constexpr int64_t kLeastWork = int64_t(1) << 24;

/// Products that are summed up in one call of the library where A and B are widened first: panels
/// that stay in the second-level cache.
constexpr int64_t kPanel = 512;

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

MatmulTask::Block MatmulTask::blockAt(int64_t index) const {
  int64_t i = index / blockColumns * blockM, j = index % blockColumns * blockN;
  return {i, j, std::min(blockM, call.m - i), std::min(blockN, call.n - j)};
}

int MatmulTask::runBlock(const Block &block) const {
  auto [i, j, rows, columns] = block;
  const float *a = static_cast<const float *>(call.a) + (call.transposeA ? i : i * call.lda);
  const float *b = static_cast<const float *>(call.b) + (call.transposeB ? j * call.ldb : j);
  float *c = static_cast<float *>(call.c) + i * call.ldc + j;
  return blas().sgemm(call.transposeA ? 'T' : 'N', call.transposeB ? 'T' : 'N', rows, columns,
                      call.k, 1.0F, a, call.lda, b, call.ldb, call.accumulate ? 1.0F : 0.0F, c,
                      call.ldc);
}

namespace {
/// Rows [row, row + rows) and columns [column, column + columns) of a matrix, dense, as f32.
void widen(const void *matrix, int64_t ld, int64_t row, int64_t rows, int64_t column,
           int64_t columns, float *to) {
  for (int64_t r = 0; r < rows; ++r, to += columns) {
    const Bf16 *from = static_cast<const Bf16 *>(matrix) + (row + r) * ld + column;
    std::transform(from, from + columns, to, toFloat);
  }
}
} // namespace

int MatmulTask::runNarrowBlock(const Block &block, float *scratch) const {
  auto [i, j, rows, columns] = block;
  float *a = scratch, *b = a + rows * std::min(kPanel, call.k),
        *sums = b + columns * std::min(kPanel, call.k);
  float *c = call.narrowC ? sums : static_cast<float *>(call.c) + i * call.ldc + j;
  int64_t ldc = call.narrowC ? columns : call.ldc;
  for (int64_t p = 0; p < call.k; p += kPanel) {
    int64_t depth = std::min(kPanel, call.k - p);
    call.transposeA ? widen(call.a, call.lda, p, depth, i, rows, a)
                    : widen(call.a, call.lda, i, rows, p, depth, a);
    call.transposeB ? widen(call.b, call.ldb, j, columns, p, depth, b)
                    : widen(call.b, call.ldb, p, depth, j, columns, b);
    bool adds = call.accumulate || p > 0;
    if (int status = blas().sgemm(call.transposeA ? 'T' : 'N', call.transposeB ? 'T' : 'N', rows,
                                  columns, depth, 1.0F, a, call.transposeA ? rows : depth, b,
                                  call.transposeB ? depth : columns, adds ? 1.0F : 0.0F, c, ldc))
      return status;
  }
  if (call.narrowC)
    for (int64_t r = 0; r < rows; ++r)
      std::transform(sums + r * columns, sums + (r + 1) * columns,
                     static_cast<Bf16 *>(call.c) + (i + r) * call.ldc + j, toBf16);
  return 0;
}

uint64_t MatmulTask::scratchBytes() const {
  if (!call.narrowAB)
    return 0;
  int64_t floats = (blockM + blockN) * std::min(kPanel, call.k);
  return uint64_t(floats + (call.narrowC ? blockM * blockN : 0)) * sizeof(float);
}

void MatmulTask::run(void *const *views, int64_t begin, int64_t end, void *scratch) {
  auto &task = *static_cast<MatmulTask *>(views[0]);
  blas().setThreads(1); // of this thread only: the blocks are shared out by the team
  for (int64_t index = begin; index < end; ++index) {
    Block block = task.blockAt(index);
    if (int status = task.call.narrowAB ? task.runNarrowBlock(block, static_cast<float *>(scratch))
                                        : task.runBlock(block))
      task.failure.store(status, std::memory_order_relaxed);
  }
}

Status MatmulTask::takeStatus() {
  return toStatus(dnnl_status_t(failure.exchange(0, std::memory_order_relaxed)));
}

std::string describeBlas() {
  if (Status status = loadBlas(); !status.isOk())
    return status.message();
  const dnnl_version_t *version = blas().version();
  return fmt::format("oneDNN {}.{}.{}", version->major, version->minor, version->patch);
}

} // namespace swamla
