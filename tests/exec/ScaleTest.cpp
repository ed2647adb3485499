//===- ScaleTest.cpp - the scales of fp8 numbers --------------------------===//
#include "tests/exec/ExecProgram.h"
#include "tests/unit/F8Format.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>

namespace swamla::test {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The smallest power of two, of those that f32 has with full precision, times which the format's
/// largest number is not below amax.
double scaleOf(double amax, double largest) {
  if (!std::isfinite(amax))
    return kNaN;
  if (amax == 0)
    return 1;
  int exponent = -126;
  while (std::ldexp(largest, exponent) < amax)
    ++exponent;
  return std::ldexp(1.0, exponent);
}

void expectEqual(double found, double expected, const char *what, size_t at) {
  if (std::isnan(expected))
    EXPECT_TRUE(std::isnan(found)) << what << " " << at << ": " << found;
  else
    EXPECT_EQ(found, expected) << what << " " << at;
}

/// Rows of three with the amaxes that are hardest to scale.
std::vector<double> hardRows(size_t rows) {
  std::vector<double> amaxes = {0, kNaN, kInfinity, 1e-44, 0x1p-126, 3.4e38F, 1, 448, 57344};
  for (int exponent : {-130, -117, -20, 0, 3, 60, 100})
    for (double mantissa : {1.75, 1.0})
      for (float towards : {0.0F, 1e38F}) {
        auto exact = static_cast<float>(std::ldexp(mantissa, exponent));
        amaxes.insert(amaxes.end(), {exact, std::nextafter(exact, towards)});
      }
  std::vector<double> x;
  for (size_t m = 0; m < rows; ++m) {
    double amax = amaxes[m % amaxes.size()], sign = m % 2 == 0 ? 1 : -1;
    x.insert(x.end(), {static_cast<float>(amax * 0.3), sign * amax, -static_cast<float>(amax / 7)});
  }
  return x;
}

TEST(Scales, ArePowersOfTwoThatFit) {
  ExecProgram *program = execProgram("forward/scales.mlir", {});
  ASSERT_TRUE(program);
  const ExecFunction &function = program->function("scales");
  HostTensors inputs = function.randomInputs(1);
  size_t rows = inputs[0].values.size() / 3;
  inputs[0].values = hardRows(rows);
  auto results = program->forward(function, inputs);
  ASSERT_TRUE(results.isOk()) << results.status().message();
  double largest = 0;
  for (size_t m = 0; m < rows; ++m) {
    double amax = std::fabs(inputs[0].values[3 * m + 1]);
    largest = std::isnan(amax) || largest != largest ? kNaN : std::max(largest, amax);
    double scale = scaleOf(amax, 448);
    expectEqual((*results)[0].values[m], scale, "E4M3 scale of row", m);
    expectEqual((*results)[1].values[m], scaleOf(amax, 57344), "E5M2 scale of row", m);
    for (size_t c = 0; c < 3; ++c) {
      auto scaled = static_cast<float>(inputs[0].values[3 * m + c] / scale);
      expectEqual((*results)[3].values[3 * m + c], kE4M3.value(kE4M3.nearest(scaled)), "number",
                  3 * m + c);
    }
  }
  expectEqual((*results)[2].values[0], scaleOf(largest, 57344), "E5M2 scale of the tensor", 0);
}

TEST(Scales, OfATensorScaleItsTranspose) {
  ExecProgram *program = execProgram("forward/scales.mlir", {});
  ASSERT_TRUE(program);
  const ExecFunction &function = program->function("scales");
  HostTensors inputs = function.randomInputs(2);
  auto results = program->forward(function, inputs);
  ASSERT_TRUE(results.isOk()) << results.status().message();
  const std::vector<double> &x = inputs[0].values;
  double amax = 0;
  for (double value : x)
    amax = std::max(amax, std::fabs(static_cast<double>(static_cast<float>(value))));
  double scale = scaleOf(amax, 57344);
  expectEqual((*results)[2].values[0], scale, "scale", 0);
  size_t rows = x.size() / 3;
  for (size_t i = 0; i < x.size(); ++i) {
    auto scaled = static_cast<float>(static_cast<float>(x[i]) / scale);
    expectEqual((*results)[4].values[i % 3 * rows + i / 3], kE5M2.value(kE5M2.nearest(scaled)),
                "transposed number", i);
  }
}

TEST(Scales, TurnCodesBackIntoNumbers) {
  ExecProgram *program = execProgram("forward/scales.mlir", {});
  ASSERT_TRUE(program);
  const ExecFunction &function = program->function("back");
  HostTensors inputs = function.randomInputs(5);
  auto results = program->forward(function, inputs);
  ASSERT_TRUE(results.isOk()) << results.status().message();
  const std::vector<double> &x = inputs[0].values;
  size_t rows = x.size() / 3;
  for (size_t i = 0; i < x.size(); ++i) {
    double scale = (*results)[0].values[i / 3];
    auto scaled = static_cast<float>(static_cast<float>(x[i]) / scale);
    double code = kE4M3.value(kE4M3.nearest(scaled));
    expectEqual((*results)[1].values[i], code * scale, "number", i);
    expectEqual((*results)[2].values[i % 3 * rows + i / 3], code, "transposed code", i);
  }
}

/// Site 0 sees a new largest, 1 an old one that leaves the history next, 2 something that is not
/// finite, 3 has seen nothing yet, 4 sees less than before.
TEST(Scales, ComeFromTheHistory) {
  ExecProgram *program = execProgram("forward/scales.mlir", {});
  ASSERT_TRUE(program);
  const ExecFunction &function = program->function("update");
  HostTensors inputs = function.randomInputs(3);
  std::fill(inputs[0].values.begin(), inputs[0].values.end(), 0.0);
  auto see = [&](size_t site, double amax) { inputs[0].values[7 * site + site] = amax; };
  see(0, 900), see(1, 2), see(2, kInfinity), see(4, 1e-3F);
  inputs[2].values = {3, 4, 5, 0, 2};
  inputs[3].values = {30, 7, 6, 0, 1};
  inputs[4].values = {300, 5000, 1, 0, 100};
  auto results = program->forward(function, inputs);
  ASSERT_TRUE(results.isOk()) << results.status().message();
  for (double left : (*results)[0].values)
    EXPECT_EQ(left, 0);
  const double scales[] = {scaleOf(900, 448), scaleOf(7, 448), scaleOf(6, 448), 0x1p-24,
                           scaleOf(2, 57344)};
  const double newest[] = {900, 2, 0, 0, 1e-3F};
  for (size_t site = 0; site < 5; ++site) {
    expectEqual((*results)[1].values[site], scales[site], "scale", site);
    expectEqual((*results)[2].values[site], newest[site], "newest", site);
    expectEqual((*results)[3].values[site], inputs[2].values[site], "second", site);
    expectEqual((*results)[4].values[site], inputs[3].values[site], "third", site);
  }
}

/// Sites 0 and 1 have seen nothing yet; what is wide enough differs between activations and
/// cotangents of one format.
TEST(Scales, OfUnseenCotangentsAreSmall) {
  ExecProgram *program = execProgram("forward/scales.mlir", {});
  ASSERT_TRUE(program);
  const ExecFunction &function = program->function("update_e4m3");
  HostTensors inputs = function.randomInputs(6);
  std::fill(inputs[0].values.begin(), inputs[0].values.end(), 0.0);
  inputs[0].values[2 * 7 + 5] = 1e-3F;
  inputs[2].values = {0, 0, 2e-3F};
  auto results = program->forward(function, inputs);
  ASSERT_TRUE(results.isOk()) << results.status().message();
  expectEqual((*results)[0].values[0], 0x1p-4, "scale", 0);
  expectEqual((*results)[0].values[1], 0x1p-18, "scale", 1);
  expectEqual((*results)[0].values[2], scaleOf(1e-3F, 448), "scale", 2);
}

TEST(Scales, ComeFromNowWithoutAHistory) {
  ExecProgram *program = execProgram("forward/scales.mlir", {});
  ASSERT_TRUE(program);
  const ExecFunction &function = program->function("update_now");
  HostTensors inputs = function.randomInputs(4);
  std::fill(inputs[0].values.begin(), inputs[0].values.end(), 0.0);
  inputs[0].values[6] = 449;
  auto results = program->forward(function, inputs);
  ASSERT_TRUE(results.isOk()) << results.status().message();
  EXPECT_EQ((*results)[1].values[0], 2);
  EXPECT_EQ((*results)[1].values[1], 1);
}

} // namespace
} // namespace swamla::test
