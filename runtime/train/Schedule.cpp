//===- Schedule.cpp - numbers that change from step to step ---------------===//

#include "runtime/train/Schedule.h"

#include <cmath>
#include <numbers>

namespace swamla {

double LrSchedule::at(int64_t step) const {
  if (step < warmup)
    return lr * static_cast<double>(step) / static_cast<double>(warmup);
  if (step > maxSteps)
    return minLr;
  // A schedule that is all warmup ends at its peak.
  if (maxSteps == warmup)
    return lr;
  double t = static_cast<double>(step - warmup) / static_cast<double>(maxSteps - warmup);
  return minLr + 0.5 * (1.0 + std::cos(std::numbers::pi * t)) * (lr - minLr);
}

AdamBiasCorrection adamBiasCorrection(double beta1, double beta2, int64_t step) {
  double k = static_cast<double>(step);
  auto correction = [&](double beta) { return 1.0 - std::pow(static_cast<float>(beta), k); };
  return {correction(beta1), correction(beta2)};
}

int32_t dropoutKey(const RandomStream &stream, int64_t step, int64_t microStep) {
  return static_cast<int32_t>(
      stream.word(static_cast<uint64_t>(step) << 20 | static_cast<uint64_t>(microStep)));
}

} // namespace swamla
