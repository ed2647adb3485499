//===- RowKernelTest.cpp - row kernels against plain loops ----------------===//
#include "tests/unit/KernelHarness.h"

#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <gtest/gtest.h>

using namespace swamla::test;
using fmt::format;

namespace {

/// RMSNorm in double precision.
std::vector<double> rmsNorm(const std::vector<float> &x, const std::vector<float> &weight, int rows,
                            int width) {
  std::vector<double> y(x.size());
  for (int m = 0; m < rows; ++m) {
    double sum = 0;
    for (int c = 0; c < width; ++c)
      sum += double(x[m * width + c]) * x[m * width + c];
    double scale = 1 / std::sqrt(sum / width + 1e-5);
    for (int c = 0; c < width; ++c)
      y[m * width + c] = x[m * width + c] * scale * weight[c];
  }
  return y;
}

std::string normText(int rows, int width, int unitRows) {
  return format(R"(
    step.row_kernel @norm domain [{0}, {1}] row_dims 1 ins 2
        maps [affine_map<(m, c) -> (m * {1} + c)>, affine_map<(m, c) -> (c)>,
              affine_map<(m, c) -> (m * {1} + c)>] unit_rows {2} {{
    ^bb0(%x: f32, %w: f32, %out: f32):
      %square = arith.mulf %x, %x : f32
      %sum = swamla.reduce_row add %square : f32
      %n = arith.constant {3:e} : f32
      %mean = arith.divf %sum, %n : f32
      %eps = arith.constant 1.0e-5 : f32
      %shifted = arith.addf %mean, %eps : f32
      %scale = math.rsqrt %shifted : f32
      %scaled = arith.mulf %x, %scale : f32
      %y = arith.mulf %scaled, %w : f32
      swamla.yield %y : f32
    }})",
                rows, width, unitRows, double(width));
}

void expectNear(const std::vector<float> &found, const std::vector<double> &expected,
                double relative, double absolute) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i)
    ASSERT_NEAR(found[i], expected[i], absolute + relative * std::abs(expected[i])) << "at " << i;
}

class RowKernelWidths : public testing::TestWithParam<int> {};

/// Writes past the end of a buffer would change the guard.
constexpr float kGuard = 12345.0F;

TEST_P(RowKernelWidths, NormOnEveryArchitecture) {
  int rows = 5, width = GetParam();
  auto x = randomFloats(rows * width, 1), weight = randomFloats(width, 2);
  auto expected = rmsNorm(x, weight, rows, width);
  std::vector<float> first;
  for (const std::string &architecture : runnableArchitectures()) {
    SCOPED_TRACE(architecture);
    Kernels kernels(normText(rows, width, 2), architecture);
    std::vector<float> y(rows * width + 1, kGuard);
    kernels.run("norm", {x.data(), weight.data(), y.data()}, 0, 1);
    if (rows > 2) // the rows of other units are untouched
      EXPECT_EQ(y[2 * width], kGuard);
    kernels.run("norm", {x.data(), weight.data(), y.data()}, 1, 3);
    EXPECT_EQ(y.back(), kGuard);
    y.pop_back();
    expectNear(y, expected, 2e-6, 1e-7);
    // The same bits, whatever the length of the vectors.
    if (first.empty())
      first = y;
    EXPECT_EQ(std::memcmp(first.data(), y.data(), y.size() * sizeof(float)), 0);
  }
}
INSTANTIATE_TEST_SUITE_P(Widths, RowKernelWidths,
                         testing::Values(1, 2, 4, 7, 15, 16, 17, 33, 64, 100, 127, 192, 1000));

