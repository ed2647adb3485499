//===- ParamTable.cpp - the parameters of a model, block by block ---------===//
#include "compiler/Frontend/ParamTable.h"

namespace swamla {

int64_t ParamSpec::numElements() const {
  int64_t product = 1;
  for (int64_t size : shape)
    product *= size;
  return product;
}

int64_t numElements(const std::vector<ParamSpec> &table) {
  int64_t sum = 0;
  for (const ParamSpec &param : table)
    sum += param.numElements();
  return sum;
}

bool decays(const std::string &name) {
  auto contains = [&](const char *part) { return name.find(part) != std::string::npos; };
  return !name.ends_with(".bias") && !contains("norm") && !contains("ln_") && !contains("wte");
}

static void add(std::vector<ParamSpec> &table, std::string name, std::vector<int64_t> shape,
                bool initNormal, double initValue) {
  bool decay = decays(name);
  table.push_back({std::move(name), std::move(shape), initNormal, initValue, decay});
}

static void addLinear(std::vector<ParamSpec> &table, const std::string &name, int64_t in,
                      int64_t out, bool bias) {
  add(table, name + ".weight", {out, in}, true, kInitStd);
  if (bias)
    add(table, name + ".bias", {out}, false, 0.0);
}

static void addLayerNorm(std::vector<ParamSpec> &table, const std::string &name, int64_t width) {
  add(table, name + ".weight", {width}, false, 1.0);
  add(table, name + ".bias", {width}, false, 0.0);
}

void addEmbeddingParams(std::vector<ParamSpec> &table, const std::string &prefix, int64_t vocab,
                        int64_t width) {
  add(table, prefix + ".weight", {vocab, width}, true, kInitStd);
}

void addNormParams(std::vector<ParamSpec> &table, const std::string &prefix, const NormDims &norm) {
  if (norm.dyt)
    add(table, prefix + ".alpha", {1}, false, norm.alphaInit);
  add(table, prefix + ".weight", {norm.width}, false, 1.0);
  if (norm.dyt)
    add(table, prefix + ".bias", {norm.width}, false, 0.0);
}

static void addMlp(std::vector<ParamSpec> &table, const std::string &prefix, int64_t width,
                   bool bias) {
  addLinear(table, prefix + ".mlp.gate_up_proj", width, 8 * width, bias);
  addLinear(table, prefix + ".mlp.down_proj", 4 * width, width, bias);
}

void addSwaBlockParams(std::vector<ParamSpec> &table, const std::string &prefix,
                       const SwaDims &dims, const NormDims &norm) {
  int64_t width = dims.width, kvWidth = width / dims.heads * dims.kvHeads;
  addNormParams(table, prefix + ".norm1", norm);
  addLinear(table, prefix + ".attn.q_proj", width, width, dims.bias);
  addLinear(table, prefix + ".attn.k_proj", width, kvWidth, dims.bias);
  addLinear(table, prefix + ".attn.v_proj", width, kvWidth, dims.bias);
  addLinear(table, prefix + ".attn.o_proj", width, width, dims.bias);
  addNormParams(table, prefix + ".norm2", norm);
  addMlp(table, prefix, width, dims.bias);
}

void addMlaBlockParams(std::vector<ParamSpec> &table, const std::string &prefix,
                       const MlaDims &dims, const NormDims &norm) {
  int64_t width = dims.width, qWidth = dims.heads * (dims.nope + dims.rope);
  addNormParams(table, prefix + ".norm1", norm);
  if (dims.qLora == 0) {
    addLinear(table, prefix + ".attn.wq", width, qWidth, dims.bias);
  } else {
    addLinear(table, prefix + ".attn.wq_a", width, dims.qLora, dims.bias);
    addLayerNorm(table, prefix + ".attn.q_norm", dims.qLora);
    addLinear(table, prefix + ".attn.wq_b", dims.qLora, qWidth, dims.bias);
  }
  addLinear(table, prefix + ".attn.wkv_a", width, dims.kvLora + dims.rope, dims.bias);
  addLayerNorm(table, prefix + ".attn.kv_norm", dims.kvLora);
  addLinear(table, prefix + ".attn.wkv_b", dims.kvLora, dims.heads * (dims.nope + dims.v),
            dims.bias);
  addLinear(table, prefix + ".attn.wo", dims.heads * dims.v, width, dims.bias);
  addNormParams(table, prefix + ".norm2", norm);
  addMlp(table, prefix, width, dims.bias);
}

SwaDims swaDims(const Config &c) {
  return {c.nEmbd, c.nHead, c.kvHeads(), c.swaWindow, c.swaSinkSize, c.bias};
}

MlaDims mlaDims(const Config &c) {
  return {c.nEmbd,         c.nHead,         c.qLoraRank, c.kvLoraRank,
          c.qkNopeHeadDim, c.qkRopeHeadDim, c.vHeadDim,  c.bias};
}

NormDims normDims(const Config &c) { return {c.nEmbd, c.useDyt, c.dytAlphaInit}; }

std::vector<ParamSpec> paramTable(const Config &c) {
  std::vector<ParamSpec> table;
  addEmbeddingParams(table, "wte", c.vocabSize, c.nEmbd);
  for (int64_t layer = 0; layer < c.nLayer; ++layer) {
    std::string prefix = fmt::format("h.{}", layer);
    if (c.isMla(layer))
      addMlaBlockParams(table, prefix, mlaDims(c), normDims(c));
    else
      addSwaBlockParams(table, prefix, swaDims(c), normDims(c));
  }
  addNormParams(table, "ln_f", normDims(c));
  return table;
}

} // namespace swamla
