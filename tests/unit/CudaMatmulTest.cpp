//===- CudaMatmulTest.cpp - matmuls of all shapes and types on a GPU ------===//
#include "runtime/base/Bf16.h"
#include "runtime/base/Fp8.h"
#include "runtime/base/Log.h"
#include "runtime/schema/DTypes.h"
#include "tests/unit/CudaTestSupport.h"

#include <cmath>

namespace swamla {
namespace {

using namespace test;
using schema::DType;
using schema::View;

enum class Scales { None, Single, Each };

/// A matmul of the test program with what the test knows of it.
struct Case {
  uint64_t m, n, k;
  bool transposeA = false, transposeB = false, accumulate = false, tf32 = false;
  DType aType = DType::F32, bType = DType::F32, cType = DType::F32;
  uint64_t extra = 0; ///< elements that leading dimensions are larger by, and operands are shifted
  Scales scales = Scales::None;
  bool fastAccum = false;

  /// Bytes in the arena, filled in by place().
  uint64_t a = 0, b = 0, c = 0, aScale = 0, bScale = 0;
  uint64_t scaleCount(uint64_t rows) const {
    return scales == Scales::None ? 0 : scales == Scales::Single ? 1 : rows;
  }
  uint64_t lda() const { return (transposeA ? m : k) + extra; }
  uint64_t ldb() const { return (transposeB ? k : n) + extra; }
  uint64_t ldc() const { return n + extra; }
  uint64_t rowsA() const { return transposeA ? k : m; }
  uint64_t rowsB() const { return transposeB ? n : k; }
};

const Fp8Format &formatOf(DType type) { return type == DType::F8E4M3 ? kE4M3 : kE5M2; }

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
                         type.tf32, type.ab, type.ab, type.c, extra});
    }
  return cases;
}

/// Every pair of f8 types, kind of result and kind of scales, for shapes that Hopper has.
std::vector<Case> f8Cases() {
  std::vector<Case> cases;
  const DType pairs[][2] = {{DType::F8E4M3, DType::F8E4M3},
                            {DType::F8E5M2, DType::F8E4M3},
                            {DType::F8E4M3, DType::F8E5M2}};
  const uint64_t shapes[][4] = {{16, 16, 16, 0}, {48, 32, 80, 16}, {512, 256, 1024, 0}};
  struct Result {
    DType type;
    bool accumulate;
  };
  for (auto [aType, bType] : pairs)
    for (Result result : {Result{DType::BF16, false}, {DType::F32, false}, {DType::F32, true}})
      for (Scales scales : {Scales::Single, Scales::Each})
        for (const auto &[m, n, k, extra] : shapes)
          if (!isFakeGpu() || m * n * k < 300'000)
            cases.push_back({m, n, k, false, true, result.accumulate, false, aType, bType,
                             result.type, extra, scales, /*fastAccum=*/result.type == DType::BF16});
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
    c.a = take(c.extra * dtypeBytes(c.aType), c.rowsA() * c.lda() * dtypeBytes(c.aType));
    c.b = take(c.extra * dtypeBytes(c.bType), c.rowsB() * c.ldb() * dtypeBytes(c.bType));
    c.c = take(c.extra * dtypeBytes(c.cType), c.m * c.ldc() * dtypeBytes(c.cType));
    c.aScale = take(c.scales == Scales::Single ? 16 : 0, c.scaleCount(c.m) * 4);
    c.bScale = take(c.scales == Scales::Single ? 16 : 0, c.scaleCount(c.n) * 4);
  }
  return (end + 255) / 256 * 256;
}

schema::StepT stepOf(std::vector<Case> &cases) {
  schema::StepT step = emptyCudaStep();
  step.buffers[kArena]->bytes = place(cases);
  step.max_live_bytes = 0;
  for (const Case &c : cases) {
    View a(kArena, c.a, c.rowsA() * c.lda() * dtypeBytes(c.aType)),
        b(kArena, c.b, c.rowsB() * c.ldb() * dtypeBytes(c.bType)),
        out(kArena, c.c, c.m * c.ldc() * dtypeBytes(c.cType));
    auto op = makeMatmul(a, b, out, c.m, c.n, c.k);
    schema::MatmulT &matmul = *op->kind.AsMatmul();
    matmul.lda = c.lda();
    matmul.ldb = c.ldb();
    matmul.ldc = c.ldc();
    matmul.transpose_a = c.transposeA;
    matmul.transpose_b = c.transposeB;
    matmul.accumulate = c.accumulate;
    matmul.tf32 = c.tf32;
    matmul.a_type = c.aType;
    matmul.b_type = c.bType;
    matmul.c_type = c.cType;
    matmul.fast_accum = c.fastAccum;
    if (c.scales != Scales::None) {
      matmul.a_scale = std::make_unique<View>(kArena, c.aScale, c.scaleCount(c.m) * 4);
      matmul.b_scale = std::make_unique<View>(kArena, c.bScale, c.scaleCount(c.n) * 4);
    }
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
      Bf16 narrow = toBf16(values[i]);
      Fp8 narrowest = toFp8(values[i], formatOf(type));
      const void *from = isF8(type)            ? static_cast<const void *>(&narrowest)
                         : type == DType::BF16 ? static_cast<const void *>(&narrow)
                                               : &values[i];
      std::memcpy(&arena[at + i * dtypeBytes(type)], from, dtypeBytes(type));
    }
  };
  auto fillScales = [&](const char *name, uint64_t at, uint64_t count) {
    std::vector<float> values = randomValues(name, count);
    for (float &value : values)
      value = std::exp2(std::round(3 * value));
    if (count > 0)
      std::memcpy(arena.data() + at, values.data(), count * 4);
  };
  for (const Case &c : cases) {
    fill("a", c.a, c.rowsA() * c.lda(), c.aType);
    fill("b", c.b, c.rowsB() * c.ldb(), c.bType);
    fill("c", c.c, c.m * c.ldc(), c.cType);
    fillScales("a_scale", c.aScale, c.scaleCount(c.m));
    fillScales("b_scale", c.bScale, c.scaleCount(c.n));
  }
  return arena;
}

