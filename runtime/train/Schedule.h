//===- Schedule.h - numbers that change from step to step -----------------===//
#pragma once

#include "runtime/base/Philox.h"

#include <cstdint>

namespace swamla {

/// Linear warmup from 0 over `warmup` steps, then a cosine from `lr` to `minLr` at step `maxSteps`,
/// then `minLr`. Training step k (from 0) uses the value at k + 1, so that the first step moves.
struct LrSchedule {
  double lr = 0;
  double minLr = 0;
  int64_t warmup = 0;
  int64_t maxSteps = 1;

  double at(int64_t step) const;
};

/// Adam's bias corrections after `step` updates (from 1): 1 - beta^step, in double, of beta rounded
/// to float. The update adds (1 - beta) g^2 with that beta, and 1 - 0.999f is 1.3e-5 less than
/// 0.001, as a share: only the correction of the same number cancels it. (Kingma and Ba,
/// arXiv:1412.6980, algorithm 1.)
struct AdamBiasCorrection {
  double first;
  double second;
};
AdamBiasCorrection adamBiasCorrection(double beta1, double beta2, int64_t step);

/// The largest number of micro steps in a step.
inline constexpr int64_t kMaxAccumulation = int64_t{1} << 20;

/// The key of the dropout generator for micro step `microStep` of step `step`: a function of these
/// and the stream alone, so that a resumed run draws the same masks.
int32_t dropoutKey(const RandomStream &stream, int64_t step, int64_t microStep);

} // namespace swamla