TEST(RowKernel, ReductionIsTheSameBesideOthers) {
  // The sum of a row does not depend on what else a kernel computes.
  int rows = 3, width = 777;
  std::string maps = format("affine_map<(m, c) -> (m * {} + c)>", width);
  std::string head = format("step.row_kernel @NAME domain [{}, {}] row_dims 1 ins 1 maps [{}, ",
                            rows, width, maps);
  std::string alone = head + R"(affine_map<(m, c) -> (m)>] unit_rows 1 {
    ^bb0(%x: f32, %out: f32):
      %s = swamla.reduce_row add %x : f32
      swamla.yield %s : f32
    })";
  std::string beside = head + maps + R"(, affine_map<(m, c) -> (m)>] unit_rows 3 {
    ^bb0(%x: f32, %y0: f32, %out: f32):
      %e = math.exp %x : f32
      %t = swamla.reduce_row add %e : f32
      %s = swamla.reduce_row add %x : f32
      %y = arith.divf %e, %t : f32
      swamla.yield %y, %s : f32, f32
    })";
  alone.replace(alone.find("NAME"), 4, "alone");
  beside.replace(beside.find("NAME"), 4, "beside");
  Kernels kernels(alone + beside);
  auto x = randomFloats(rows * width, 3);
  std::vector<float> one(rows), two(rows), y(rows * width);
  kernels.run("alone", {x.data(), one.data()}, 0, 3);
  kernels.run("beside", {x.data(), y.data(), two.data()}, 0, 1);
  EXPECT_EQ(one, two);
}

TEST(RowKernel, LayerNormInPlace) {
  int rows = 4, width = 96;
  Kernels kernels(format(R"(
    step.row_kernel @k domain [{0}, {1}] row_dims 1 ins 1
        maps [affine_map<(m, c) -> (m * {1} + c)>, affine_map<(m, c) -> (m * {1} + c)>] unit_rows 4 {{
    ^bb0(%x: f32, %out: f32):
      %n = arith.constant {2:e} : f32
      %s = swamla.reduce_row add %x : f32
      %mean = arith.divf %s, %n : f32
      %d = arith.subf %x, %mean : f32
      %dd = arith.mulf %d, %d : f32
      %v = swamla.reduce_row add %dd : f32
      %var = arith.divf %v, %n : f32
      %sd = math.sqrt %var : f32
      %y = arith.divf %d, %sd : f32
      swamla.yield %y : f32
    }})",
                         rows, width, double(width)));
  auto x = randomFloats(rows * width, 4, 0, 3);
  std::vector<double> expected(x.size());
  for (int m = 0; m < rows; ++m) {
    double mean = 0, var = 0;
    for (int c = 0; c < width; ++c)
      mean += x[m * width + c] / double(width);
    for (int c = 0; c < width; ++c)
      var += std::pow(x[m * width + c] - mean, 2) / width;
    for (int c = 0; c < width; ++c)
      expected[m * width + c] = (x[m * width + c] - mean) / std::sqrt(var);
  }
  kernels.run("k", {x.data(), x.data()}, 0, 1);
  expectNear(x, expected, 1e-5, 1e-6);
}

TEST(RowKernel, OutReadsItsOwnInitialValue) {
  // m = beta m + (1 - beta) g, g = 0: a step of an optimizer, scalars from memory.
  int rows = 3, width = 40;
  Kernels kernels(format(R"(
    step.row_kernel @k domain [{0}, {1}] row_dims 1 ins 1
        maps [affine_map<(m, c) -> (0)>, affine_map<(m, c) -> (m * {1} + c)>,
              affine_map<(m, c) -> (m * {1} + c)>] unit_rows 1 {{
    ^bb0(%beta: f32, %m: f32, %g: f32):
      %one = arith.constant 1.0 : f32
      %zero = arith.constant 0.0 : f32
      %rest = arith.subf %one, %beta : f32
      %a = arith.mulf %beta, %m : f32
      %b = arith.mulf %rest, %g : f32
      %c = arith.addf %a, %b : f32
      swamla.yield %c, %zero : f32, f32
    }})",
                         rows, width));
  auto m = randomFloats(rows * width, 5), g = randomFloats(rows * width, 6);
  std::vector<double> expected(m.size());
  float beta = 0.75F;
  for (size_t i = 0; i < m.size(); ++i)
    expected[i] = beta * m[i] + 0.25 * g[i];
  kernels.run("k", {&beta, m.data(), g.data()}, 0, 3);
  expectNear(m, expected, 1e-6, 1e-7);
  EXPECT_EQ(g, std::vector<float>(g.size(), 0.0F));
}

