//===- Config.h - the numbers that define a model -------------------------===//
//
// One field for each field of the reference implementation's Config, with the
// same default. visitConfigFields is the only list of them: flags, JSON and
// descriptions are made from it.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/Status.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace swamla {

struct Config {
  int64_t vocabSize = 50304;
  int64_t blockSize = 2048;
  int64_t nLayer = 12;
  int64_t nEmbd = 1024;
  int64_t nHead = 16;
  int64_t ratioKv = 1;
  int64_t swaLayersPerCycle = 2;
  int64_t mlaLayersPerCycle = 1;
  int64_t swaWindow = 256;
  int64_t swaSinkSize = 4;
  double ropeTheta = 10000.0;
  double ropeScalingFactor = 1.0;
  int64_t qLoraRank = 0;
  int64_t kvLoraRank = 256;
  int64_t qkNopeHeadDim = 128;
  int64_t qkRopeHeadDim = 64;
  int64_t vHeadDim = 128;
  bool bias = false;
  double dropout = 0.0;
  bool useDyt = false;
  double dytAlphaInit = 0.5;
  double labelSmoothing = 0.0;
  double normEps = 1e-6;
  double loraNormEps = 1e-5;
  std::optional<double> logitScaleBase;
  int64_t logitScaleWindow = 128;
  int64_t logitScaleOffset = 0;
  double logitScaleMin = 1.0;
  std::optional<double> logitScaleMax;

  bool operator==(const Config &) const = default;

  /// Layers come in cycles: first the SWA layers, then the MLA layers.
  bool isMla(int64_t layer) const {
    return layer % (swaLayersPerCycle + mlaLayersPerCycle) >= swaLayersPerCycle;
  }
  int64_t kvHeads() const { return nHead / ratioKv; }
  /// Log-n scaling of SWA queries is on.
  bool scalesLogits() const { return logitScaleBase && *logitScaleBase > 1.0; }
};

/// Calls `visit(name, field, help)` for each field, in the order of declaration. A field is an
/// int64_t, double, bool or std::optional<double>; ConfigType is Config or const Config.
template <typename ConfigType, typename Visitor>
void visitConfigFields(ConfigType &c, Visitor &&visit) {
  visit("vocab_size", c.vocabSize, "size of the vocabulary");
  visit("block_size", c.blockSize, "tokens in a sequence");
  visit("n_layer", c.nLayer, "number of blocks");
  visit("n_embd", c.nEmbd, "width of the residual stream");
  visit("n_head", c.nHead, "query heads");
  visit("ratio_kv", c.ratioKv, "SWA: query heads for each KV head (GQA)");
  visit("swa_layers_per_cycle", c.swaLayersPerCycle, "SWA blocks at the start of each cycle");
  visit("mla_layers_per_cycle", c.mlaLayersPerCycle, "MLA blocks at the end of each cycle");
  visit("swa_window", c.swaWindow, "SWA: query i sees key j if i - j <= window");
  visit("swa_sink_size", c.swaSinkSize, "SWA: ... and the first keys, always");
  visit("rope_theta", c.ropeTheta, "base of the rotary frequencies");
  visit("rope_scaling_factor", c.ropeScalingFactor, "MLA: rotary positions are divided by it");
  visit("q_lora_rank", c.qLoraRank, "MLA: rank of the query projection, 0 for a direct one");
  visit("kv_lora_rank", c.kvLoraRank, "MLA: width of the latent");
  visit("qk_nope_head_dim", c.qkNopeHeadDim, "MLA: query and key columns without rope, per head");
  visit("qk_rope_head_dim", c.qkRopeHeadDim, "MLA: query and key columns with rope, per head");
  visit("v_head_dim", c.vHeadDim, "MLA: value columns per head");
  visit("bias", c.bias, "linear layers have biases");
  visit("dropout", c.dropout, "probability of dropping an element");
  visit("use_dyt", c.useDyt, "DynamicTanh instead of RMSNorm");
  visit("dyt_alpha_init", c.dytAlphaInit, "initial alpha of DynamicTanh");
  visit("label_smoothing", c.labelSmoothing, "probability shared by the wrong classes");
  visit("norm_eps", c.normEps, "eps of RMSNorm");
  visit("lora_norm_eps", c.loraNormEps, "MLA: eps of LayerNorm on low-rank projections");
  visit("logit_scale_base", c.logitScaleBase, "SWA: base of log-n query scaling, off unless > 1");
  visit("logit_scale_window", c.logitScaleWindow, "SWA: positions that share a scale");
  visit("logit_scale_offset", c.logitScaleOffset, "SWA: added to the position");
  visit("logit_scale_min", c.logitScaleMin, "SWA: least scale");
  visit("logit_scale_max", c.logitScaleMax, "SWA: greatest scale");
}

/// Ok, or an error that names the field and says what was expected and found.
Status validate(const Config &config);

/// `tiny` (byte-level, for tests and a first training), `small`, `base`, `large`, `xl`.
Result<Config> preset(std::string_view name);
const std::vector<std::string> &presetNames();

/// A JSON object of fields by name; null stands for "none". Missing fields keep their defaults,
/// unknown ones are errors. The result is validated.
Result<Config> configFromJson(std::string_view text);

} // namespace swamla
