//===- TrainCase.h - train a compiled case as the reference did -----------===//
#pragma once

#include "Compare.h"
#include "runtime/device/Device.h"

namespace swamla {

/// Trains `file`, which was compiled from the case's model and for its batch, on the device that it
/// is for: the case's parameters, tokens and schedule. Fails where the two do not fit together.
Result<GoldenOutcome> trainCase(const GoldenCase &golden, const StepFile &file,
                                const DeviceOptions &options);

} // namespace swamla
