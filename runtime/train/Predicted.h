//===- Predicted.h - what the compiler expected of a step -----------------===//
#pragma once

#include "runtime/program/StepFile.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace swamla {

struct PredictedStep {
  double ms = 0;
  double floorMs = 0; ///< what the speed of light would be
};

/// What the compiler expects of a step of `accumulation` micro steps and the update, on the device
/// that its vendor calls `hardware`; nullopt where the file says nothing of that device.
std::optional<PredictedStep> predictedStep(const StepFile &file, std::string_view hardware,
                                           int64_t accumulation);

/// A line that puts a measured step beside the prediction: "step 57.1 ms; predicted for NVIDIA
/// H200: 55.3 ms; the speed of light is 42.0 ms, 73.6% of it reached". Where the prediction is for
/// other devices it says for which; empty where there is none at all.
std::string besidePrediction(const StepFile &file, std::string_view hardware, int64_t accumulation,
                             double measuredMs);

} // namespace swamla
