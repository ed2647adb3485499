//===- Sampler.cpp - from logits to the next token ------------------------===//

#include "runtime/train/Sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace swamla {

Result<int32_t> Sampler::next(std::span<const float> logits) {
  for (size_t i = 0; i < logits.size(); ++i)
    if (std::isnan(logits[i]) || logits[i] == INFINITY)
      return failedPrecondition(
          fmt::format("logit of token {} is {}: the weights are not usable", i, logits[i]));
  order.resize(logits.size());
  std::iota(order.begin(), order.end(), 0);
  auto likelier = [&](int32_t a, int32_t b) {
    return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
  };
  bool greedy = options.temperature == 0;
  size_t keep = order.size();
  if (greedy)
    keep = 1;
  else if (options.topK > 0)
    keep = std::min<size_t>(keep, static_cast<size_t>(options.topK));
  // Only what is kept needs an order, and only a cut needs one at all.
  if (keep < order.size())
    std::partial_sort(order.begin(), order.begin() + static_cast<ptrdiff_t>(keep), order.end(),
                      likelier);
  else
    std::sort(order.begin(), order.end(), likelier);
  order.resize(keep);
  if (!std::isfinite(logits[order[0]]))
    return failedPrecondition("no logit is finite: the weights are not usable");
  uint64_t draw = draws++;
  if (greedy)
    return order[0];

  probabilities.resize(keep);
  double sum = 0, largest = logits[order[0]];
  for (size_t i = 0; i < keep; ++i)
    sum += probabilities[i] = std::exp((logits[order[i]] - largest) / options.temperature);
  // The smallest set that reaches top-p, with the token that crosses the line in it.
  double kept = 0;
  size_t nucleus = 0;
  while (nucleus < keep && (nucleus == 0 || kept < options.topP * sum))
    kept += probabilities[nucleus++];
  double target = random.uniform(draw) * kept;
  for (size_t i = 0; i < nucleus; ++i) {
    target -= probabilities[i];
    if (target < 0)
      return order[i];
  }
  return order[nucleus - 1]; // rounding left a little of the sum
}

} // namespace swamla
