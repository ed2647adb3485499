//===- RowKernelMathTest.cpp - elementary functions and random numbers ----===//
#include "tests/unit/KernelHarness.h"

#include <bit>
#include <cmath>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <limits>

using namespace swamla::test;
using fmt::format;

namespace {

/// Floats as integers that count them: neighbours differ by one.
int64_t ordinal(float x) {
  auto bits = std::bit_cast<int32_t>(x);
  return bits < 0 ? int64_t(std::numeric_limits<int32_t>::min()) - bits : bits;
}

/// Distance of `found` from a value, in units in the last place of the float nearest to the value.
double ulps(float found, double expected) {
  auto nearest = static_cast<float>(expected);
  if (std::isnan(expected) || std::isinf(nearest) || std::isnan(found) || std::isinf(found))
    return (std::isnan(expected) && std::isnan(found)) || found == nearest
               ? 0
               : std::abs(double(ordinal(found) - ordinal(nearest)));
  float next = std::nextafter(std::abs(nearest), INFINITY);
  return std::abs(found - expected) / (double(next) - std::abs(nearest));
}

constexpr int kWidth = 1024;

class MathFunction : public testing::Test {
protected:
  /// y = op(x), all of it on vectors.
  static std::string text(const std::string &op) {
    return format(R"(
    step.row_kernel @k domain [{1}, {0}] row_dims 1 ins 1
        maps [affine_map<(m, c) -> (m * {0} + c)>, affine_map<(m, c) -> (m * {0} + c)>] unit_rows 1 {{
    ^bb0(%x: f32, %out: f32):
      %y = math.{2} %x : f32
      swamla.yield %y : f32
    }})",
                  kWidth, 1 << 12, op);
  }

  /// Compares every 1021st float, and special ones, with libm in double precision.
  static void sweep(const std::string &op, double (*reference)(double), double tolerance) {
    std::vector<float> x = {0.0F,       -0.0F,     INFINITY, -INFINITY, NAN,     1.0F,    -1.0F,
                            0x1p-149F,  0x1p-126F, 3.4e38F,  -3.4e38F,  88.722F, 88.723F, 88.73F,
                            -87.33F,    -87.34F,   -103.9F,  -104.0F,   -150.0F, 9.01F,   0.625F,
                            0.6249999F, 1e-30F,    -1e-30F,  128.0F,    127.999F};
    for (uint64_t bits = 0; bits < (uint64_t(1) << 32); bits += 1021)
      x.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
    x.resize((x.size() + kWidth - 1) / kWidth * kWidth, 1.0F);
    std::vector<float> y(x.size()), first;
    for (const std::string &architecture : runnableArchitectures()) {
      SCOPED_TRACE(architecture);
      Kernels kernels(text(op), architecture);
      for (size_t i = 0; i < x.size(); i += kWidth << 12)
        kernels.run("k", {&x[i], &y[i]}, 0, std::min<int64_t>(1 << 12, (x.size() - i) / kWidth));
      double worst = 0;
      float at = 0;
      for (size_t i = 0; i < x.size(); ++i)
        if (double error = ulps(y[i], reference(x[i])); !(error <= worst)) {
          worst = error;
          at = x[i];
        }
      EXPECT_LE(worst, tolerance) << op << "(" << format("{:a}", at) << ")";
      RecordProperty(architecture, format("{:.3f}", worst));
      fmt::print("  {:6} {} worst {:.3f} ulp at {}\n", op, architecture, worst, at);
      // The same bits on every architecture.
      if (first.empty())
        first = y;
      for (size_t i = 0; i < y.size(); ++i)
        ASSERT_TRUE(ordinal(first[i]) == ordinal(y[i]) || std::isnan(y[i])) << x[i];
    }
  }
};

