//===- AttentionSizes.h - the numbers of an attention kernel op -----------===//
#pragma once

#include "dialects/Step/IR/StepDialect.h"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace swamla {

/// The sizes and the mask of an attention op or of its gradient. Query i sees key j if j <= i and,
/// with a window, i - j <= window or j < sink.
struct AttentionSizes {
  int64_t batch, seq, heads, kvHeads;
  int64_t own, shared, v; ///< widths: a key's own columns, its shared ones (or 0), a value
  double scale;
  std::optional<int64_t> window; ///< absent where it hides nothing
  int64_t sink = 0;              ///< 0 without a window, at most seq

  int64_t qk() const { return own + shared; }
  int64_t group() const { return heads / kvHeads; } ///< query heads that share a KV head
  int64_t blocks(int64_t rows) const { return (seq + rows - 1) / rows; }
};

/// The sizes of a verified op.
template <typename Op> AttentionSizes attentionSizes(Op op) {
  AttentionSizes sizes;
  sizes.batch = op.getBatch();
  sizes.seq = op.getSeq();
  sizes.heads = op.getQ().getHeads();
  sizes.kvHeads = op.getK().getHeads();
  sizes.own = op.getK().getWidth();
  sizes.shared = op.getShared() ? op.getShared()->getWidth() : 0;
  sizes.v = op.getV().getWidth();
  sizes.scale = op.getScale().convertToDouble();
  if (op.getWindow() && static_cast<int64_t>(*op.getWindow()) < sizes.seq - 1) {
    sizes.window = *op.getWindow();
    sizes.sink = std::min<int64_t>(op.getSink(), sizes.seq);
  }
  return sizes;
}

} // namespace swamla
