//===- TrainCase.h - train a compiled case as the reference did -----------===//
#pragma once

#include "Compare.h"
#include "runtime/device/Device.h"

namespace swamla {

/// The precision that a program was compiled for: "fp32", ...
std::string precisionOf(const StepFile &file);

/// Trains the program of a device, which was compiled from the case's model and for its batch: the
/// case's parameters, tokens and schedule. Fails where the two do not fit together.
Result<GoldenOutcome> trainCase(const GoldenCase &golden, Device &device);

/// The same for `file` on the device that it is for.
Result<GoldenOutcome> trainCase(const GoldenCase &golden, const StepFile &file,
                                const DeviceOptions &options);

} // namespace swamla
