//===- Config.cpp - presets and validation --------------------------------===//
#include "compiler/Frontend/Config.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace swamla {

//===----------------------------------------------------------------------===//
// Presets
//===----------------------------------------------------------------------===//

const std::vector<std::string> &presetNames() {
  static const std::vector<std::string> names = {"tiny", "small", "base", "large", "xl"};
  return names;
}

/// Bytes as tokens: small enough to learn English spelling on a CPU in minutes.
static Config tinyPreset() {
  Config c;
  c.vocabSize = 256;
  c.blockSize = 256;
  c.nLayer = 3;
  c.nEmbd = 192;
  c.nHead = 6;
  c.swaWindow = 64;
  c.kvLoraRank = 64;
  c.qkNopeHeadDim = 32;
  c.qkRopeHeadDim = 16;
  c.vHeadDim = 32;
  return c;
}

Result<Config> preset(std::string_view name) {
  if (name == "tiny")
    return tinyPreset();
  auto sized = [](int64_t layers, int64_t width, int64_t heads) {
    Config c;
    c.nLayer = layers;
    c.nEmbd = width;
    c.nHead = heads;
    return c;
  };
  if (name == "small")
    return sized(12, 1024, 16);
  if (name == "base")
    return sized(24, 1536, 16);
  if (name == "large")
    return sized(28, 2048, 16);
  if (name == "xl")
    return sized(32, 4096, 32);
  return invalidArgument(
      fmt::format("size: expected tiny, small, base, large or xl, found '{}'", name));
}

//===----------------------------------------------------------------------===//
// Validation
//===----------------------------------------------------------------------===//

namespace {
/// Sizes whose products cannot overflow 64 bits, and that fit any 32-bit field.
constexpr int64_t kMaxSize = 1 << 24;
constexpr int64_t kMaxTokens = std::numeric_limits<int32_t>::max();

Status expectInt(std::string_view field, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high)
    return Status::ok();
  return invalidArgument(
      fmt::format("{}: expected a number from {} to {}, found {}", field, low, high, value));
}

Status expectPositive(std::string_view field, double value) {
  if (std::isfinite(value) && value > 0.0)
    return Status::ok();
  return invalidArgument(fmt::format("{}: expected a finite number > 0, found {}", field, value));
}

Status expectFraction(std::string_view field, double value) {
  if (value >= 0.0 && value < 1.0)
    return Status::ok();
  return invalidArgument(fmt::format("{}: expected a number in [0, 1), found {}", field, value));
}
} // namespace

static Status validateSwa(const Config &c) {
  SWAMLA_RETURN_IF_ERROR(expectInt("ratio_kv", c.ratioKv, 1, c.nHead));
  SWAMLA_RETURN_IF_ERROR(expectInt("swa_window", c.swaWindow, 0, kMaxTokens));
  SWAMLA_RETURN_IF_ERROR(expectInt("swa_sink_size", c.swaSinkSize, 0, kMaxTokens));
  if (c.nEmbd % c.nHead != 0)
    return invalidArgument(
        fmt::format("n_head: expected a divisor of n_embd = {}, found {}", c.nEmbd, c.nHead));
  if (c.nEmbd / c.nHead % 2 != 0)
    return invalidArgument(
        fmt::format("n_head: expected an even head width n_embd / n_head, for rope, found {}",
                    c.nEmbd / c.nHead));
  if (c.nHead % c.kvHeads() != 0)
    return invalidArgument(
        fmt::format("ratio_kv: expected n_head / ratio_kv to divide n_head = {}, found {} KV heads",
                    c.nHead, c.kvHeads()));
  if (!c.scalesLogits())
    return Status::ok();
  SWAMLA_RETURN_IF_ERROR(expectPositive("logit_scale_base", *c.logitScaleBase));
  SWAMLA_RETURN_IF_ERROR(
      expectInt("logit_scale_window", c.logitScaleWindow, -kMaxTokens, kMaxTokens));
  SWAMLA_RETURN_IF_ERROR(
      expectInt("logit_scale_offset", c.logitScaleOffset, -kMaxTokens, kMaxTokens));
  double window = static_cast<double>(std::max<int64_t>(1, c.logitScaleWindow));
  double first = *c.logitScaleBase + std::floor(static_cast<double>(c.logitScaleOffset) / window);
  if (!(first > 0.0))
    return invalidArgument(fmt::format("logit_scale_offset: expected logit_scale_base + "
                                       "floor(offset / window) > 0, found {}",
                                       first));
  if (!std::isfinite(c.logitScaleMin))
    return invalidArgument(
        fmt::format("logit_scale_min: expected a finite number, found {}", c.logitScaleMin));
  if (c.logitScaleMax && !(*c.logitScaleMax >= c.logitScaleMin))
    return invalidArgument(
        fmt::format("logit_scale_max: expected at least logit_scale_min = {}, found {}",
                    c.logitScaleMin, *c.logitScaleMax));
  return Status::ok();
}