double at(const std::vector<std::byte> &arena, uint64_t base, uint64_t index, DType type) {
  if (isF8(type))
    return toFloat(Fp8(arena[base + index]), formatOf(type));
  if (type == DType::BF16) {
    Bf16 bits = 0;
    std::memcpy(&bits, &arena[base + index * 2], 2);
    return toFloat(bits);
  }
  float value = 0;
  std::memcpy(&value, &arena[base + index * 4], 4);
  return value;
}

std::string nameOf(const Case &c) {
  return fmt::format("{}x{}x{} {}{} extra {} {}*{}-{}{}{}{}", c.m, c.n, c.k,
                     c.transposeA ? "t" : "n", c.transposeB ? "t" : "n", c.extra,
                     schema::EnumNameDType(c.aType), schema::EnumNameDType(c.bType),
                     schema::EnumNameDType(c.cType), c.tf32 ? " tf32" : "",
                     c.accumulate ? " acc" : "", c.scales == Scales::Each ? " each" : "");
}

/// The product of the scales of an element.
double scaleAt(const Case &c, const std::vector<std::byte> &arena, uint64_t i, uint64_t j) {
  if (c.scales == Scales::None)
    return 1;
  uint64_t each = c.scales == Scales::Each;
  return at(arena, c.aScale, each * i, DType::F32) * at(arena, c.bScale, each * j, DType::F32);
}

/// Compares a result with sums in double; elements between rows must be as they were.
void check(const Case &c, const std::vector<std::byte> &before,
           const std::vector<std::byte> &after) {
  std::string name = nameOf(c);
  // Rounding of operands (tf32), of the sum (a GPU's matrix units keep some 13 bits of partial sums
  // in f8), and of the result (bf16), against the sum of magnitudes.
  double operand = c.tf32 ? 0x1p-10 : isF8(c.aType) && !isFakeGpu() ? 0x1p-11 : 0;
  double result = c.cType == DType::BF16 ? 0x1p-8 : 0;
  for (uint64_t i = 0; i < c.m; ++i)
    for (uint64_t j = 0; j < c.n; ++j) {
      double sum = 0, magnitude = 0;
      for (uint64_t l = 0; l < c.k; ++l) {
        double product =
            at(before, c.a, c.transposeA ? l * c.lda() + i : i * c.lda() + l, c.aType) *
            at(before, c.b, c.transposeB ? j * c.ldb() + l : l * c.ldb() + j, c.bType);
        sum += product;
        magnitude += std::abs(product);
      }
      double scale = scaleAt(c, before, i, j);
      double init = c.accumulate ? at(before, c.c, i * c.ldc() + j, c.cType) : 0;
      sum = sum * scale + init;
      magnitude = magnitude * scale + std::abs(init);
      double found = at(after, c.c, i * c.ldc() + j, c.cType);
      double tolerance = magnitude * (operand + 0x1p-21) + std::abs(sum) * result + 1e-30;
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

  static void checkAll(std::vector<Case> cases) {
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
};

TEST_F(CudaMatmulTest, EveryShapeAndType) { checkAll(allCases()); }

TEST_F(CudaMatmulTest, EveryF8TypeAndScale) { checkAll(f8Cases()); }

TEST_F(CudaMatmulTest, F8WithoutAnAlgorithmIsNamed) {
  if (!isFakeGpu())
    GTEST_SKIP() << "a real library has algorithms";
  std::vector<Case> cases = f8Cases();
  cases.resize(1);
  ::setenv("SWAMLA_FAKE_NO_F8", "1", /*replace=*/1);
  std::string error = loadError(stepOf(cases), {});
  ::unsetenv("SWAMLA_FAKE_NO_F8");
  EXPECT_NE(error.find("h.0.attn.qkv: cuBLASLt 130000 has no algorithm on this GPU for the f8 "
                       "matmul 16x16x16.ld16,16,16.nt.e4m3-bf16.fast.a256,256,256; compile with"),
            std::string::npos)
      << error;
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
