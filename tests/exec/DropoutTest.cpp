//===- DropoutTest.cpp - masks that are functions of key, site and place --===//
#include "tests/exec/ExecProgram.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace swamla::test {
namespace {

constexpr double kProbability = 0.3; // of @dropout in pointwise.mlir

class DropoutTest : public testing::Test {
protected:
  void SetUp() override {
    program = execProgram("pointwise.mlir");
    ASSERT_TRUE(program);
  }

  HostTensors run(const char *name, double key) {
    const ExecFunction &function = program->function(name);
    HostTensors inputs = function.randomInputs(6);
    inputs[1].values[0] = key;
    auto results = program->forward(function, inputs);
    if (results.isOk())
      return *std::move(results);
    ADD_FAILURE() << results.status().message();
    return {};
  }

  ExecProgram *program = nullptr;
};

std::vector<bool> maskOf(const HostTensor &tensor) {
  std::vector<bool> mask(tensor.values.size());
  for (size_t i = 0; i < mask.size(); ++i)
    mask[i] = tensor.values[i] != 0.0;
  return mask;
}

double keptShare(const std::vector<bool> &mask) {
  return static_cast<double>(std::ranges::count(mask, true)) / static_cast<double>(mask.size());
}

TEST_F(DropoutTest, KeepsTheRightShareAndScalesIt) {
  const ExecFunction &function = program->function("dropout");
  HostTensor x = function.randomInputs(6)[0];
  constexpr int keys = 100;
  double kept = 0;
  for (int key = 0; key < keys; ++key) {
    HostTensor y = run("dropout", key)[0];
    kept += keptShare(maskOf(y)) / keys;
    for (size_t i = 0; i < x.values.size(); ++i)
      if (y.values[i] != 0.0)
        EXPECT_NEAR(y.values[i], x.values[i] / (1 - kProbability),
                    std::numeric_limits<float>::epsilon() * std::abs(2 * x.values[i]));
  }
  // Five standard deviations of the mean of so many independent draws.
  double draws = keys * static_cast<double>(x.values.size());
  EXPECT_NEAR(kept, 1 - kProbability, 5 * std::sqrt(kProbability * (1 - kProbability) / draws));
}

TEST_F(DropoutTest, TheSameKeyDrawsTheSameMask) {
  EXPECT_EQ(run("dropout", 17)[0].values, run("dropout", 17)[0].values);
  std::vector<bool> mask = maskOf(run("dropout", 17)[0]), other = maskOf(run("dropout", 18)[0]);
  EXPECT_NE(mask, other);
  // Two independent masks agree where both keep or both drop.
  size_t agree = 0;
  for (size_t i = 0; i < mask.size(); ++i)
    agree += mask[i] == other[i];
  auto draws = static_cast<double>(mask.size());
  double expected = std::pow(kProbability, 2) + std::pow(1 - kProbability, 2);
  EXPECT_NEAR(static_cast<double>(agree) / draws, expected,
              5 * std::sqrt(expected * (1 - expected) / draws));
}

TEST_F(DropoutTest, SitesDrawMasksOfTheirOwn) {
  HostTensors sites = run("dropout_two_sites", 17);
  EXPECT_NE(maskOf(sites[0]), maskOf(sites[1]));
}

TEST_F(DropoutTest, TheGradientHasTheForwardsMask) {
  const ExecFunction &function = program->function("dropout");
  for (uint32_t seed = 0; seed < 5; ++seed) {
    HostTensors inputs = function.randomInputs(seed);
    HostTensors dy = randomTensors(function.results, 100 + seed);
    auto gradient = program->gradient(function, inputs, dy);
    ASSERT_TRUE(gradient.isOk()) << gradient.status().message();
    const HostTensor &y = gradient->results[0], &dx = gradient->cotangents[0];
    for (size_t i = 0; i < dx.values.size(); ++i) {
      double expected = y.values[i] == 0.0 ? 0.0 : dy[0].values[i] / (1 - kProbability);
      EXPECT_NEAR(dx.values[i], expected,
                  std::numeric_limits<float>::epsilon() * std::abs(expected));
    }
  }
}

} // namespace
} // namespace swamla::test