static Status validateMla(const Config &c) {
  SWAMLA_RETURN_IF_ERROR(expectPositive("rope_scaling_factor", c.ropeScalingFactor));
  SWAMLA_RETURN_IF_ERROR(expectInt("q_lora_rank", c.qLoraRank, 0, kMaxSize));
  SWAMLA_RETURN_IF_ERROR(expectInt("kv_lora_rank", c.kvLoraRank, 1, kMaxSize));
  SWAMLA_RETURN_IF_ERROR(expectInt("qk_nope_head_dim", c.qkNopeHeadDim, 1, kMaxSize));
  SWAMLA_RETURN_IF_ERROR(expectInt("qk_rope_head_dim", c.qkRopeHeadDim, 2, kMaxSize));
  SWAMLA_RETURN_IF_ERROR(expectInt("v_head_dim", c.vHeadDim, 1, kMaxSize));
  if (c.qkRopeHeadDim % 2 != 0)
    return invalidArgument(
        fmt::format("qk_rope_head_dim: expected an even number, found {}", c.qkRopeHeadDim));
  return expectPositive("lora_norm_eps", c.loraNormEps);
}

Status validate(const Config &c) {
  SWAMLA_RETURN_IF_ERROR(expectInt("vocab_size", c.vocabSize, 2, kMaxTokens));
  SWAMLA_RETURN_IF_ERROR(expectInt("block_size", c.blockSize, 1, kMaxSize));
  SWAMLA_RETURN_IF_ERROR(expectInt("n_layer", c.nLayer, 1, 1 << 16));
  SWAMLA_RETURN_IF_ERROR(expectInt("n_embd", c.nEmbd, 1, kMaxSize));
  SWAMLA_RETURN_IF_ERROR(expectInt("n_head", c.nHead, 1, 1 << 16));
  SWAMLA_RETURN_IF_ERROR(expectInt("swa_layers_per_cycle", c.swaLayersPerCycle, 0, 1 << 16));
  SWAMLA_RETURN_IF_ERROR(expectInt("mla_layers_per_cycle", c.mlaLayersPerCycle, 0, 1 << 16));
  if (c.swaLayersPerCycle + c.mlaLayersPerCycle == 0)
    return invalidArgument("swa_layers_per_cycle: expected swa_layers_per_cycle + "
                           "mla_layers_per_cycle >= 1, found 0");
  SWAMLA_RETURN_IF_ERROR(expectPositive("rope_theta", c.ropeTheta));
  SWAMLA_RETURN_IF_ERROR(expectFraction("dropout", c.dropout));
  SWAMLA_RETURN_IF_ERROR(expectFraction("label_smoothing", c.labelSmoothing));
  SWAMLA_RETURN_IF_ERROR(expectPositive("norm_eps", c.normEps));
  if (!std::isfinite(c.dytAlphaInit))
    return invalidArgument(
        fmt::format("dyt_alpha_init: expected a finite number, found {}", c.dytAlphaInit));
  // A cycle's fields matter only if the model has such a layer.
  if (c.swaLayersPerCycle > 0)
    SWAMLA_RETURN_IF_ERROR(validateSwa(c));
  if (c.mlaLayersPerCycle > 0 && c.nLayer > c.swaLayersPerCycle)
    SWAMLA_RETURN_IF_ERROR(validateMla(c));
  return Status::ok();
}

} // namespace swamla
