//===- RowKernelSumTest.cpp - sums over rows, gathers, integers -----------===//
#include "tests/unit/KernelHarness.h"

#include <cmath>
#include <fmt/format.h>
#include <gtest/gtest.h>

using namespace swamla::test;
using fmt::format;

namespace {

/// sum over the rows [from, to) of column c, in order.
float columnSum(const std::vector<float> &x, int width, int c, int from, int to, float start = 0) {
  for (int m = from; m < to; ++m)
    start += x[m * width + c];
  return start;
}

std::string columnSumText(int rows, int width, int unitRows, const std::string &outMap,
                          const std::string &accumulate) {
  return format(R"(
    step.row_kernel @sum domain [{0}, {1}] row_dims 1 ins 1
        maps [affine_map<(m, c) -> (m * {1} + c)>, affine_map<(m, c) -> ({3})>] unit_rows {2} {4} {{
    ^bb0(%x: f32, %out: f32):
      swamla.yield %x : f32
    }})",
                rows, width, unitRows, outMap, accumulate);
}

TEST(RowKernelSum, OverAllRows) {
  int rows = 50, width = 37;
  auto x = randomFloats(rows * width, 1);
  Kernels kernels(columnSumText(rows, width, rows, "c", ""));
  std::vector<float> sum(width, NAN); // what was there does not matter
  kernels.run("sum", {x.data(), sum.data()}, 0, 1);
  for (int c = 0; c < width; ++c)
    EXPECT_EQ(sum[c], columnSum(x, width, c, 0, rows));
}

TEST(RowKernelSum, Accumulates) {
  int rows = 9, width = 16;
  auto x = randomFloats(rows * width, 2);
  Kernels kernels(columnSumText(rows, width, rows, "c", "accumulate [true]"));
  std::vector<float> sum(width, 3.0F);
  kernels.run("sum", {x.data(), sum.data()}, 0, 1);
  for (int c = 0; c < width; ++c)
    EXPECT_EQ(sum[c], columnSum(x, width, c, 0, rows, 3.0F));
}

TEST(RowKernelSum, OfASingleRowAccumulates) {
  auto x = randomFloats(20, 3);
  Kernels kernels(columnSumText(1, 20, 1, "c", "accumulate [true]"));
  std::vector<float> sum(20, 1.0F);
  kernels.run("sum", {x.data(), sum.data()}, 0, 1);
  for (int c = 0; c < 20; ++c)
    EXPECT_EQ(sum[c], 1.0F + x[c]);
}

TEST(RowKernelSum, PartialSumsOfUnits) {
  int rows = 23, width = 33, unit = 5, units = 5;
  auto x = randomFloats(rows * width, 4);
  Kernels kernels(
      columnSumText(rows, width, unit, format("(m floordiv {}) * {} + c", unit, width), ""));
  std::vector<float> sums(units * width, NAN);
  // In any order and in any grouping.
  kernels.run("sum", {x.data(), sums.data()}, 3, 5);
  kernels.run("sum", {x.data(), sums.data()}, 0, 2);
  kernels.run("sum", {x.data(), sums.data()}, 2, 3);
  for (int u = 0; u < units; ++u)
    for (int c = 0; c < width; ++c)
      EXPECT_EQ(sums[u * width + c],
                columnSum(x, width, c, u * unit, std::min(rows, (u + 1) * unit)));
}

TEST(RowKernelSum, OverAnInnerRowDim) {
  // head_sum: [M, H | D] -> [M, D].
  int rows = 4, heads = 3, width = 12;
  auto x = randomFloats(rows * heads * width, 5);
  Kernels kernels(format(R"(
    step.row_kernel @k domain [{0}, {1}, {2}] row_dims 2 ins 1
        maps [affine_map<(m, h, d) -> ((m * {1} + h) * {2} + d)>, affine_map<(m, h, d) -> (m * {2} + d)>]
        unit_rows 2 {{
    ^bb0(%x: f32, %out: f32):
      swamla.yield %x : f32
    }})",
                         rows, heads, width));
  std::vector<float> sums(rows * width, NAN);
  kernels.run("k", {x.data(), sums.data()}, 0, 2);
  for (int m = 0; m < rows; ++m)
    for (int d = 0; d < width; ++d) {
      float sum = 0;
      for (int h = 0; h < heads; ++h)
        sum += x[(m * heads + h) * width + d];
      EXPECT_EQ(sums[m * width + d], sum);
    }
}

