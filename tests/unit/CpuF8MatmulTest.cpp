//===- CpuF8MatmulTest.cpp - matmuls of scaled f8 numbers -----------------===//
#include "runtime/base/Bf16.h"
#include "runtime/base/Fp8.h"
#include "tests/unit/CpuTestSupport.h"

#include <algorithm>
#include <cmath>

namespace swamla {
namespace {

using namespace test;
using schema::DType;
using schema::View;

struct Case {
  uint64_t m, n, k, pad; ///< pad: elements between rows, of all matrices
  DType aType, bType, cType;
  bool accumulate, scalesEach;

  uint64_t lda() const { return k + pad; }
  uint64_t ldc() const { return n + pad; }
  uint64_t aScales() const { return scalesEach ? m : 1; }
  uint64_t bScales() const { return scalesEach ? n : 1; }
};

/// The operands, as numbers that f8 has, and C, as numbers that its type has.
struct Operands {
  std::vector<float> a, b, c, aScale, bScale;
};

std::vector<Fp8> narrow(const std::vector<float> &values, DType type) {
  std::vector<Fp8> bits(values.size());
  std::ranges::transform(values, bits.begin(), [&](float value) {
    return toFp8(value, type == DType::F8E4M3 ? kE4M3 : kE5M2);
  });
  return bits;
}

std::vector<float> f8Values(const char *name, size_t count, DType type) {
  std::vector<float> values = randomValues(name, count);
  std::vector<Fp8> bits = narrow(values, type);
  std::ranges::transform(bits, values.begin(), [&](Fp8 each) {
    return toFloat(each, type == DType::F8E4M3 ? kE4M3 : kE5M2);
  });
  return values;
}

std::vector<float> powersOfTwo(const char *name, size_t count) {
  std::vector<float> values = randomValues(name, count);
  for (float &value : values)
    value = std::exp2(std::round(4 * value));
  return values;
}

Operands operandsOf(const Case &c) {
  Operands o = {f8Values("a", c.m * c.lda(), c.aType), f8Values("b", c.n * c.lda(), c.bType),
                randomValues("c", c.m * c.ldc()), powersOfTwo("a_scale", c.aScales()),
                powersOfTwo("b_scale", c.bScales())};
  if (c.cType == DType::BF16)
    for (float &value : o.c)
      value = toFloat(toBf16(value));
  return o;
}

/// Where everything lies in the arena.
struct Places {
  explicit Places(const Case &c) {
    b = roundUp(c.m * c.lda());
    this->c = b + roundUp(c.n * c.lda());
    aScale = this->c + roundUp(c.m * c.ldc() * 4);
    bScale = aScale + roundUp(c.aScales() * 4);
    end = bScale + roundUp(c.bScales() * 4);
  }
  static uint64_t roundUp(uint64_t bytes) { return (bytes + 63) / 64 * 64; }

