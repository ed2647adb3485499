//===- CpuDevice.h - the CPU of this machine as a device ------------------===//
#pragma once

#include "runtime/device/Device.h"

namespace swamla {

/// Device::create for target "cpu".
Result<std::unique_ptr<Device>> createCpuDevice(const StepFile &file, const DeviceOptions &options);

} // namespace swamla