TEST(RowKernelSum, OfRowValues) {
  // One number a row, summed over the rows of a unit; beside it the elements themselves.
  int rows = 6, width = 50;
  auto x = randomFloats(rows * width, 6, 0, 1);
  Kernels kernels(format(R"(
    step.row_kernel @k domain [{0}, {1}] row_dims 1 ins 1
        maps [affine_map<(m, c) -> (m * {1} + c)>, affine_map<(m, c) -> (m floordiv 3)>,
              affine_map<(m, c) -> (m)>] unit_rows 3 {{
    ^bb0(%x: f32, %u: f32, %r: f32):
      %max = swamla.reduce_row max %x : f32
      swamla.yield %max, %max : f32, f32
    }})",
                         rows, width));
  std::vector<float> unitSums(2, NAN), maxima(rows);
  kernels.run("k", {x.data(), unitSums.data(), maxima.data()}, 0, 2);
  for (int m = 0; m < rows; ++m)
    EXPECT_EQ(maxima[m], *std::max_element(&x[m * width], &x[m * width] + width));
  EXPECT_EQ(unitSums[0], maxima[0] + maxima[1] + maxima[2]);
  EXPECT_EQ(unitSums[1], maxima[3] + maxima[4] + maxima[5]);
}

TEST(RowKernelSum, RowsWithoutColumns) {
  // A domain of rows alone.
  auto x = randomFloats(11, 7);
  Kernels kernels(R"(
    step.row_kernel @k domain [11] row_dims 1 ins 1
        maps [affine_map<(m) -> (m)>, affine_map<(m) -> (m)>, affine_map<(m) -> (0)>] unit_rows 11 {
    ^bb0(%x: f32, %y0: f32, %s0: f32):
      %t = swamla.reduce_row add %x : f32
      %y = arith.addf %t, %x : f32
      swamla.yield %y, %x : f32, f32
    })");
  std::vector<float> y(11), sum(1, NAN);
  kernels.run("k", {x.data(), y.data(), sum.data()}, 0, 1);
  float expected = 0;
  for (int m = 0; m < 11; ++m) {
    EXPECT_EQ(y[m], 2 * x[m]);
    expected += x[m];
  }
  EXPECT_EQ(sum[0], expected);
}

TEST(RowKernelGather, RowsOfATable) {
  int rows = 7, width = 19, vocab = 5;
  auto table = randomFloats(vocab * width, 8);
  std::vector<int32_t> tokens = {4, 0, 0, 3, 1, 4, 2};
  Kernels kernels(format(R"(
    step.row_kernel @k domain [{0}, {1}] row_dims 1 ins 2
        maps [affine_map<(m, c) -> (m)>, affine_map<(m, c)[s] -> (s * {1} + c)>,
              affine_map<(m, c) -> (m * {1} + c)>] gather [-1, 0] unit_rows 2 {{
    ^bb0(%t: i32, %row: f32, %out: f32):
      swamla.yield %row : f32
    }})",
                         rows, width));
  std::vector<float> y(rows * width);
  kernels.run("k", {tokens.data(), table.data(), y.data()}, 0, 4);
  for (int i = 0; i < rows * width; ++i)
    EXPECT_EQ(y[i], table[tokens[i / width] * width + i % width]);
}

