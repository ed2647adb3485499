//===- Sampler.h - from logits to the next token --------------------------===//
#pragma once

#include "runtime/base/Philox.h"
#include "runtime/base/Status.h"

#include <cstdint>
#include <span>
#include <vector>

namespace swamla {

struct SamplerOptions {
  double temperature = 1.0; ///< 0: always the most likely token
  int64_t topK = 0;         ///< only the k most likely tokens; 0: all
  double topP = 1.0;        ///< only the most likely tokens whose probabilities reach this sum
  uint64_t seed = 0;
};

/// Draws tokens. Draw n of a seed is a function of (seed, n, logits) alone: the same text comes out
/// again, whatever was sampled before by another Sampler.
class Sampler {
public:
  explicit Sampler(const SamplerOptions &options)
      : options(options), random(options.seed, "sample") {}

  /// The next token for `logits` [V], V >= 1. Fails when a logit is NaN or none is finite. Ties are
  /// broken towards the smaller token.
  Result<int32_t> next(std::span<const float> logits);

private:
  SamplerOptions options;
  RandomStream random;
  uint64_t draws = 0;
  std::vector<int32_t> order;        ///< tokens that take part, most likely first
  std::vector<double> probabilities; ///< of `order`, unnormalised
};

} // namespace swamla
