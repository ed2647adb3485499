//===- RowKernelBf16Test.cpp - bf16 in row kernels and scatter-adds -------===//
#include "runtime/base/Bf16.h"
#include "tests/unit/KernelHarness.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <limits>

using namespace swamla;
using namespace swamla::test;
using fmt::format;

namespace {

/// Nearest, ties to even, from the definition: the two neighbours, and which of them is closer.
Bf16 nearestBf16(float value) {
  auto bits = std::bit_cast<uint32_t>(value);
  auto below = Bf16(bits >> 16);
  if ((bits & 0xFFFF) == 0 || std::isinf(value))
    return below;
  // One more step away from zero; beyond the largest number lies infinity, as if it were 2^128.
  auto size = [](Bf16 number) {
    return (number & 0x7FFF) == 0x7F80 ? 0x1p128 : std::abs(double(toFloat(number)));
  };
  double down = std::abs(double(value)) - size(below),
         up = size(below + 1) - std::abs(double(value));
  bool goesUp = up < down || (up == down && (below & 1) != 0);
  return Bf16(below + (goesUp ? 1 : 0));
}

/// Numbers of all exponents and signs, ties among them, and the special ones.
std::vector<float> numbers() {
  std::vector<float> all;
  for (uint32_t high = 0; high < 0x10000; high += 13)
    for (uint32_t low : {0x0000U, 0x0001U, 0x7FFFU, 0x8000U, 0x8001U, 0xFFFFU})
      all.push_back(std::bit_cast<float>(high << 16 | low));
  using Limits = std::numeric_limits<float>;
  for (float special : {0.0F, -0.0F, Limits::infinity(), -Limits::infinity(), Limits::max(),
                        Limits::lowest(), Limits::denorm_min(), Limits::min()})
    all.push_back(special);
  return all;
}

TEST(RowKernelBf16, RoundsToNearestEven) {
  std::vector<float> x = numbers();
  for (const std::string &architecture : runnableArchitectures()) {
    Kernels kernels(castText("f32", "truncf", "bf16", x.size()), architecture);
    ASSERT_EQ(kernels.errors(), "");
    std::vector<Bf16> y(x.size() + 1, 0x4242);
    kernels.run("cast", {x.data(), y.data()}, 0, 1);
    EXPECT_EQ(y.back(), 0x4242) << "written past the end";
    for (size_t i = 0; i < x.size(); ++i) {
      if (std::isnan(x[i]))
        ASSERT_TRUE(std::isnan(toFloat(y[i]))) << std::hex << std::bit_cast<uint32_t>(x[i]);
      else
        ASSERT_EQ(y[i], nearestBf16(x[i])) << std::hex << std::bit_cast<uint32_t>(x[i]);
      ASSERT_EQ(y[i], toBf16(x[i])) << "the runtime rounds otherwise";
    }
  }
}

TEST(RowKernelBf16, WidensExactly) {
  std::vector<Bf16> x(0x10000);
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = Bf16(i);
  for (const std::string &architecture : runnableArchitectures()) {
    Kernels kernels(castText("bf16", "extf", "f32", x.size()), architecture);
    ASSERT_EQ(kernels.errors(), "");
    std::vector<float> y(x.size());
    kernels.run("cast", {x.data(), y.data()}, 0, 1);
    for (size_t i = 0; i < x.size(); ++i)
      ASSERT_EQ(std::bit_cast<uint32_t>(y[i]), uint32_t(i) << 16);
  }
}

/// A residual sum that is rounded, stored, and then summed up by row and by column as rounded;
/// tails of every length, one column (scalars), and a gather.
TEST(RowKernelBf16, RoundsBetweenOps) {
  for (int width : {1, 7, 16, 33, 70})
    for (const std::string &architecture : runnableArchitectures()) {
      SCOPED_TRACE(format("{} columns, {}", width, architecture));
      int rows = 6;
      Kernels kernels(format(R"(
          step.row_kernel @sum domain [{0}, {1}] row_dims 1 ins 3
              maps [affine_map<(m, c) -> (m)>, affine_map<(m, c)[s0] -> (s0 * {1} + c)>,
                    affine_map<(m, c) -> (m * {1} + c)>, affine_map<(m, c) -> (m * {1} + c)>,
                    affine_map<(m, c) -> (m)>, affine_map<(m, c) -> (c)>]
              gather [-1, 0, -1] unit_rows {0} {{
          ^bb0(%token: i32, %x: bf16, %y: bf16, %o0: bf16, %o1: f32, %o2: f32):
            %a = arith.extf %x : bf16 to f32
            %b = arith.extf %y : bf16 to f32
            %s = arith.addf %a, %b : f32
            %r = arith.truncf %s : f32 to bf16
            %w = arith.extf %r : bf16 to f32
            %row = swamla.reduce_row add %w : f32
            swamla.yield %r, %row, %w : bf16, f32, f32
          }})",
                             rows, width),
                      architecture);
      ASSERT_EQ(kernels.errors(), "");
      std::vector<int32_t> tokens = {2, 0, 1, 2, 2, 0};
      std::vector<Bf16> table(3 * width), y(rows * width), sum(rows * width);
      for (auto [to, seed] : {std::pair(&table, 1), {&y, 2}})
        std::ranges::transform(randomFloats(to->size(), seed), to->begin(), toBf16);
      std::vector<float> byRow(rows), byColumn(width);
      kernels.run(
          "sum", {tokens.data(), table.data(), y.data(), sum.data(), byRow.data(), byColumn.data()},
          0, 1);
      std::vector<double> columns(width, 0.0);
      for (int m = 0; m < rows; ++m) {
        double row = 0;
        for (int c = 0; c < width; ++c) {
          float exact = toFloat(table[tokens[m] * width + c]) + toFloat(y[m * width + c]);
          ASSERT_EQ(sum[m * width + c], toBf16(exact)) << m << ", " << c;
          row += toFloat(toBf16(exact));
          columns[c] += toFloat(toBf16(exact));
        }
        EXPECT_NEAR(byRow[m], row, 1e-5);
      }
      for (int c = 0; c < width; ++c)
        EXPECT_NEAR(byColumn[c], columns[c], 1e-5);
    }
}