TEST(RowKernelGather, AnIndexForEachColumn) {
  int width = 45;
  auto table = randomFloats(2 * 100, 9);
  std::vector<int32_t> indices(width);
  for (int c = 0; c < width; ++c)
    indices[c] = (c * 37) % 100;
  for (const std::string &architecture : runnableArchitectures()) {
    Kernels kernels(format(R"(
    step.row_kernel @k domain [2, {0}] row_dims 1 ins 2
        maps [affine_map<(m, c) -> (c)>, affine_map<(m, c)[s] -> (m * 100 + s)>,
              affine_map<(m, c) -> (m * {0} + c)>] gather [-1, 0] unit_rows 2 {{
    ^bb0(%t: i32, %v: f32, %out: f32):
      swamla.yield %v : f32
    }})",
                           width),
                    architecture);
    std::vector<float> y(2 * width);
    kernels.run("k", {indices.data(), table.data(), y.data()}, 0, 1);
    for (int i = 0; i < 2 * width; ++i)
      EXPECT_EQ(y[i], table[i / width * 100 + indices[i % width]]);
  }
}

TEST(RowKernelIntegers, TablesInDoublePrecision) {
  // A rope table: cos(position * base^(-2 i / D)), computed in f64; and an i32 result.
  int rows = 40, width = 18;
  Kernels kernels(format(R"(
    step.row_kernel @k domain [{0}, {1}] row_dims 1 ins 0
        maps [affine_map<(m, c) -> (m * {1} + c)>, affine_map<(m, c) -> (m * {1} + c)>] unit_rows 8 {{
    ^bb0(%y0: f32, %i0: i32):
      %m = swamla.index 0
      %c = swamla.index 1
      %one = arith.constant 1 : i32
      %pair = arith.shrsi %c, %one : i32
      %p = arith.sitofp %m : i32 to f64
      %i = arith.sitofp %pair : i32 to f64
      %rate = arith.constant -1.0233 : f64
      %e = arith.mulf %i, %rate : f64
      %f = math.exp %e : f64
      %angle = arith.mulf %p, %f : f64
      %cos = math.cos %angle : f64
      %sin = math.sin %angle : f64
      %sum = arith.addf %cos, %sin : f64
      %y = arith.truncf %sum : f64 to f32
      %d = arith.subi %m, %c : i32
      %three = arith.constant 3 : i32
      %s = arith.floordivsi %d, %three : i32
      swamla.yield %y, %s : f32, i32
    }})",
                         rows, width));
  std::vector<float> y(rows * width);
  std::vector<int32_t> s(rows * width);
  kernels.run("k", {y.data(), s.data()}, 0, 5);
  for (int m = 0; m < rows; ++m)
    for (int c = 0; c < width; ++c) {
      double angle = m * std::exp((c >> 1) * -1.0233);
      EXPECT_EQ(y[m * width + c], float(std::cos(angle) + std::sin(angle)));
      EXPECT_EQ(s[m * width + c], int(std::floor((m - c) / 3.0)));
    }
}