TEST(RowKernel, RopeWithTablesOverHeads) {
  // [M, H | D], tables [T, D] by m mod T, rotation of neighbours; x has a row stride of its own.
  int rows = 6, heads = 3, width = 24, period = 3, stride = 100;
  Kernels kernels(format(R"(
    step.row_kernel @rope domain [{0}, {1}, {2}] row_dims 2 ins 3
        maps [affine_map<(m, h, d) -> (m * {4} + h * {2} + d + 8)>,
              affine_map<(m, h, d) -> ((m mod {3}) * {2} + d)>,
              affine_map<(m, h, d) -> ((m mod {3}) * {2} + d)>,
              affine_map<(m, h, d) -> ((m * {1} + h) * {2} + d)>] unit_rows 4 {{
    ^bb0(%x: f32, %cos: f32, %sin: f32, %out: f32):
      %p = swamla.pair_swap %x : f32
      %a = arith.mulf %x, %cos : f32
      %b = arith.mulf %p, %sin : f32
      %y = arith.addf %a, %b : f32
      swamla.yield %y : f32
    }})",
                         rows, heads, width, period, stride));
  auto x = randomFloats(rows * stride, 7);
  auto cosines = randomFloats(period * width, 8), sines = randomFloats(period * width, 9);
  std::vector<float> y(rows * heads * width);
  kernels.run("rope", {x.data(), cosines.data(), sines.data(), y.data()}, 0, 2);
  std::vector<double> expected(y.size());
  for (int m = 0; m < rows; ++m)
    for (int h = 0; h < heads; ++h)
      for (int d = 0; d < width; ++d) {
        const float *row = &x[m * stride + h * width + 8];
        int table = (m % period) * width + d;
        expected[(m * heads + h) * width + d] =
            double(row[d]) * cosines[table] + double(row[d ^ 1]) * sines[table];
      }
  expectNear(y, expected, 1e-6, 1e-6);
}

TEST(RowKernel, SeveralColumnDims) {
  // [M | H, D]: a row is all of H x D; an operand varies with h alone.
  int rows = 3, heads = 5, width = 20;
  Kernels kernels(format(R"(
    step.row_kernel @k domain [{0}, {1}, {2}] row_dims 1 ins 2
        maps [affine_map<(m, h, d) -> ((m * {1} + h) * {2} + d)>, affine_map<(m, h, d) -> (m * {1} + h)>,
              affine_map<(m, h, d) -> ((m * {1} + h) * {2} + d)>, affine_map<(m, h, d) -> (m)>] unit_rows 2 {{
    ^bb0(%x: f32, %s: f32, %y0: f32, %r0: f32):
      %t = arith.mulf %x, %s : f32
      %max = swamla.reduce_row max %t : f32
      %y = arith.subf %t, %max : f32
      swamla.yield %y, %max : f32, f32
    }})",
                         rows, heads, width));
  auto x = randomFloats(rows * heads * width, 10, -5, -1), s = randomFloats(rows * heads, 11, 1, 2);
  std::vector<float> y(x.size()), r(rows);
  kernels.run("k", {x.data(), s.data(), y.data(), r.data()}, 0, 2);
  for (int m = 0; m < rows; ++m) {
    float max = -INFINITY;
    for (int i = 0; i < heads * width; ++i)
      max = std::max(max, x[m * heads * width + i] * s[m * heads + i / width]);
    EXPECT_EQ(r[m], max);
    for (int i = 0; i < heads * width; ++i)
      EXPECT_EQ(y[m * heads * width + i],
                x[m * heads * width + i] * s[m * heads + i / width] - max);
  }
}

TEST(RowKernel, MaxPropagatesNan) {
  Kernels kernels(R"(
    step.row_kernel @k domain [2, 70] row_dims 1 ins 1
        maps [affine_map<(m, c) -> (m * 70 + c)>, affine_map<(m, c) -> (m)>] unit_rows 2 {
    ^bb0(%x: f32, %r0: f32):
      %max = swamla.reduce_row max %x : f32
      swamla.yield %max : f32
    })");
  auto x = randomFloats(140, 12);
  x[65] = NAN;
  std::vector<float> r(2);
  kernels.run("k", {x.data(), r.data()}, 0, 1);
  EXPECT_TRUE(std::isnan(r[0]));
  EXPECT_EQ(r[1], *std::max_element(x.begin() + 70, x.end()));
}

} // namespace
