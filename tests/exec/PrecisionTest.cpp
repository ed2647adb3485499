//===- PrecisionTest.cpp - bf16 is near, and only as far as it must be ----===//
//
// Every function of the .mlir files, compiled with --precision=bf16: results and
// cotangents are compared with those of f32 for inputs that are bf16 numbers
// already. Each value goes through a few roundings of 2^-9; what is summed in
// between is f32.
//
//===----------------------------------------------------------------------===//
#include "tests/exec/ExecProgram.h"

#include <gtest/gtest.h>

#include <cmath>

namespace swamla::test {
namespace {

/// A forward rounds its results once or twice, a gradient after some more steps. What is measured
/// stays below half of these.
constexpr double kForwardTolerance = 1e-2, kGradientTolerance = 2.5e-2;
/// Far above the rounding of f32: a result below it has not been computed in bf16 at all.
constexpr double kLeastError = 1e-5;

class PrecisionTest : public testing::TestWithParam<std::string> {};

/// Checks that the tensors are near; returns the largest relative error.
double expectNear(const std::string &function, const char *what, const HostTensors &found,
                  const HostTensors &expected, double tolerance) {
  EXPECT_EQ(found.size(), expected.size());
  double largest = 0, worst = 0;
  for (const HostTensor &tensor : expected)
    largest = std::max(largest, norm(tensor));
  for (size_t i = 0; i < expected.size(); ++i) {
    // What cancels in exact arithmetic is measured against the largest tensor.
    bool isZero = norm(expected[i]) <= 1e-5 * largest;
    double error = isZero ? norm(found[i]) / largest : relativeError(found[i], expected[i]);
    EXPECT_LE(error, tolerance) << "@" << function << " " << what << " " << i << ", norm "
                                << norm(found[i]) << ", expected " << norm(expected[i]);
    worst = std::max(worst, error);
  }
  return worst;
}

TEST_P(PrecisionTest, Bf16IsNearF32) {
  ExecProgram *wide = execProgram(GetParam()),
              *narrow = execProgram(GetParam(), {.precision = "bf16"});
  ASSERT_TRUE(wide && narrow);
  double worst = 0;
  for (const ExecFunction &function : wide->functions()) {
    HostTensors inputs = roundedToBf16(function.randomInputs(3));
    HostTensors cotangents = roundedToBf16(randomTensors(function.results, 4));
    auto expected = wide->gradient(function, inputs, cotangents);
    auto found = narrow->gradient(narrow->function(function.name), inputs, cotangents);
    ASSERT_TRUE(expected.isOk()) << expected.status().message();
    ASSERT_TRUE(found.isOk()) << found.status().message();
    double forward =
        expectNear(function.name, "result", found->results, expected->results, kForwardTolerance);
    double backward = expectNear(function.name, "cotangent of", found->cotangents,
                                 expected->cotangents, kGradientTolerance);
    worst = std::max({worst, forward, backward});
  }
  EXPECT_GT(worst, kLeastError) << "as exact as f32: not compiled to bf16";
}

/// Not the whole block: under weights of size 1 its softmax is so sharp that roundings grow a
/// hundredfold. The golden cases judge whole models.
std::vector<std::string> filesOfSingleOps() {
  std::vector<std::string> files = execFiles();
  std::erase(files, "block.mlir");
  return files;
}

INSTANTIATE_TEST_SUITE_P(Exec, PrecisionTest, testing::ValuesIn(filesOfSingleOps()),
                         [](const auto &info) {
                           return info.param.substr(0, info.param.find('.'));
                         });

} // namespace
} // namespace swamla::test