TEST(RowKernelBf16, RefusesSums) {
  Kernels kernels(R"(
      step.row_kernel @k domain [4, 8] row_dims 1 ins 1
          maps [affine_map<(m, c) -> (m * 8 + c)>, affine_map<(m, c) -> (c)>] unit_rows 4 {
      ^bb0(%x: bf16, %out: bf16):
        swamla.yield %x : bf16
      })");
  EXPECT_NE(kernels.errors().find("a sum over rows needs f32 or f64, found 'bf16'"),
            std::string::npos)
      << kernels.errors();
}

TEST(ScatterAddKernelBf16, AddsToF32) {
  int rows = 40, cols = 70, vocab = 6, stride = 75, unit = 24;
  for (const std::string &architecture : runnableArchitectures()) {
    Kernels kernels(format("step.scatter_add_kernel @k element bf16 rows {} cols {} vocab {} "
                           "dy_stride {} unit_cols {}",
                           rows, cols, vocab, stride, unit),
                    architecture);
    ASSERT_EQ(kernels.errors(), "");
    std::vector<Bf16> dy(rows * stride);
    std::ranges::transform(randomFloats(dy.size(), 12), dy.begin(), toBf16);
    auto table = randomFloats(vocab * cols, 13);
    std::vector<int32_t> tokens(rows);
    for (int m = 0; m < rows; ++m)
      tokens[m] = m * m % vocab;
    std::vector<float> expected = table;
    for (int m = 0; m < rows; ++m)
      for (int c = 0; c < cols; ++c)
        expected[tokens[m] * cols + c] += toFloat(dy[m * stride + c]);
    kernels.run("k", {tokens.data(), dy.data(), table.data()}, 0, (cols + unit - 1) / unit);
    EXPECT_EQ(table, expected);
  }
}

} // namespace
