//===- SamplerTest.cpp - from logits to tokens ----------------------------===//
#include "runtime/train/Sampler.h"
#include "runtime/train/Generator.h"
#include "tests/unit/TrainTestSupport.h"

#include <cmath>
#include <limits>

namespace swamla {
namespace {

using test::failedWith;
using test::succeeded;

std::vector<double> frequencies(const SamplerOptions &options, const std::vector<float> &logits,
                                int draws) {
  Sampler sampler(options);
  std::vector<double> counts(logits.size());
  for (int i = 0; i < draws; ++i) {
    auto token = sampler.next(logits);
    EXPECT_TRUE(succeeded(token));
    counts.at(static_cast<size_t>(*token)) += 1.0 / draws;
  }
  return counts;
}

TEST(SamplerTest, GreedyTakesTheLargest) {
  Sampler sampler({.temperature = 0});
  EXPECT_EQ(*sampler.next(std::vector<float>{1, 5, 3}), 1);
  EXPECT_EQ(*sampler.next(std::vector<float>{2, 2, 2}), 0);
  EXPECT_EQ(*sampler.next(std::vector<float>{-INFINITY, -1}), 1);
}

TEST(SamplerTest, FollowsTheDistribution) {
  std::vector<float> logits = {std::log(0.1F), std::log(0.2F), std::log(0.7F)};
  auto p = frequencies({}, logits, 20000);
  EXPECT_NEAR(p[0], 0.1, 0.01);
  EXPECT_NEAR(p[1], 0.2, 0.015);
  EXPECT_NEAR(p[2], 0.7, 0.015);
}

TEST(SamplerTest, TemperatureSharpens) {
  std::vector<float> logits = {0, std::log(3.0F)};
  // At temperature 0.5 the odds 1 : 3 become 1 : 9.
  EXPECT_NEAR(frequencies({.temperature = 0.5}, logits, 20000)[0], 0.1, 0.01);
}

TEST(SamplerTest, TopKKeepsTheLikeliest) {
  std::vector<float> logits = {std::log(0.1F), std::log(0.4F), std::log(0.2F), std::log(0.3F)};
  auto p = frequencies({.topK = 2}, logits, 20000);
  EXPECT_EQ(p[0], 0);
  EXPECT_EQ(p[2], 0);
  EXPECT_NEAR(p[1], 4.0 / 7, 0.015);
  EXPECT_NEAR(frequencies({.topK = 100}, logits, 20000)[0], 0.1, 0.01) << "k beyond the vocabulary";
}

TEST(SamplerTest, TopPKeepsTheNucleus) {
  std::vector<float> logits = {std::log(0.1F), std::log(0.4F), std::log(0.2F), std::log(0.3F)};
  // 0.4 + 0.3 reaches 0.6: two tokens.
  auto p = frequencies({.topP = 0.6}, logits, 20000);
  EXPECT_EQ(p[0], 0);
  EXPECT_EQ(p[2], 0);
  EXPECT_NEAR(p[1], 4.0 / 7, 0.015);
  EXPECT_NEAR(frequencies({.topP = 1e-9}, logits, 100)[1], 1, 1e-9)
      << "the likeliest is always there";
}

TEST(SamplerTest, SameSeedSameTokens) {
  std::vector<float> logits(50, 0);
  Sampler a({.seed = 3}), b({.seed = 3}), c({.seed = 4});
  int different = 0;
  for (int i = 0; i < 100; ++i) {
    int32_t token = *a.next(logits);
    EXPECT_EQ(token, *b.next(logits));
    different += token != *c.next(logits);
  }
  EXPECT_GT(different, 80);
}

TEST(SamplerTest, UnusableLogits) {
  Sampler sampler({});
  EXPECT_TRUE(failedWith(sampler.next(std::vector<float>{0, NAN}), StatusCode::FailedPrecondition,
                         {"token 1 is nan"}));
  EXPECT_TRUE(failedWith(sampler.next(std::vector<float>{INFINITY, 0}),
                         StatusCode::FailedPrecondition, {"token 0 is inf"}));
  EXPECT_TRUE(failedWith(sampler.next(std::vector<float>{-INFINITY, -INFINITY}),
                         StatusCode::FailedPrecondition, {"no logit is finite"}));
}

TEST(SamplerTest, Prompts) {
  EXPECT_EQ(*encodePrompt("Aä", 256), (std::vector<int32_t>{65, 0xC3, 0xA4}));
  EXPECT_EQ(*encodePrompt("", 256), std::vector<int32_t>{'\n'});
  EXPECT_EQ(*encodePrompt("464, 3290 0", 50304), (std::vector<int32_t>{464, 3290, 0}));
  EXPECT_TRUE(failedWith(encodePrompt("hello", 50304), StatusCode::InvalidArgument,
                         {"'hello'", "50304", "token numbers"}));
  EXPECT_TRUE(
      failedWith(encodePrompt("12x", 50304), StatusCode::InvalidArgument, {"token numbers"}));
  EXPECT_TRUE(failedWith(encodePrompt("50304", 50304), StatusCode::InvalidArgument,
                         {"token 50304", "0 to 50303"}));
  EXPECT_TRUE(failedWith(encodePrompt("-1", 50304), StatusCode::InvalidArgument, {"token -1"}));
  EXPECT_TRUE(failedWith(encodePrompt(" ", 50304), StatusCode::InvalidArgument, {"empty"}));
  EXPECT_EQ(decodeToken(0xC3, 256), "\xC3");
  EXPECT_EQ(decodeToken(17, 512), " 17");
}

TEST(SamplerTest, GeneratorSlidesItsWindow) {
  auto file = test::loadStep(test::bigramStep());
  ASSERT_TRUE(succeeded(file));
  test::BigramDevice device(*file);
  // After token t comes t + 1, by far.
  device.floats(test::kParams)[256] = 1;
  for (size_t t = 0; t < 16; ++t)
    device.floats(test::kParams)[t * 16 + (t + 1) % 16] = 10;
  auto generator = Generator::create(device);
  ASSERT_TRUE(succeeded(generator));
  Sampler sampler({.temperature = 0});
  std::vector<int32_t> out;
  auto emit = [&](int32_t token) {
    out.push_back(token);
    return out.size() < 9;
  };
  // T = 4: the prompt is shorter than the window at first, and the text longer soon.
  ASSERT_TRUE(succeeded(generator->generate({3, 9}, 100, sampler, emit)));
  EXPECT_EQ(out, (std::vector<int32_t>{10, 11, 12, 13, 14, 15, 0, 1, 2}));
  out.clear();
  ASSERT_TRUE(succeeded(generator->generate({1, 2, 3, 4, 5, 6, 7}, 2, sampler, emit)));
  EXPECT_EQ(out, (std::vector<int32_t>{8, 9}));
}

} // namespace
} // namespace swamla
