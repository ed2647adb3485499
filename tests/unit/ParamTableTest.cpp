//===- ParamTableTest.cpp - initial weights, by seed and from files -------===//
#include "runtime/train/ParamTable.h"

#include "tests/unit/TrainTestSupport.h"

#include <algorithm>
#include <cmath>

namespace swamla {
namespace {

using test::BigramDevice;
using test::failedWith;
using test::succeeded;

class ParamTableTest : public test::BigramTest {};

TEST_F(ParamTableTest, InitialWeights) {
  ASSERT_TRUE(succeeded(initParams(*device, *table, 3)));
  std::vector<float> first = device->params();
  EXPECT_EQ(first[256], 1) << "gain is constant";
  double sum = 0, squares = 0;
  for (size_t i = 0; i < 256; ++i) {
    sum += first[i];
    squares += double(first[i]) * first[i];
  }
  EXPECT_NEAR(sum / 256, 0, 5 * 0.02 / 16);
  EXPECT_NEAR(std::sqrt(squares / 256), 0.02, 0.004);
  ASSERT_TRUE(succeeded(initParams(*device, *table, 4)));
  EXPECT_NE(first, device->params());
}

TEST_F(ParamTableTest, InitialWeightsDoNotDependOnTheLayout) {
  ASSERT_TRUE(succeeded(initParams(*device, *table, 3)));
  schema::StepT step = test::bigramStep();
  std::swap(step.params[0], step.params[1]);
  step.params[0]->offset = 0;
  step.params[1]->offset = 64;
  auto other = test::loadStep(step);
  ASSERT_TRUE(succeeded(other));
  BigramDevice otherDevice(*other);
  ASSERT_TRUE(succeeded(initParams(otherDevice, *ParamTable::create(*other), 3)));
  EXPECT_TRUE(std::ranges::equal(device->floats(test::kParams).first(256),
                                 otherDevice.floats(test::kParams).subspan(64, 256)));
}

TEST_F(ParamTableTest, WeightsFromAFile) {
  fill(*device, 1);
  ASSERT_TRUE(
      succeeded(saveTensors(*device, path("w"), *table, {{table->paramsBuffer(), ""}}, {})));
  BigramDevice fresh(*file);
  ASSERT_TRUE(succeeded(loadWeights(fresh, *table, path("w"))));
  EXPECT_EQ(fresh.params(), device->params());
  EXPECT_TRUE(
      failedWith(loadWeights(fresh, *table, path("none")), StatusCode::NotFound, {path("none")}));
}

TEST_F(ParamTableTest, AllThatDoesNotFitIsNamedAtOnce) {
  std::vector<float> values(16 * 8 + 4);
  auto w = SafetensorsWriter::create(
      path("w"),
      {{"wte.weight", TensorType::F32, {16, 8}, 0, 0}, {"extra", TensorType::F32, {4}, 0, 0}}, {});
  ASSERT_TRUE(succeeded(w));
  ASSERT_TRUE(succeeded(w->append(std::as_bytes(std::span(values)))));
  ASSERT_TRUE(succeeded(w->finish()));
  std::vector<float> before = device->params();
  EXPECT_TRUE(failedWith(loadWeights(*device, *table, path("w")), StatusCode::InvalidArgument,
                         {path("w"), "'wte.weight' has shape [16, 8], expected [16, 16]",
                          "'gain' is missing", "'extra' is not a tensor of this model"}));
  EXPECT_EQ(device->params(), before);
}

TEST_F(ParamTableTest, ScalarsMayHaveOneDimAndOtherTypes) {
  std::vector<double> values(257, 2.5);
  auto w = SafetensorsWriter::create(
      path("w"),
      {{"wte.weight", TensorType::F64, {16, 16}, 0, 0}, {"gain", TensorType::F64, {1}, 0, 0}}, {});
  ASSERT_TRUE(succeeded(w));
  ASSERT_TRUE(succeeded(w->append(std::as_bytes(std::span(values)))));
  ASSERT_TRUE(succeeded(w->finish()));
  ASSERT_TRUE(succeeded(loadWeights(*device, *table, path("w"))));
  EXPECT_EQ(device->params(), std::vector<float>(257, 2.5F));
}

TEST_F(ParamTableTest, IntegersAreNotWeights) {
  std::vector<int32_t> values(257);
  auto w = SafetensorsWriter::create(
      path("w"),
      {{"wte.weight", TensorType::I32, {16, 16}, 0, 0}, {"gain", TensorType::I32, {}, 0, 0}}, {});
  ASSERT_TRUE(succeeded(w));
  ASSERT_TRUE(succeeded(w->append(std::as_bytes(std::span(values)))));
  ASSERT_TRUE(succeeded(w->finish()));
  EXPECT_TRUE(failedWith(loadWeights(*device, *table, path("w")), StatusCode::InvalidArgument,
                         {"'gain' has type I32"}));
}

} // namespace
} // namespace swamla
