//===- CudaMatmulTest.cpp - matmuls of all shapes and types on a GPU ------===//
#include "runtime/base/Log.h"
#include "tests/unit/CudaTestSupport.h"

#include <bit>
#include <cmath>

namespace swamla {
namespace {

using namespace test;
using schema::DType;
using schema::View;

/// A matmul of the test program with what the test knows of it.
struct Case {
  uint64_t m, n, k;
  bool transposeA = false, transposeB = false, accumulate = false, tf32 = false;
  DType abType = DType::F32, cType = DType::F32;
  uint64_t extra = 0; ///< elements that leading dimensions are larger by, and operands are shifted

  uint64_t a = 0, b = 0, c = 0; ///< bytes in the arena, filled in by place()
  uint64_t lda() const { return (transposeA ? m : k) + extra; }
  uint64_t ldb() const { return (transposeB ? k : n) + extra; }
  uint64_t ldc() const { return n + extra; }
  uint64_t rowsA() const { return transposeA ? k : m; }
  uint64_t rowsB() const { return transposeB ? n : k; }
};

uint64_t bytesOf(DType type) { return type == DType::BF16 ? 2 : 4; }

float fromBf16(uint16_t bits) { return std::bit_cast<float>(uint32_t(bits) << 16); }
uint16_t toBf16(float value) {
  auto bits = std::bit_cast<uint32_t>(value);
  return uint16_t((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

/// Every combination of transposition and type for some shapes, among them odd ones.
std::vector<Case> allCases() {
  std::vector<Case> cases;
  struct Types {
    DType ab, c;
    bool tf32, accumulate;
  };
  const Types types[] = {
      {DType::F32, DType::F32, false, false},  {DType::F32, DType::F32, false, true},
      {DType::F32, DType::F32, true, false},   {DType::F32, DType::F32, true, true},
      {DType::BF16, DType::F32, false, false}, {DType::BF16, DType::F32, false, true},
      {DType::BF16, DType::BF16, false, false}};
  const uint64_t shapes[][4] = {{128, 256, 64, 0}, {1, 257, 96, 0},    {33, 1, 50, 1},
                                {65, 31, 129, 3},  {512, 384, 512, 8}, {7, 5, 3, 0},
                                {96, 48, 1, 2}};
  for (const Types &type : types)
    for (const auto &[m, n, k, extra] : shapes) {
      if (isFakeGpu() && m * n * k > 300'000)
        continue; // slow
      for (int transposes = 0; transposes < 4; ++transposes)
        cases.push_back({m, n, k, transposes % 2 == 1, transposes / 2 == 1, type.accumulate,
                         type.tf32, type.ab, type.c, extra});
    }
  return cases;
}

/// Gives the operands of each case a place of their own; returns the bytes that they take.
uint64_t place(std::vector<Case> &cases) {
  uint64_t end = 0;
  auto take = [&](uint64_t shift, uint64_t bytes) {
    uint64_t begin = (end + 255) / 256 * 256 + shift;
    end = begin + bytes;
    return begin;
  };
  for (Case &c : cases) {
    c.a = take(c.extra * bytesOf(c.abType), c.rowsA() * c.lda() * bytesOf(c.abType));
    c.b = take(c.extra * bytesOf(c.abType), c.rowsB() * c.ldb() * bytesOf(c.abType));
    c.c = take(c.extra * bytesOf(c.cType), c.m * c.ldc() * bytesOf(c.cType));
  }
  return (end + 255) / 256 * 256;
}

schema::StepT stepOf(std::vector<Case> &cases) {
  schema::StepT step = emptyCudaStep();
  step.buffers[kArena]->bytes = place(cases);
  for (const Case &c : cases) {
    View a(kArena, c.a, c.rowsA() * c.lda() * bytesOf(c.abType)),
        b(kArena, c.b, c.rowsB() * c.ldb() * bytesOf(c.abType)),
        out(kArena, c.c, c.m * c.ldc() * bytesOf(c.cType));
    auto op = makeMatmul(a, b, out, c.m, c.n, c.k);
    schema::MatmulT &matmul = *op->kind.AsMatmul();
    matmul.lda = c.lda();
    matmul.ldb = c.ldb();
    matmul.ldc = c.ldc();
    matmul.transpose_a = c.transposeA;
    matmul.transpose_b = c.transposeB;
    matmul.accumulate = c.accumulate;
    matmul.tf32 = c.tf32;
    matmul.ab_type = c.abType;
    matmul.c_type = c.cType;
    opsOf(step, "micro_step").push_back(std::move(op));
  }
  return step;
}

/// Random numbers for the whole arena, as each case reads them.
std::vector<std::byte> randomArena(const std::vector<Case> &cases, uint64_t bytes) {
  std::vector<std::byte> arena(bytes);
  auto fill = [&](const char *name, uint64_t at, uint64_t count, DType type) {
    std::vector<float> values = randomValues(name, count);
    for (uint64_t i = 0; i < count; ++i) {
      uint16_t narrow = toBf16(values[i]);
      const void *from = type == DType::BF16 ? static_cast<const void *>(&narrow) : &values[i];
      std::memcpy(&arena[at + i * bytesOf(type)], from, bytesOf(type));
    }
  };
  for (const Case &c : cases) {
    fill("a", c.a, c.rowsA() * c.lda(), c.abType);
    fill("b", c.b, c.rowsB() * c.ldb(), c.abType);
    fill("c", c.c, c.m * c.ldc(), c.cType);
  }
  return arena;
}

double at(const std::vector<std::byte> &arena, uint64_t base, uint64_t index, DType type) {
  if (type == DType::BF16) {
    uint16_t bits = 0;
    std::memcpy(&bits, &arena[base + index * 2], 2);
    return fromBf16(bits);
  }
  float value = 0;
  std::memcpy(&value, &arena[base + index * 4], 4);
  return value;
}

/// Compares a result with sums in double; elements between rows must be as they were.
void check(const Case &c, const std::vector<std::byte> &before,
           const std::vector<std::byte> &after) {
  std::string name = fmt::format("{}x{}x{} {}{} extra {} {}-{}{}{}", c.m, c.n, c.k,
                                 c.transposeA ? "t" : "n", c.transposeB ? "t" : "n", c.extra,
                                 schema::EnumNameDType(c.abType), schema::EnumNameDType(c.cType),
                                 c.tf32 ? " tf32" : "", c.accumulate ? " acc" : "");
  // Rounding of operands (tf32), of the sum, and of the result (bf16), against the sum of
  // magnitudes.
  double operand = c.tf32 ? 0x1p-10 : 0, result = c.cType == DType::BF16 ? 0x1p-8 : 0;
  for (uint64_t i = 0; i < c.m; ++i)
    for (uint64_t j = 0; j < c.n; ++j) {
      double sum = c.accumulate ? at(before, c.c, i * c.ldc() + j, c.cType) : 0;
      double magnitude = std::abs(sum);
      for (uint64_t l = 0; l < c.k; ++l) {
        double product =
            at(before, c.a, c.transposeA ? l * c.lda() + i : i * c.lda() + l, c.abType) *
            at(before, c.b, c.transposeB ? j * c.ldb() + l : l * c.ldb() + j, c.abType);
        sum += product;
        magnitude += std::abs(product);
      }
      double found = at(after, c.c, i * c.ldc() + j, c.cType);
      double tolerance = magnitude * (operand + 0x1p-22) + std::abs(sum) * result + 1e-30;
      ASSERT_NEAR(found, sum, tolerance) << name << " element " << i << ", " << j;
    }
  for (uint64_t i = 0; i + 1 < c.m; ++i)
    for (uint64_t j = c.n; j < c.ldc(); ++j)
      ASSERT_EQ(at(before, c.c, i * c.ldc() + j, c.cType), at(after, c.c, i * c.ldc() + j, c.cType))
          << name << " wrote behind row " << i;
}

class CudaMatmulTest : public CudaTest {
protected:
  static std::vector<std::byte> run(Device &device, const std::vector<std::byte> &arena) {
    std::vector<std::byte> result(arena.size());
    EXPECT_TRUE(succeeded(device.upload(kArena, 0, arena)));
    EXPECT_TRUE(succeeded(device.run(0)));
    EXPECT_TRUE(succeeded(device.download(kArena, 0, result)));
    return result;
  }
};

TEST_F(CudaMatmulTest, EveryShapeAndType) {
  std::vector<Case> cases = allCases();
  schema::StepT step = stepOf(cases);
  std::vector<std::byte> arena = randomArena(cases, step.buffers[kArena]->bytes);
  for (double seconds : {0.0, 2.0}) { // the heuristic's first, and tuned
    DeviceOptions options;
    options.tuneSeconds = seconds;
    auto loaded = load(step, options);
    ASSERT_TRUE(succeeded(loaded));
    std::vector<std::byte> first = run(*loaded->device, arena);
    for (const Case &c : cases)
      check(c, arena, first);
    for (int round = 0; round < 4; ++round) // by graph from the second run on
      EXPECT_TRUE(run(*loaded->device, arena) == first) << "other bits in round " << round;
  }
}

TEST_F(CudaMatmulTest, TunedAlgorithmsAreKept) {
  std::vector<Case> cases = allCases();
  schema::StepT step = stepOf(cases);
  std::vector<std::byte> arena = randomArena(cases, step.buffers[kArena]->bytes);
  std::vector<std::string> messages;
  setLogSink([&](LogLevel, std::string_view text) { messages.emplace_back(text); });
  auto tuned = [&] {
    return std::ranges::any_of(messages, [](auto &m) { return m.starts_with("tuned "); });
  };
  DeviceOptions options;
  options.tuneSeconds = 1;
  auto first = load(step, options);
  EXPECT_TRUE(tuned());
  messages.clear();
  auto second = load(step, options);
  EXPECT_FALSE(tuned()) << messages.front();
  options.graph = false;
  auto third = load(step, options);
  setLogSink({});
  ASSERT_TRUE(succeeded(first) && succeeded(second) && succeeded(third));
  std::vector<std::byte> expected = run(*first->device, arena);
  for (int round = 0; round < 3; ++round) {
    EXPECT_TRUE(run(*second->device, arena) == expected) << "other bits from the cache";
    EXPECT_TRUE(run(*third->device, arena) == expected) << "other bits without a graph";
  }
}

TEST_F(CudaMatmulTest, SearchLeavesNothingBehind) {
  // The arena is zero at first, although the search has used it.
  std::vector<Case> cases = {{128, 128, 128}};
  auto loaded = load(stepOf(cases), {});
  ASSERT_TRUE(succeeded(loaded));
  std::vector<float> arena = test::read<float>(*loaded->device, kArena, 0, 3 * 128 * 128);
  EXPECT_TRUE(std::ranges::all_of(arena, [](float v) { return v == 0; }));
}

} // namespace
} // namespace swamla