TEST(RowKernelSoftmax, CrossEntropyAndItsGradient) {
  // Rows of logits that become their own gradient, and one loss a row; target -100 is ignored.
  int rows = 6, vocab = 300;
  Kernels kernels(format(R"(
    step.row_kernel @k domain [{0}, {1}] row_dims 1 ins 3
        maps [affine_map<(m, c) -> (m * {1} + c)>, affine_map<(m, c) -> (m)>, affine_map<(m, c) -> (0)>,
              affine_map<(m, c) -> (m)>, affine_map<(m, c) -> (m * {1} + c)>] unit_rows 1 {{
    ^bb0(%x: f32, %t: i32, %w: f32, %l0: f32, %d0: f32):
      %zero = arith.constant 0.0 : f32
      %one = arith.constant 1.0 : f32
      %ignored = arith.constant -100 : i32
      %c = swamla.index 1
      %max = swamla.reduce_row max %x : f32
      %shifted = arith.subf %x, %max : f32
      %e = math.exp %shifted : f32
      %sum = swamla.reduce_row add %e : f32
      %hit = arith.cmpi eq, %c, %t : i32
      %picked = arith.select %hit, %shifted, %zero : f32
      %at = swamla.reduce_row add %picked : f32
      %log = math.log %sum : f32
      %nll = arith.subf %log, %at : f32
      %keep = arith.cmpi ne, %t, %ignored : i32
      %weight = arith.select %keep, %w, %zero : f32
      %loss = arith.mulf %nll, %weight : f32
      %p = arith.divf %e, %sum : f32
      %target = arith.select %hit, %one, %zero : f32
      %d = arith.subf %p, %target : f32
      %dx = arith.mulf %d, %weight : f32
      swamla.yield %loss, %dx : f32, f32
    }})",
                         rows, vocab));
  auto x = randomFloats(rows * vocab, 11, -8, 8);
  auto dx = x;
  std::vector<int32_t> targets = {0, 299, -100, 150, 7, -100};
  float weight = 0.25F;
  std::vector<float> loss(rows);
  kernels.run("k", {dx.data(), targets.data(), &weight, loss.data(), dx.data()}, 0, rows);
  for (int m = 0; m < rows; ++m) {
    double sum = 0;
    for (int c = 0; c < vocab; ++c)
      sum += std::exp(double(x[m * vocab + c]));
    double w = targets[m] < 0 ? 0 : weight;
    double expected = targets[m] < 0 ? 0 : w * (std::log(sum) - x[m * vocab + targets[m]]);
    EXPECT_NEAR(loss[m], expected, 1e-6 * std::abs(expected));
    for (int c = 0; c < vocab; ++c) {
      double p = std::exp(double(x[m * vocab + c])) / sum;
      EXPECT_NEAR(dx[m * vocab + c], w * (p - (c == targets[m])), 1e-7);
    }
  }
}

TEST(ScatterAddKernel, AddsInOrderOfRows) {
  int rows = 40, cols = 70, vocab = 6, stride = 75, unit = 24;
  for (const std::string &architecture : runnableArchitectures()) {
    Kernels kernels(format("step.scatter_add_kernel @k element f32 rows {} cols {} vocab {} "
                           "dy_stride {} unit_cols {}",
                           rows, cols, vocab, stride, unit),
                    architecture);
    auto dy = randomFloats(rows * stride, 12), table = randomFloats(vocab * cols, 13);
    auto expected = table;
    std::vector<int32_t> tokens(rows);
    for (int m = 0; m < rows; ++m) {
      tokens[m] = (m * m) % vocab;
      for (int c = 0; c < cols; ++c)
        expected[tokens[m] * cols + c] += dy[m * stride + c];
    }
    kernels.run("k", {tokens.data(), dy.data(), table.data()}, 1, 3);
    kernels.run("k", {tokens.data(), dy.data(), table.data()}, 0, 1);
    EXPECT_EQ(table, expected);
  }
}

std::string errorOf(const std::string &text) { return Kernels(text).errors(); }

TEST(RowKernelErrors, SayWhatIsWrong) {
  EXPECT_NE(errorOf(R"(
    step.row_kernel @k domain [4, 8] row_dims 1 ins 1
        maps [affine_map<(m, c) -> (m * 8 + c)>, affine_map<(m, c) -> (m)>] unit_rows 4 {
    ^bb0(%x: f32, %out: f32):
      swamla.yield %x : f32
    })")
                .find("its value differs between the row's columns"),
            std::string::npos);
  EXPECT_NE(errorOf(R"(
    step.row_kernel @k domain [4, 7] row_dims 1 ins 1
        maps [affine_map<(m, c) -> (m * 7 + c)>, affine_map<(m, c) -> (m * 7 + c)>] unit_rows 4 {
    ^bb0(%x: f32, %out: f32):
      %p = swamla.pair_swap %x : f32
      swamla.yield %p : f32
    })")
                .find("needs an even number of columns, found 7"),
            std::string::npos);
  EXPECT_NE(errorOf(R"(
    step.row_kernel @k domain [4, 2, 8] row_dims 1 ins 1
        maps [affine_map<(m, h, c) -> (m * 16 + h * 8 + c)>, affine_map<(m, h, c) -> (m * 8 + c)>] unit_rows 4 {
    ^bb0(%x: f32, %out: f32):
      swamla.yield %x : f32
    })")
                .find("expected all column dims in it, or none"),
            std::string::npos);
}

} // namespace
