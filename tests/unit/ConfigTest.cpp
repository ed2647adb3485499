//===- ConfigTest.cpp - presets, JSON, validation, parameter tables -------===//
#include "compiler/Frontend/Config.h"
#include "compiler/Frontend/Flops.h"
#include "compiler/Frontend/ParamTable.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

using namespace swamla;

namespace {

/// The error that `change` makes of a valid config, or "" for none.
template <typename Change> std::string errorOf(Change change) {
  Config config = *preset("tiny");
  change(config);
  return validate(config).message();
}

/// Names and shapes of a table; a shape of [1] may be [] in the reference.
using Shapes = std::map<std::string, std::vector<int64_t>>;

/// The JSON header of a safetensors file: 8 bytes of length, then the text.
nlohmann::json headerOf(const std::filesystem::path &path) {
  std::ifstream file(path, std::ios::binary);
  char bytes[8];
  file.read(bytes, sizeof bytes);
  uint64_t length = 0;
  std::memcpy(&length, bytes, sizeof length);
  std::string text(length, '\0');
  file.read(text.data(), static_cast<std::streamsize>(length));
  return nlohmann::json::parse(text);
}

TEST(Config, PresetsAreValidAndAsLargeAsPublished) {
  auto millions = [](const char *name) {
    Result<Config> config = preset(name);
    EXPECT_TRUE(config.isOk() && validate(*config).isOk()) << name;
    return (numElements(paramTable(*config)) + 50000) / 100000;
  };
  EXPECT_EQ(millions("small"), 2626);
  EXPECT_EQ(millions("base"), 9831);
  EXPECT_EQ(millions("large"), 19409);
  for (const std::string &name : presetNames())
    EXPECT_GT(millions(name.c_str()), 0);
  EXPECT_EQ(preset("huge").status().message(),
            "size: expected tiny, small, base, large or xl, found 'huge'");
}

// The golden files were written by the reference: their configs parse, and their parameters are
// ours.
TEST(Config, ParameterTablesAgreeWithTheReference) {
  size_t cases = 0;
  for (const auto &entry : std::filesystem::directory_iterator(SWAMLA_GOLDEN_DIR)) {
    if (entry.path().extension() != ".safetensors")
      continue;
    SCOPED_TRACE(entry.path().filename().string());
    nlohmann::json header = headerOf(entry.path());
    Result<Config> config = configFromJson(header["__metadata__"]["config"].get<std::string>());
    ASSERT_TRUE(config.isOk()) << config.status().message();
    Shapes expected, found;
    for (const auto &[name, tensor] : header.items())
      if (name.starts_with("init/")) {
        auto shape = tensor["shape"].get<std::vector<int64_t>>();
        expected[name.substr(5)] = shape.empty() ? std::vector<int64_t>{1} : shape;
      }
    for (const ParamSpec &param : paramTable(*config))
      found[param.name] = param.shape;
    EXPECT_EQ(found, expected);
    ++cases;
  }
  EXPECT_GE(cases, 6u);
}

TEST(Config, DecayGroupsGoByName) {
  EXPECT_TRUE(decays("h.0.attn.q_proj.weight"));
  EXPECT_TRUE(decays("h.3.mlp.down_proj.weight"));
  for (const char *name : {"wte.weight", "h.0.norm1.weight", "h.0.norm1.alpha", "ln_f.weight",
                           "h.1.attn.kv_norm.weight", "h.0.attn.q_proj.bias"})
    EXPECT_FALSE(decays(name)) << name;
}

// forward_flops_per_token of the reference for these configs.
TEST(Config, FlopsAgreeWithTheReference) {
  EXPECT_DOUBLE_EQ(forwardFlopsPerToken(*preset("small")), 575047520.0);
  EXPECT_DOUBLE_EQ(forwardFlopsPerToken(*preset("large")), 4014029576.0);
  Config odd = *preset("tiny");
  odd.qLoraRank = 20;
  odd.ratioKv = 3;
  odd.swaWindow = 300;
  EXPECT_DOUBLE_EQ(forwardFlopsPerToken(odd), 3639264.0);
}

TEST(ConfigJson, ReadsEveryKindOfField) {
  Result<Config> config = configFromJson(
      R"({"n_layer": 5, "bias": true, "dropout": 0, "norm_eps": 1e-7, "logit_scale_base": 8, "logit_scale_max": null})");
  ASSERT_TRUE(config.isOk()) << config.status().message();
  Config expected;
  expected.nLayer = 5;
  expected.bias = true;
  expected.normEps = 1e-7;
  expected.logitScaleBase = 8.0;
  EXPECT_EQ(*config, expected);
}

TEST(ConfigJson, SaysWhatIsWrong) {
  auto error = [](const char *text) { return configFromJson(text).status().message(); };
  EXPECT_EQ(error("{\"n_layers\": 5}"),
            "config field \"n_layers\": unknown; this model family has no such field");
  EXPECT_EQ(error("{\"n_layer\": \"5\"}"),
            "config field \"n_layer\": expected an integer, found \"5\"");
  EXPECT_EQ(error("{\"n_layer\": 5.5}"),
            "config field \"n_layer\": expected an integer, found 5.5");
  EXPECT_EQ(error("{\"n_layer\": 18446744073709551615}"),
            "config field \"n_layer\": expected an integer, found 18446744073709551615");
  EXPECT_EQ(error("{\"bias\": 1}"), "config field \"bias\": expected true or false, found 1");
  EXPECT_EQ(error("{\"dropout\": null}"),
            "config field \"dropout\": expected a number, found null");
  EXPECT_EQ(error("{\"logit_scale_base\": true}"),
            "config field \"logit_scale_base\": expected a number, found true");
  EXPECT_EQ(error("{\"n_layer\": 0}"), "n_layer: expected a number from 1 to 65536, found 0");
  EXPECT_EQ(error("[1]"), "config: expected a JSON object, found array");
  EXPECT_EQ(error("{"), "config: expected a JSON object, found text that is not JSON");
}

TEST(Config, ValidatesEveryField) {
  EXPECT_EQ(errorOf([](Config &) {}), "");
  auto mentions = [](const std::string &error, const char *field) {
    return error.starts_with(std::string(field) + ": expected") &&
           error.find("found") != std::string::npos;
  };
  double nan = std::numeric_limits<double>::quiet_NaN();
#define EXPECT_INVALID(field, name, value)                                                         \
  EXPECT_PRED2(mentions, errorOf([&](Config &c) { c.field = value; }), name)
  EXPECT_INVALID(vocabSize, "vocab_size", 1);
  EXPECT_INVALID(blockSize, "block_size", 0);
  EXPECT_INVALID(nLayer, "n_layer", 0);
  EXPECT_INVALID(nEmbd, "n_embd", -4);
  EXPECT_INVALID(nHead, "n_head", 7);
  EXPECT_INVALID(nHead, "n_head", 64); // heads of width 3
  EXPECT_INVALID(nHead, "n_head", 0);
  EXPECT_INVALID(ratioKv, "ratio_kv", 0);
  EXPECT_INVALID(ratioKv, "ratio_kv", 7);
  EXPECT_INVALID(swaLayersPerCycle, "swa_layers_per_cycle", -1);
  EXPECT_INVALID(mlaLayersPerCycle, "mla_layers_per_cycle", -1);
  EXPECT_INVALID(swaWindow, "swa_window", -1);
  EXPECT_INVALID(swaSinkSize, "swa_sink_size", -1);
  EXPECT_INVALID(ropeTheta, "rope_theta", 0.0);
  EXPECT_INVALID(ropeScalingFactor, "rope_scaling_factor", nan);
  EXPECT_INVALID(qLoraRank, "q_lora_rank", -1);
  EXPECT_INVALID(kvLoraRank, "kv_lora_rank", 0);
  EXPECT_INVALID(qkNopeHeadDim, "qk_nope_head_dim", 0);
  EXPECT_INVALID(qkRopeHeadDim, "qk_rope_head_dim", 3);
  EXPECT_INVALID(vHeadDim, "v_head_dim", 0);
  EXPECT_INVALID(dropout, "dropout", 1.0);
  EXPECT_INVALID(dytAlphaInit, "dyt_alpha_init", nan);
  EXPECT_INVALID(labelSmoothing, "label_smoothing", -0.1);
  EXPECT_INVALID(normEps, "norm_eps", 0.0);
  EXPECT_INVALID(loraNormEps, "lora_norm_eps", -1.0);
#undef EXPECT_INVALID
  EXPECT_PRED2(mentions,
               errorOf([](Config &c) { c.logitScaleBase = 2.0, c.logitScaleOffset = -999; }),
               "logit_scale_offset");
  EXPECT_PRED2(mentions, errorOf([](Config &c) { c.logitScaleBase = 2.0, c.logitScaleMax = 0.5; }),
               "logit_scale_max");
  EXPECT_PRED2(mentions, errorOf([&](Config &c) { c.logitScaleBase = 2.0, c.logitScaleMin = nan; }),
               "logit_scale_min");
  EXPECT_PRED2(mentions,
               errorOf([](Config &c) { c.swaLayersPerCycle = 0, c.mlaLayersPerCycle = 0; }),
               "swa_layers_per_cycle");
}

// What a layer kind needs matters only where there is such a layer.
TEST(Config, AllOfOneKind) {
  EXPECT_EQ(errorOf([](Config &c) { c.swaLayersPerCycle = 0, c.nHead = 7, c.ratioKv = 0; }), "");
  EXPECT_EQ(errorOf([](Config &c) { c.mlaLayersPerCycle = 0, c.kvLoraRank = 0; }), "");
  EXPECT_EQ(errorOf([](Config &c) { c.nLayer = 2, c.kvLoraRank = 0; }), "");
}

} // namespace
