//===- Scaling.h - the scales of fp8 programs -----------------------------===//
//
// An fp8 program keeps what its scales follow from in buffers of kind Scaling.
// `cast` sets them to what the parameters alone say. Where scales come from
// earlier steps (the program has `calibrate`), a run begins by looking at its
// first batch; a run that goes on takes them from its checkpoint.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/Status.h"
#include "runtime/device/Device.h"
#include "runtime/train/Safetensors.h"

#include <string>

namespace swamla {

/// Whether the program has a scaling state.
bool hasScaling(const StepFile &file);

/// Whether the scales come from earlier steps and none has been seen.
Result<bool> wantsCalibration(Device &device);
/// Sets the scales by the batch that lies in the slots of `micro_step`: runs it twice, since the
/// first time the scales are guesses. The gradients must be zero, and are left zero.
Status calibrateScales(Device &device);

/// Writes the scaling state to a file, a tensor a buffer.
Result<FileDigest> saveScaling(Device &device, const std::string &path);
/// Restores it, after the parameters, and makes the fp8 copies of the parameters as they were.
/// False, and nothing has changed, where the file is of a program with another scaling state.
Result<bool> loadScaling(Device &device, const SafetensorsFile &file);

} // namespace swamla
