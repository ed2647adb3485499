//===- Predicted.cpp - what the compiler expected of a step ---------------===//

#include "runtime/train/Predicted.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

namespace swamla {

std::optional<PredictedStep> predictedStep(const StepFile &file, std::string_view hardware,
                                           int64_t accumulation) {
  const auto *predictions = file.step().predictions();
  if (!predictions)
    return std::nullopt;
  PredictedStep sum;
  bool microStep = false, apply = false;
  for (const schema::Prediction *prediction : *predictions) {
    if (prediction->device()->string_view() != hardware)
      continue;
    std::string_view program =
        file.step().programs()->Get(prediction->program())->name()->string_view();
    double times = program == "micro_step" ? static_cast<double>(accumulation)
                   : program == "apply"    ? 1
                                           : 0;
    microStep |= program == "micro_step";
    apply |= program == "apply";
    sum.ms += times * prediction->ms();
    sum.floorMs += times * prediction->floor_ms();
  }
  if (!microStep || !apply)
    return std::nullopt;
  return sum;
}

std::string besidePrediction(const StepFile &file, std::string_view hardware, int64_t accumulation,
                             double measuredMs) {
  if (std::optional<PredictedStep> step = predictedStep(file, hardware, accumulation))
    return fmt::format("step {:.2f} ms; predicted for {}: {:.2f} ms; the speed of light is {:.2f} "
                       "ms, {:.1f}% of it reached",
                       measuredMs, hardware, step->ms, step->floorMs,
                       100 * step->floorMs / measuredMs);
  std::set<std::string_view> devices;
  if (const auto *predictions = file.step().predictions())
    for (const schema::Prediction *prediction : *predictions)
      devices.insert(prediction->device()->string_view());
  if (devices.empty())
    return "";
  return fmt::format("step {:.2f} ms; the prediction in {} is for {}, not for {}", measuredMs,
                     file.name(), fmt::join(devices, " and "), hardware);
}

} // namespace swamla
