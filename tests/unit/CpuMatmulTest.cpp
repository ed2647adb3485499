//===- CpuMatmulTest.cpp - matmuls through the BLAS -----------------------===//
#include "runtime/base/Bf16.h"
#include "tests/unit/CpuTestSupport.h"

#include <algorithm>
#include <cmath>

namespace swamla {
namespace {

using namespace test;
using schema::View;

struct MatmulCase {
  int64_t m, n, k, padA, padB, padC;
};

/// Checks C = op(A) op(B) + beta C against sums in double. A product of k terms in f32 may be off
/// by k eps sum |a b| at most; the sums here are of n(0, 1) numbers.
void checkMatmul(const MatmulCase &c, bool ta, bool tb, bool accumulate) {
  int64_t aRows = ta ? c.k : c.m, aCols = ta ? c.m : c.k, bRows = tb ? c.n : c.k,
          bCols = tb ? c.k : c.n;
  int64_t lda = aCols + c.padA, ldb = bCols + c.padB, ldc = c.n + c.padC;
  std::vector<float> a = randomValues("a", aRows * lda), b = randomValues("b", bRows * ldb),
                     before = randomValues("c", c.m * ldc);
  schema::StepT step = emptyStep();
  uint64_t bAt = a.size() * 4, cAt = bAt + b.size() * 4;
  step.buffers[kArena]->bytes = cAt + before.size() * 4;
  step.max_live_bytes = 0;
  auto op = makeMatmul(View(kArena, 0, a.size() * 4), View(kArena, bAt, b.size() * 4),
                       View(kArena, cAt, before.size() * 4), c.m, c.n, c.k);
  auto &matmul = *op->kind.AsMatmul();
  matmul.lda = lda, matmul.ldb = ldb, matmul.ldc = ldc;
  matmul.transpose_a = ta, matmul.transpose_b = tb, matmul.accumulate = accumulate;
  opsOf(step, "micro_step").push_back(std::move(op));
  auto loaded = load(step);
  ASSERT_TRUE(loaded.isOk()) << loaded.status().message();
  write(*loaded->device, kArena, 0, a);
  write(*loaded->device, kArena, bAt, b);
  write(*loaded->device, kArena, cAt, before);
  ASSERT_TRUE(loaded->device->run(0).isOk());
  std::vector<float> after = read<float>(*loaded->device, kArena, cAt, before.size());
  for (int64_t i = 0; i < c.m; ++i)
    for (int64_t j = 0; j < ldc; ++j) {
      if (j >= c.n) {
        ASSERT_EQ(after[i * ldc + j], before[i * ldc + j]) << "padding " << i << ", " << j;
        continue;
      }
      double sum = accumulate ? before[i * ldc + j] : 0, size = std::abs(sum);
      for (int64_t p = 0; p < c.k; ++p) {
        double term = double(a[ta ? p * lda + i : i * lda + p]) * b[tb ? j * ldb + p : p * ldb + j];
        sum += term;
        size += std::abs(term);
      }
      ASSERT_NEAR(after[i * ldc + j], sum, size * double(c.k + 1) * 0x1p-24) << i << ", " << j;
    }
}

/// The same in bf16: operands are bf16 numbers, and so is C, rounded once, or it is f32. Products
/// are exact in f32.
void checkNarrowMatmul(const MatmulCase &c, bool ta, bool tb, bool narrowC, bool accumulate) {
  int64_t aRows = ta ? c.k : c.m, aCols = ta ? c.m : c.k, bRows = tb ? c.n : c.k,
          bCols = tb ? c.k : c.n;
  int64_t lda = aCols + c.padA, ldb = bCols + c.padB, ldc = c.n + c.padC;
  auto narrow = [](const std::vector<float> &values) {
    std::vector<Bf16> result(values.size() + values.size() % 2);
    std::ranges::transform(values, result.begin(), toBf16);
    return result;
  };
  std::vector<Bf16> a = narrow(randomValues("a", aRows * lda)),
                    b = narrow(randomValues("b", bRows * ldb));
  std::vector<float> before = randomValues("c", c.m * ldc);
  std::vector<Bf16> narrowBefore = narrow(before);
  uint64_t bAt = a.size() * 2, cAt = bAt + b.size() * 2;
  uint64_t cBytes = narrowC ? narrowBefore.size() * 2 : before.size() * 4;
  schema::StepT step = emptyStep();
  step.buffers[kArena]->bytes = cAt + cBytes;
  step.max_live_bytes = 0;
  auto op = makeMatmul(View(kArena, 0, a.size() * 2), View(kArena, bAt, b.size() * 2),
                       View(kArena, cAt, cBytes), c.m, c.n, c.k);
  auto &matmul = *op->kind.AsMatmul();
  matmul.lda = lda, matmul.ldb = ldb, matmul.ldc = ldc;
  matmul.transpose_a = ta, matmul.transpose_b = tb, matmul.accumulate = accumulate;
  matmul.a_type = matmul.b_type = schema::DType::BF16;
  matmul.c_type = narrowC ? schema::DType::BF16 : schema::DType::F32;
  opsOf(step, "micro_step").push_back(std::move(op));
  auto loaded = load(step);
  ASSERT_TRUE(loaded.isOk()) << loaded.status().message();
  Device &device = *loaded->device;
  auto upload = [&](uint64_t at, const auto &values) {
    ASSERT_TRUE(device.upload(kArena, at, std::as_bytes(std::span(values))).isOk());
  };
  upload(0, a), upload(bAt, b);
  narrowC ? upload(cAt, narrowBefore) : upload(cAt, before);
  ASSERT_TRUE(device.run(0).isOk());
  auto found = read<std::byte>(device, kArena, cAt, cBytes);
  for (int64_t i = 0; i < c.m; ++i)
    for (int64_t j = 0; j < ldc; ++j) {
      int64_t at = i * ldc + j;
      float value = narrowC ? toFloat(reinterpret_cast<const Bf16 *>(found.data())[at])
                            : reinterpret_cast<const float *>(found.data())[at];
      if (j >= c.n) {
        ASSERT_EQ(value, narrowC ? toFloat(narrowBefore[at]) : before[at]) << "padding";
        continue;
      }
      double sum = accumulate ? before[at] : 0, size = std::abs(sum);
      for (int64_t p = 0; p < c.k; ++p) {
        double term = double(toFloat(a[ta ? p * lda + i : i * lda + p])) *
                      toFloat(b[tb ? j * ldb + p : p * ldb + j]);
        sum += term;
        size += std::abs(term);
      }
      double rounding = narrowC ? std::abs(sum) * 0x1p-8 : 0;
      ASSERT_NEAR(value, sum, size * double(c.k + 1) * 0x1p-24 + rounding) << i << ", " << j;
    }
}

/// Also a depth of more than one panel, and enough for more than one block.
TEST(CpuMatmul, AllFormsInBf16) {
  for (const MatmulCase &c : {MatmulCase{1, 1, 1, 0, 0, 0}, MatmulCase{7, 5, 3, 2, 1, 4},
                              MatmulCase{33, 17, 129, 0, 8, 3}, MatmulCase{65, 100, 1100, 3, 0, 96},
                              MatmulCase{300, 200, 700, 0, 0, 0}})
    for (bool ta : {false, true})
      for (bool tb : {false, true}) {
        checkNarrowMatmul(c, ta, tb, /*narrowC=*/true, /*accumulate=*/false);
        checkNarrowMatmul(c, ta, tb, /*narrowC=*/false, /*accumulate=*/false);
        checkNarrowMatmul(c, ta, tb, /*narrowC=*/false, /*accumulate=*/true);
      }
}

TEST(CpuMatmul, AllForms) {
  for (const MatmulCase &c :
       {MatmulCase{1, 1, 1, 0, 0, 0}, MatmulCase{7, 5, 3, 2, 1, 4}, MatmulCase{1, 96, 40, 0, 0, 0},
        MatmulCase{33, 17, 129, 0, 8, 3}, MatmulCase{130, 96, 64, 0, 0, 96}})
    for (bool ta : {false, true})
      for (bool tb : {false, true})
        for (bool accumulate : {false, true})
          checkMatmul(c, ta, tb, accumulate);
}

// The planner may move a buffer, a resumed run must continue with the same bits: they must not
// depend on addresses or repetition.
TEST(CpuMatmul, BitsDoNotDependOnAddresses) {
  struct {
    uint64_t m, n, k;
    bool ta, tb;
  } cases[] = {{256, 192, 96, false, true},
               {96, 192, 512, true, false},
               {256, 64, 192, false, false},
               {130, 70, 33, false, true}};
  for (const auto &c : cases) {
    std::vector<float> a = randomValues("a", c.m * c.k), b = randomValues("b", c.k * c.n);
    std::vector<std::vector<float>> results;
    for (uint64_t shift : {0, 4, 8, 16, 32, 36, 60, 64, 4092}) {
      schema::StepT step = emptyStep();
      uint64_t bAt = (shift + a.size() * 4 + 63) / 64 * 64 + shift,
               cAt = (bAt + b.size() * 4 + 63) / 64 * 64 + shift;
      step.buffers[kArena]->bytes = cAt + c.m * c.n * 4;
      step.max_live_bytes = 0;
      auto op = makeMatmul(View(kArena, shift, a.size() * 4), View(kArena, bAt, b.size() * 4),
                           View(kArena, cAt, c.m * c.n * 4), c.m, c.n, c.k);
      auto &matmul = *op->kind.AsMatmul();
      matmul.transpose_a = c.ta, matmul.transpose_b = c.tb;
      matmul.lda = c.ta ? c.m : c.k, matmul.ldb = c.tb ? c.k : c.n;
      opsOf(step, "micro_step").push_back(std::move(op));
      auto loaded = load(step);
      ASSERT_TRUE(loaded.isOk()) << loaded.status().message();
      write(*loaded->device, kArena, shift, a);
      write(*loaded->device, kArena, bAt, b);
      for (int repeat = 0; repeat < 3; ++repeat) {
        ASSERT_TRUE(loaded->device->run(0).isOk());
        results.push_back(read<float>(*loaded->device, kArena, cAt, c.m * c.n));
        ASSERT_EQ(results.back(), results.front()) << "shift " << shift << ", repeat " << repeat;
      }
    }
  }
}

} // namespace
} // namespace swamla
