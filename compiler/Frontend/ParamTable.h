//===- ParamTable.h - the parameters of a model, block by block -----------===//
//
// Names, shapes, initial values and decay groups as the reference has them, in
// its order (named_parameters). The frontend asks for a whole config, the expand
// pass for one block at a time: both answers come from the same functions.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Frontend/Config.h"

#include <cstdint>
#include <string>
#include <vector>

namespace swamla {

/// Standard deviation of the initial weights of linear layers and embeddings.
inline constexpr double kInitStd = 0.02;

struct ParamSpec {
  std::string name;
  std::vector<int64_t> shape; ///< a single number has shape [1] here and [] in the reference
  bool initNormal = false;    ///< normal(0, initValue), else constant(initValue)
  double initValue = 0.0;
  bool decay = false; ///< weight decay applies

  int64_t numElements() const;
};

/// Sizes of a sliding-window-attention block.
struct SwaDims {
  int64_t width, heads, kvHeads, window, sink;
  bool bias;
};

/// Sizes of a multi-head-latent-attention block. qLora 0: a direct query projection.
struct MlaDims {
  int64_t width, heads, qLora, kvLora, nope, rope, v;
  bool bias;
};

/// RMSNorm, or DynamicTanh with alpha's initial value.
struct NormDims {
  int64_t width;
  bool dyt;
  double alphaInit;
};

/// No weight decay on biases, norms and the tied embedding: the reference decides by name, and so
/// do we.
bool decays(const std::string &name);

/// Each appends the parameters of one part, its names prefixed with `prefix` and a dot.
void addEmbeddingParams(std::vector<ParamSpec> &table, const std::string &prefix, int64_t vocab,
                        int64_t width);
void addNormParams(std::vector<ParamSpec> &table, const std::string &prefix, const NormDims &norm);
void addSwaBlockParams(std::vector<ParamSpec> &table, const std::string &prefix,
                       const SwaDims &dims, const NormDims &norm);
void addMlaBlockParams(std::vector<ParamSpec> &table, const std::string &prefix,
                       const MlaDims &dims, const NormDims &norm);

/// All parameters of a valid config, as the reference's named_parameters.
std::vector<ParamSpec> paramTable(const Config &config);
int64_t numElements(const std::vector<ParamSpec> &table);

/// The config's numbers in the form that blocks have them.
SwaDims swaDims(const Config &config);
MlaDims mlaDims(const Config &config);
NormDims normDims(const Config &config);

} // namespace swamla
