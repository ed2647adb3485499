//===- Blas.cpp - matrix multiplication by oneDNN -------------------------===//
//
// oneDNN rather than OpenBLAS: on 2 cores with AVX-512, at the shapes of the
// tiny and small models, 200 to 232 GFLOP/s against 186 to 207. A call without
// a cached primitive costs about 2 us, so none is kept.
//
//===----------------------------------------------------------------------===//
#include "runtime/cpu/Blas.h"

#include "runtime/base/Bf16.h"
#include "runtime/base/Fp8.h"
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
constexpr std::array<float, 256> kE4M3Numbers = fp8Table(kE4M3), kE5M2Numbers = fp8Table(kE5M2);

/// Rows [row, row + rows) and columns [column, column + columns) of a matrix, dense, as f32.
template <typename T, typename Convert>
void widen(const void *matrix, int64_t ld, int64_t row, int64_t rows, int64_t column,
           int64_t columns, float *to, Convert convert) {
  for (int64_t r = 0; r < rows; ++r, to += columns) {
    const T *from = static_cast<const T *>(matrix) + (row + r) * ld + column;
    std::transform(from, from + columns, to, convert);
  }
}

void widen(schema::DType type, const void *matrix, int64_t ld, int64_t row, int64_t rows,
           int64_t column, int64_t columns, float *to) {
  if (type == schema::DType::BF16)
    return widen<Bf16>(matrix, ld, row, rows, column, columns, to,
                       [](Bf16 value) { return toFloat(value); });
  const auto &numbers = type == schema::DType::F8E4M3 ? kE4M3Numbers : kE5M2Numbers;
  widen<Fp8>(matrix, ld, row, rows, column, columns, to, [&](Fp8 bits) { return numbers[bits]; });
}
} // namespace

int MatmulTask::runNarrowBlock(const Block &block, float *scratch) const {
  auto [i, j, rows, columns] = block;
  float *a = scratch, *b = a + rows * std::min(kPanel, call.k),
        *sums = b + columns * std::min(kPanel, call.k);
  float *c = sumsApart() ? sums : static_cast<float *>(call.c) + i * call.ldc + j;
  int64_t ldc = sumsApart() ? columns : call.ldc;
  for (int64_t p = 0; p < call.k; p += kPanel) {
    int64_t depth = std::min(kPanel, call.k - p);
    call.transposeA ? widen(call.aType, call.a, call.lda, p, depth, i, rows, a)
                    : widen(call.aType, call.a, call.lda, i, rows, p, depth, a);
    call.transposeB ? widen(call.bType, call.b, call.ldb, j, columns, p, depth, b)
                    : widen(call.bType, call.b, call.ldb, p, depth, j, columns, b);
    bool adds = p > 0 || (call.accumulate && !sumsApart());
    if (int status = blas().sgemm(call.transposeA ? 'T' : 'N', call.transposeB ? 'T' : 'N', rows,
                                  columns, depth, 1.0F, a, call.transposeA ? rows : depth, b,
                                  call.transposeB ? depth : columns, adds ? 1.0F : 0.0F, c, ldc))
      return status;
  }
  if (sumsApart())
    storeBlock(block, sums);
  return 0;
}

/// Sums, dense, as they become C.
void MatmulTask::storeBlock(const Block &block, float *sums) const {
  auto [i, j, rows, columns] = block;
  for (int64_t r = 0; r < rows; ++r, sums += columns) {
    if (call.aScale) {
      float aScale = call.aScale[call.scalesEach ? i + r : 0];
      for (int64_t c = 0; c < columns; ++c)
        sums[c] = sums[c] * aScale * call.bScale[call.scalesEach ? j + c : 0];
    }
    int64_t at = (i + r) * call.ldc + j;
    if (call.cType == schema::DType::BF16) {
      std::transform(sums, sums + columns, static_cast<Bf16 *>(call.c) + at, toBf16);
      continue;
    }
    float *to = static_cast<float *>(call.c) + at;
    for (int64_t c = 0; c < columns; ++c)
      to[c] = call.accumulate ? to[c] + sums[c] : sums[c];
  }
}

uint64_t MatmulTask::scratchBytes() const {
  if (!isNarrow())
    return 0;
  int64_t floats = (blockM + blockN) * std::min(kPanel, call.k);
  return uint64_t(floats + (sumsApart() ? blockM * blockN : 0)) * sizeof(float);
}

void MatmulTask::run(void *const *views, int64_t begin, int64_t end, void *scratch) {
  auto &task = *static_cast<MatmulTask *>(views[0]);
  blas().setThreads(1); // of this thread only: the blocks are shared out by the team
  for (int64_t index = begin; index < end; ++index) {
    Block block = task.blockAt(index);
    if (int status = task.isNarrow() ? task.runNarrowBlock(block, static_cast<float *>(scratch))
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