  uint64_t b, c, aScale, bScale, end;
};

schema::StepT stepOf(const Case &c, const Places &at) {
  schema::StepT step = emptyStep();
  step.buffers[kArena]->bytes = at.end;
  step.max_live_bytes = 0;
  uint64_t cBytes = c.m * c.ldc() * (c.cType == DType::BF16 ? 2 : 4);
  auto op = makeMatmul(View(kArena, 0, c.m * c.lda()), View(kArena, at.b, c.n * c.lda()),
                       View(kArena, at.c, cBytes), c.m, c.n, c.k);
  schema::MatmulT &matmul = *op->kind.AsMatmul();
  matmul.lda = matmul.ldb = c.lda();
  matmul.ldc = c.ldc();
  matmul.transpose_b = true;
  matmul.accumulate = c.accumulate;
  matmul.a_type = c.aType;
  matmul.b_type = c.bType;
  matmul.c_type = c.cType;
  matmul.a_scale = std::make_unique<View>(kArena, at.aScale, c.aScales() * 4);
  matmul.b_scale = std::make_unique<View>(kArena, at.bScale, c.bScales() * 4);
  opsOf(step, "micro_step").push_back(std::move(op));
  return step;
}

template <typename T> void put(Device &device, uint64_t at, const std::vector<T> &values) {
  ASSERT_TRUE(device.upload(kArena, at, std::as_bytes(std::span(values))).isOk());
}

/// What is left in C.
std::vector<float> run(const Case &c, const Operands &o, unsigned threads) {
  Places at(c);
  auto loaded = load(stepOf(c, at), {.threads = threads});
  EXPECT_TRUE(loaded.isOk()) << loaded.status().message();
  Device &device = *loaded->device;
  put(device, 0, narrow(o.a, c.aType));
  put(device, at.b, narrow(o.b, c.bType));
  put(device, at.aScale, o.aScale);
  put(device, at.bScale, o.bScale);
  if (c.cType == DType::F32) {
    put(device, at.c, o.c);
    EXPECT_TRUE(device.run(0).isOk());
    return read<float>(device, kArena, at.c, o.c.size());
  }
  std::vector<Bf16> bits(o.c.size());
  std::ranges::transform(o.c, bits.begin(), toBf16);
  put(device, at.c, bits);
  EXPECT_TRUE(device.run(0).isOk());
  bits = read<Bf16>(device, kArena, at.c, o.c.size());
  std::vector<float> result(bits.size());
  std::ranges::transform(bits, result.begin(), [](Bf16 each) { return toFloat(each); });
  return result;
}

/// Against sums in double. Products are exact in f32; a sum of k terms may be off by k eps sum
/// |a b|, its scales are powers of two, and the result is rounded once.
void check(const Case &c) {
  Operands o = operandsOf(c);
  std::vector<float> found = run(c, o, 2);
  ASSERT_EQ(found, run(c, o, 1)) << "other bits with one thread";
  for (uint64_t i = 0; i < c.m; ++i)
    for (uint64_t j = 0; j < c.ldc(); ++j) {
      float before = o.c[i * c.ldc() + j], after = found[i * c.ldc() + j];
      if (j >= c.n) {
        ASSERT_EQ(after, before) << "padding " << i << ", " << j;
        continue;
      }
      double sum = 0, size = 0;
      for (uint64_t p = 0; p < c.k; ++p) {
        double term = double(o.a[i * c.lda() + p]) * o.b[j * c.lda() + p];
        sum += term;
        size += std::abs(term);
      }
      double scale = double(o.aScale[c.scalesEach * i]) * o.bScale[c.scalesEach * j];
      double want = sum * scale + (c.accumulate ? before : 0);
      double rounding = std::abs(want) * (c.cType == DType::BF16 ? 0x1p-8 : 0x1p-23);
      ASSERT_NEAR(after, want, size * scale * double(c.k + 1) * 0x1p-24 + rounding)
          << i << ", " << j;
    }
}

TEST(CpuF8Matmul, AllForms) {
  const DType pairs[][2] = {{DType::F8E4M3, DType::F8E4M3},
                            {DType::F8E5M2, DType::F8E4M3},
                            {DType::F8E4M3, DType::F8E5M2}};
  const uint64_t shapes[][4] = {{16, 16, 16, 0}, {48, 112, 80, 16}};
  for (const auto &[m, n, k, pad] : shapes)
    for (const auto &[aType, bType] : pairs)
      for (bool scalesEach : {false, true}) {
        check({m, n, k, pad, aType, bType, DType::BF16, false, scalesEach});
        check({m, n, k, pad, aType, bType, DType::F32, false, scalesEach});
        check({m, n, k, pad, aType, bType, DType::F32, true, scalesEach});
      }
}

/// Scales of the right rows and columns, sums over more than one panel.
TEST(CpuF8Matmul, SeveralBlocks) {
  check({272, 208, 1040, 0, DType::F8E5M2, DType::F8E4M3, DType::BF16, false, true});
  check({272, 208, 1040, 0, DType::F8E5M2, DType::F8E4M3, DType::F32, true, true});
}

TEST(CpuF8Matmul, NotANumberSpreads) {
  Case c = {16, 16, 16, 0, DType::F8E4M3, DType::F8E4M3, DType::BF16, false, true};
  Operands o = operandsOf(c);
  o.a[3 * c.lda()] = std::nanf("");
  std::vector<float> found = run(c, o, 1);
  for (uint64_t i = 0; i < c.m; ++i)
    for (uint64_t j = 0; j < c.n; ++j)
      EXPECT_EQ(std::isnan(found[i * c.n + j]), i == 3) << i << ", " << j;
  o.a[3 * c.lda()] = 1;
  o.bScale[5] = std::nanf("");
  found = run(c, o, 1);
  for (uint64_t i = 0; i < c.m; ++i)
    for (uint64_t j = 0; j < c.n; ++j)
      EXPECT_EQ(std::isnan(found[i * c.n + j]), j == 5) << i << ", " << j;
}

} // namespace
} // namespace swamla
