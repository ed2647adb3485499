//===- AttentionShape.h - how attention is cut into units of work ---------===//
//
// What the planner (number of units of a launch) and the generators of the
// kernels must agree on. A unit of the forward kernel is a block of queries of
// one head; a unit of the backward kernel is one KV head of one sequence.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cstdint>

namespace swamla {

/// Head widths: of a query (own and shared key columns together), and of a value.
struct AttentionWidths {
  int64_t qk, v;
};

/// Queries of one unit of the forward kernel. A key tile is packed once a unit, so that a larger
/// block costs less packing; a smaller one leaves more units for the threads. Very wide heads take
/// the smaller block, so that a unit's packed queries and results stay in the second-level cache.
inline int64_t attentionBlockQ(int64_t seq, AttentionWidths widths) {
  return seq <= 32 || widths.qk + widths.v > 1024 ? 32 : 64;
}

/// Units of the forward kernel: unit = (sequence * heads + head) * blocks + block.
inline int64_t attentionUnits(int64_t batch, int64_t heads, int64_t seq, AttentionWidths widths) {
  int64_t block = attentionBlockQ(seq, widths);
  return batch * heads * ((seq + block - 1) / block);
}

/// Units of the backward kernel: unit = sequence * kvHeads + kvHead.
inline int64_t attentionGradUnits(int64_t batch, int64_t kvHeads) { return batch * kvHeads; }

} // namespace swamla
