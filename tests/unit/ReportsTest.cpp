//===- ReportsTest.cpp - where time went, and what was expected -----------===//
#include "runtime/train/Predicted.h"
#include "runtime/train/ProfileReport.h"
#include "tests/unit/TrainTestSupport.h"

namespace swamla {
namespace {

using test::failedWith;
using test::succeeded;

/// emptyStep() with what is expected of its programs micro_step (0) and apply (1) on two devices.
schema::StepT stepWithPredictions() {
  schema::StepT step = test::emptyStep();
  auto add = [&](const char *device, unsigned program, double ms, double floor) {
    auto prediction = std::make_unique<schema::PredictionT>();
    prediction->device = device;
    prediction->program = program;
    prediction->ms = ms;
    prediction->floor_ms = floor;
    step.predictions.push_back(std::move(prediction));
  };
  add("NVIDIA H200", 0, 50, 40);
  add("NVIDIA H200", 1, 10, 8);
  add("NVIDIA H200", 2, 1000, 1000); // eval: no part of a step
  add("NVIDIA H100", 0, 60, 50);
  return step;
}

TEST(ReportsTest, APredictionAddsUpTheStep) {
  auto file = test::loadStep(stepWithPredictions());
  ASSERT_TRUE(succeeded(file));
  auto step = predictedStep(*file, "NVIDIA H200", 3);
  ASSERT_TRUE(step);
  EXPECT_DOUBLE_EQ(step->ms, 160);
  EXPECT_DOUBLE_EQ(step->floorMs, 128);
  EXPECT_FALSE(predictedStep(*file, "NVIDIA H100", 1)) << "half a step is none";
  EXPECT_EQ(besidePrediction(*file, "NVIDIA H200", 1, 64),
            "step 64.00 ms; predicted for NVIDIA H200: 60.00 ms; the speed of light is 48.00 ms, "
            "75.0% of it reached");
}

TEST(ReportsTest, APredictionIsForItsDevice) {
  auto file = test::loadStep(stepWithPredictions());
  ASSERT_TRUE(succeeded(file));
  EXPECT_EQ(
      besidePrediction(*file, "a toaster", 1, 64),
      "step 64.00 ms; the prediction in step.bin is for NVIDIA H100 and NVIDIA H200, not for a "
      "toaster");
  auto without = test::loadStep(test::emptyStep());
  ASSERT_TRUE(succeeded(without));
  EXPECT_EQ(besidePrediction(*without, "NVIDIA H200", 1, 64), "");
}

TEST(ReportsTest, ForeignPredictionsAreRefused) {
  schema::StepT step = stepWithPredictions();
  step.predictions[1]->program = 9;
  EXPECT_TRUE(failedWith(test::loadStep(step), StatusCode::DataCorrupt,
                         {"predictions[1]: is of program 9, but there are 4"}));
  step = stepWithPredictions();
  step.predictions[0]->floor_ms = 51;
  EXPECT_TRUE(failedWith(test::loadStep(step), StatusCode::DataCorrupt,
                         {"predictions[0]: 50 ms with a floor of 51"}));
}

TEST(ReportsTest, Profile) {
  std::vector<OpProfile> before = {
      {"micro_step", "h.0.attn", "matmul nn 2x2x2 f32", 2, 1.0, 100, 10, true},
      {"micro_step", "h.0.norm", "row_1", 2, 1.0, 5, 50},
      {"eval", "h.0.norm", "row_1", 0, 0.0, 5, 50}};
  std::vector<OpProfile> after = before;
  after[0].calls += 10;
  after[0].seconds += 3.0;
  after[1].calls += 10;
  after[1].seconds += 1.0;
  std::vector<OpProfile> profile = profileDifference(after, before);
  EXPECT_EQ(profile[0].calls, 10U);
  EXPECT_DOUBLE_EQ(matmulShare(profile), 0.75);
  EXPECT_EQ(matmulShare({}), 0);
  std::string text = formatProfile(profile, 10, 1e10);
  EXPECT_NE(text.find("75.0% of it in the BLAS"), std::string::npos) << text;
  EXPECT_NE(text.find("matmul"), std::string::npos) << text;
  EXPECT_EQ(text.find("eval"), std::string::npos) << "what did not run is not shown\n" << text;
  EXPECT_EQ(formatProfile({}, 10, 1e10), "no op was timed\n");
}

} // namespace
} // namespace swamla