TEST_F(MathFunction, Exp) { sweep("exp", std::exp, 2); }
TEST_F(MathFunction, Exp2) { sweep("exp2", std::exp2, 2); }
TEST_F(MathFunction, Log) { sweep("log", std::log, 2); }
TEST_F(MathFunction, Tanh) { sweep("tanh", std::tanh, 2); }
TEST_F(MathFunction, Sqrt) { sweep("sqrt", std::sqrt, 0.5); }
TEST_F(MathFunction, Rsqrt) {
  sweep("rsqrt", [](double x) { return 1 / std::sqrt(x); }, 1.5);
}
// Not expanded: calls of libm.
TEST_F(MathFunction, Erf) { sweep("erf", std::erf, 2); }

TEST_F(MathFunction, AreExpandedInline) {
  Kernels kernels(text("exp") + text("tanh").replace(text("tanh").find("@k"), 2, "@t"));
  EXPECT_EQ(kernels.lowered().find("llvm.call"), std::string::npos);
  EXPECT_EQ(kernels.lowered().find("llvm.intr.exp"), std::string::npos);
  EXPECT_EQ(kernels.lowered().find("llvm.intr.tanh"), std::string::npos);
}

//===----------------------------------------------------------------------===//
// Random numbers
//===----------------------------------------------------------------------===//

/// Philox2x32-10, word by word.
float uniform(uint64_t index, uint32_t site, uint32_t key) {
  auto low = static_cast<uint32_t>(index), high = site ^ static_cast<uint32_t>(index >> 32);
  for (int round = 0; round < 10; ++round) {
    if (round > 0)
      key += 0x9E3779B9;
    uint64_t product = uint64_t(0xD256D193) * low;
    low = static_cast<uint32_t>(product >> 32) ^ key ^ high;
    high = static_cast<uint32_t>(product);
  }
  return float(low >> 8) * 0x1p-24F;
}

TEST(Philox, MatchesTheKnownAnswers) {
  // From the generator's authors' test vectors: counter and key all zeros, all ones.
  EXPECT_EQ(uniform(0, 0, 0), float(0xff1dae59 >> 8) * 0x1p-24F);
  EXPECT_EQ(uniform(0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF), float(0x2c3f628b >> 8) * 0x1p-24F);
}

TEST(Philox, KernelMatchesScalarCode) {
  int rows = 5, heads = 3, width = 37;
  for (const std::string &architecture : runnableArchitectures()) {
    Kernels kernels(format(R"(
    step.row_kernel @k domain [{0}, {1}, {2}] row_dims 2 ins 1
        maps [affine_map<(m, h, c) -> (0)>, affine_map<(m, h, c) -> ((m * {1} + h) * {2} + c)>] unit_rows 2 {{
    ^bb0(%key: i32, %out: f32):
      %u = swamla.random_uniform %key site(77)
      swamla.yield %u : f32
    }})",
                           rows, heads, width),
                    architecture);
    uint32_t key = 0xDEADBEEF;
    std::vector<float> y(rows * heads * width);
    kernels.run("k", {&key, y.data()}, 0, 3);
    for (size_t i = 0; i < y.size(); ++i)
      EXPECT_EQ(y[i], uniform(i, 77, key)) << i;
  }
}

TEST(Philox, CountsPastOneWord) {
  // A domain of more than 2^32 points, of which the two rows around the carry are run; the carry
  // falls inside a vector.
  int64_t width = 1000, rows = (int64_t(1) << 33) / width, from = (int64_t(1) << 32) / width;
  Kernels kernels(format(R"(
    step.row_kernel @k domain [{0}, {1}] row_dims 1 ins 1
        maps [affine_map<(m, c) -> (0)>, affine_map<(m, c) -> (m * {1} + c)>] unit_rows 1 {{
    ^bb0(%key: i32, %out: f32):
      %u = swamla.random_uniform %key site(-5)
      swamla.yield %u : f32
    }})",
                         rows, width));
  uint32_t key = 99;
  std::vector<float> y(2 * width);
  auto base = reinterpret_cast<uintptr_t>(y.data()) - from * width * sizeof(float);
  kernels.run("k", {&key, reinterpret_cast<void *>(base)}, from, from + 2);
  for (int64_t i = 0; i < 2 * width; ++i)
    EXPECT_EQ(y[i], uniform(from * width + i, static_cast<uint32_t>(-5), key)) << i;
}

} // namespace
