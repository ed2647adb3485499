//===- GoldenCaseTest.cpp - reading golden cases --------------------------===//
#include "tests/golden/GoldenSample.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace swamla::test {
namespace {

/// A failure whose message names the file and has all of these parts.
testing::AssertionResult refused(const GoldenSample &sample,
                                 std::initializer_list<std::string_view> parts) {
  Result<GoldenCase> golden = sample.read();
  if (golden.isOk())
    return testing::AssertionFailure() << "accepted";
  const std::string &message = golden.status().message();
  if (!message.starts_with("case.safetensors: "))
    return testing::AssertionFailure() << "does not name the file: " << message;
  for (std::string_view part : parts)
    if (message.find(part) == std::string::npos)
      return testing::AssertionFailure() << "no \"" << part << "\" in: " << message;
  return testing::AssertionSuccess();
}

TEST(GoldenCaseTest, ReadsAll) {
  GoldenSample sample = GoldenSample::make();
  auto golden = sample.read();
  ASSERT_TRUE(golden.isOk()) << golden.status().message();
  EXPECT_EQ(golden->path, "case.safetensors");
  EXPECT_EQ(golden->config.nEmbd, 4);
  EXPECT_EQ(golden->training.steps, 2);
  EXPECT_EQ(golden->training.schedule.warmup, 1);
  EXPECT_EQ(golden->training.beta2, 0.95);
  EXPECT_EQ(golden->tokensPerStep(), 8);
  EXPECT_EQ(golden->tokens[5], 5);
  EXPECT_EQ(golden->targets[3], -100);
  EXPECT_EQ(golden->loss, (std::vector<double>{2.0, 1.5}));
  EXPECT_EQ(golden->params.front().name, "wte.weight");
  for (const GoldenParam &param : golden->params) {
    EXPECT_EQ(param.init.front(), sample.at<float>("init/" + param.name, 0));
    EXPECT_EQ(param.grad.back(), sample.at<float>("grad/" + param.name, param.grad.size() - 1));
  }
}

TEST(GoldenCaseTest, KeepsTheLossInDouble) {
  GoldenSample sample = GoldenSample::make();
  sample.at<double>("loss", 0) = 1.0 + 1e-12;
  auto golden = sample.read();
  ASSERT_TRUE(golden.isOk()) << golden.status().message();
  EXPECT_EQ(golden->loss[0], 1.0 + 1e-12);
  sample.tensors["loss"] = {"F32", {2}, bytesOf(std::vector<float>{2.0F, 3.0F})};
  golden = sample.read();
  ASSERT_TRUE(golden.isOk()) << golden.status().message();
  EXPECT_EQ(golden->loss[1], 3.0);
}

TEST(GoldenCaseTest, ASingleNumberHasAnyShapeOfOneElement) {
  GoldenSample sample = GoldenSample::make();
  sample.tensors["init/ln_f.alpha"].shape = {1};
  EXPECT_TRUE(sample.read().isOk());
  sample.tensors["init/ln_f.alpha"].shape = {1, 1};
  EXPECT_TRUE(refused(sample, {"'init/ln_f.alpha'", "[1, 1]"}));
}

TEST(GoldenCaseTest, RefusesMissingAndUnknownTensors) {
  for (const auto &[name, tensor] : GoldenSample::make().tensors) {
    GoldenSample sample = GoldenSample::make();
    sample.tensors.erase(name);
    EXPECT_TRUE(refused(sample, {"'" + name + "'", "missing"})) << name;
  }
  GoldenSample sample = GoldenSample::make();
  sample.tensors["grad/h.1.norm1.weight"] = sample.tensors["grad/h.0.norm1.weight"];
  EXPECT_TRUE(refused(sample, {"'grad/h.1.norm1.weight'", "not part of"}));
}

TEST(GoldenCaseTest, RefusesWrongShapesAndTypes) {
  GoldenSample sample = GoldenSample::make();
  sample.tensors["final/h.0.attn.q_proj.weight"].shape = {2, 8};
  EXPECT_TRUE(refused(sample, {"'final/h.0.attn.q_proj.weight'", "[2, 8]", "expected [4, 4]"}));
  sample = GoldenSample::make();
  sample.tensors["tokens"].shape = {2, 4, 2};
  EXPECT_TRUE(refused(sample, {"'tokens'", "[2, 4, 2]", "expected [2, 2, 4]"}));
  sample = GoldenSample::make();
  sample.tensors["tokens"].type = "F32";
  EXPECT_TRUE(refused(sample, {"'tokens'", "F32", "I32"}));
  sample = GoldenSample::make();
  sample.tensors["init/wte.weight"].type = "I32";
  EXPECT_TRUE(refused(sample, {"'init/wte.weight'", "I32", "F32"}));
}

TEST(GoldenCaseTest, RefusesValuesThatCannotBeCompared) {
  GoldenSample sample = GoldenSample::make();
  sample.at<float>("grad/wte.weight", 2) = std::nanf("");
  EXPECT_TRUE(refused(sample, {"'grad/wte.weight'", "element 2", "nan"}));
  sample = GoldenSample::make();
  sample.at<double>("loss", 1) = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(refused(sample, {"'loss'", "element 1", "inf"}));
}

TEST(GoldenCaseTest, RefusesTokensOutsideTheVocabulary) {
  for (int32_t bad : {7, -1, -100}) {
    GoldenSample sample = GoldenSample::make();
    sample.at<int32_t>("tokens", 5) = bad;
    EXPECT_TRUE(refused(sample, {"'tokens'", "element 5", std::to_string(bad)}));
  }
  for (int32_t bad : {7, -1, -99}) {
    GoldenSample sample = GoldenSample::make();
    sample.at<int32_t>("targets", 1) = bad;
    EXPECT_TRUE(refused(sample, {"'targets'", "element 1", std::to_string(bad)}));
  }
}

TEST(GoldenCaseTest, RefusesBadHyperparameters) {
  struct Bad {
    const char *field;
    Json value;
    std::string_view expected;
  };
  const Bad values[] = {{"batch", 0, "from 1"},    {"batch", 1.5, "integer"},
                        {"steps", -1, "integer"},  {"steps", uint64_t(1) << 63, "integer"},
                        {"steps", "2", "integer"}, {"lr", -0.1, "at least 0"},
                        {"lr", nullptr, "finite"}, {"beta1", 1.0, "[0, 1)"},
                        {"beta2", "x", "[0, 1)"},  {"grad_clip", 0.0, "above 0"},
                        {"warmup", -1, "from 0"},  {"eps", Json::array(), "finite"}};
  for (const Bad &bad : values) {
    GoldenSample sample = GoldenSample::make();
    sample.train[bad.field] = bad.value;
    EXPECT_TRUE(refused(sample, {"'train'", fmt::format("'{}'", bad.field), bad.expected}))
        << bad.field;
  }
  GoldenSample sample = GoldenSample::make();
  sample.train.erase("min_lr");
  EXPECT_TRUE(refused(sample, {"'train'", "'min_lr' is missing"}));
  sample = GoldenSample::make();
  sample.train["momentum"] = 0.9;
  EXPECT_TRUE(refused(sample, {"'train'", "'momentum' is unknown"}));
  sample = GoldenSample::make();
  sample.train = "no object";
  EXPECT_TRUE(refused(sample, {"'train'", "object"}));
}

TEST(GoldenCaseTest, RefusesBadConfigs) {
  GoldenSample sample = GoldenSample::make();
  sample.config["colour"] = "red";
  EXPECT_TRUE(refused(sample, {"'config'", "colour"}));
  sample = GoldenSample::make();
  sample.config["n_embd"] = -4;
  EXPECT_TRUE(refused(sample, {"'config'", "n_embd"}));
  sample = GoldenSample::make();
  sample.config["n_head"] = 3;
  EXPECT_TRUE(refused(sample, {"'config'", "n_head"}));
  sample = GoldenSample::make();
  sample.config["dropout"] = 0.1;
  EXPECT_TRUE(refused(sample, {"'config'", "dropout"}));
  sample = GoldenSample::make();
  sample.config["n_layer"] = 60000;
  EXPECT_TRUE(refused(sample, {"'config'", "n_layer", "60000"}));
  sample = GoldenSample::make();
  sample.config["n_layer"] = 2;
  EXPECT_TRUE(refused(sample, {"'init/h.1.", "missing"}));
  sample = GoldenSample::make();
  sample.config["block_size"] = 1 << 24;
  EXPECT_TRUE(refused(sample, {"'tokens'", "16777216"}));
}

TEST(GoldenCaseTest, RefusesOtherFiles) {
  // Every beginning of a case, as an interrupted copy leaves it.
  std::string bytes = GoldenSample::make().file();
  for (size_t length = 0; length < bytes.size(); length += length < 2000 ? 1 : 97) {
    auto part = std::as_bytes(std::span(bytes)).first(length);
    EXPECT_FALSE(SafetensorsFile::fromBytes(part, "case.safetensors").isOk()) << length;
  }
  const std::string other("\x02\0\0\0\0\0\0\0{}", 10); // an empty header
  auto file = SafetensorsFile::fromBytes(std::as_bytes(std::span(other)), "case.safetensors");
  ASSERT_TRUE(file.isOk()) << file.status().message();
  auto golden = readGoldenCase(*file);
  ASSERT_FALSE(golden.isOk());
  EXPECT_NE(golden.status().message().find("not a golden case"), std::string::npos);
  auto missing = loadGoldenCase("no-such-file.safetensors");
  ASSERT_FALSE(missing.isOk());
  EXPECT_NE(missing.status().message().find("no-such-file.safetensors"), std::string::npos);
}

} // namespace
} // namespace swamla::test
