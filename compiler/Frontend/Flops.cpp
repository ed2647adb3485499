//===- Flops.cpp - arithmetic of the forward pass -------------------------===//
#include "compiler/Frontend/Flops.h"

#include <algorithm>

namespace swamla {

static double mlpFlops(double width) { return 2 * 12 * width * width; }

/// Keys that a query sees under window and sink, on average over the positions of a sequence.
static double meanVisibleKeys(int64_t seq, int64_t window, int64_t sink) {
  double pairs = 0;
  for (int64_t i = 0; i < seq; ++i) {
    int64_t sinkSeen = std::min(sink, std::max<int64_t>(0, i - window));
    pairs += static_cast<double>(std::min(i + 1, window + 1 + sinkSeen));
  }
  return pairs / static_cast<double>(seq);
}

double swaBlockFlops(const SwaDims &dims, int64_t seq) {
  auto width = static_cast<double>(dims.width), heads = static_cast<double>(dims.heads);
  double head = width / heads, kvWidth = static_cast<double>(dims.kvHeads) * head;
  double projections = 2 * width * width + 2 * width * kvWidth;
  double attention = heads * 2 * head * meanVisibleKeys(seq, dims.window, dims.sink);
  return mlpFlops(width) + 2 * (projections + attention);
}

double mlaBlockFlops(const MlaDims &dims, int64_t seq) {
  auto width = static_cast<double>(dims.width), heads = static_cast<double>(dims.heads);
  auto qLora = static_cast<double>(dims.qLora), kvLora = static_cast<double>(dims.kvLora);
  auto nope = static_cast<double>(dims.nope), rope = static_cast<double>(dims.rope);
  auto v = static_cast<double>(dims.v);
  double qk = nope + rope;
  double q = dims.qLora == 0 ? width * heads * qk : qLora * (width + heads * qk);
  double kv = width * (kvLora + rope) + kvLora * heads * (nope + v);
  double attention = heads * (qk + v) * (static_cast<double>(seq) + 1) / 2;
  return mlpFlops(width) + 2 * (q + kv + heads * v * width + attention);
}

double headFlops(int64_t vocab, int64_t width) {
  return 2 * static_cast<double>(vocab) * static_cast<double>(width);
}

double forwardFlopsPerToken(const Config &c) {
  double total = headFlops(c.vocabSize, c.nEmbd);
  for (int64_t layer = 0; layer < c.nLayer; ++layer)
    total += c.isMla(layer) ? mlaBlockFlops(mlaDims(c), c.blockSize)
                            : swaBlockFlops(swaDims(c), c.blockSize);
  return total;
}

} // namespace swamla
