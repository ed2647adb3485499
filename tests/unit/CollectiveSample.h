//===- CollectiveSample.h - programs for two ranks in tests ---------------===//
#pragma once

#include "tests/unit/StepSample.h"

namespace swamla::test {

inline std::unique_ptr<schema::OpT> makeCollective(schema::CollectiveKind kind, schema::View from,
                                                   schema::View to) {
  schema::CollectiveT collective;
  collective.kind = kind;
  collective.from = std::make_unique<schema::View>(from);
  collective.to = std::make_unique<schema::View>(to);
  auto op = std::make_unique<schema::OpT>();
  op->label = "collective";
  op->kind.Set(std::move(collective));
  return op;
}

inline std::unique_ptr<schema::OpT> makeWait(unsigned collective) {
  schema::CollectiveWaitT wait;
  wait.collective = collective;
  auto op = std::make_unique<schema::OpT>();
  op->label = "wait";
  op->kind.Set(wait);
  return op;
}

/// emptyStep() for two ranks, whose micro_step has, on the buffers `grads` and `adamw.m`:
///
/// | op | |
/// |---|---|
/// | 0 | collective 0: the sum of bytes [0, 128) of grads |
/// | 1 | a fill of bytes [128, 256) of grads with 1.5 |
/// | 2 | collective 1: the sum of bytes [256, 320) of grads, a piece of 32 for each rank, to byte 0
/// of adamw.m | | 3, 4 | their waits, the second first | | 5 | collective 2: from that piece to
/// bytes [64, 128) of adamw.m | | 6 | collective 3: the maximum of bytes [320, 384) of grads | | 7,
/// 8 | their waits |
inline schema::StepT stepForTwoRanks() {
  using schema::CollectiveKind;
  using schema::View;
  schema::StepT step = emptyStep();
  step.ranks = 2;
  step.parallel = "ddp";
  auto &ops = opsOf(step, "micro_step");
  View sums(kGrads, 0, 128), maxima(kGrads, 320, 64), piece(kState, 0, 32);
  ops.push_back(makeCollective(CollectiveKind::AllReduceSum, sums, sums));
  ops.push_back(makeFill(View(kGrads, 128, 128), 0x3fc00000)); // 1.5
  ops.push_back(makeCollective(CollectiveKind::ReduceScatterSum, View(kGrads, 256, 64), piece));
  ops.push_back(makeWait(1));
  ops.push_back(makeWait(0));
  ops.push_back(makeCollective(CollectiveKind::AllGather, piece, View(kState, 64, 64)));
  ops.push_back(makeCollective(CollectiveKind::AllReduceMax, maxima, maxima));
  ops.push_back(makeWait(2));
  ops.push_back(makeWait(3));
  return step;
}

} // namespace swamla::test
