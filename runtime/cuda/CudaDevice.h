//===- CudaDevice.h - a GPU as a device -----------------------------------===//
#pragma once

#include "runtime/device/CudaLibrary.h"
#include "runtime/device/Device.h"

namespace swamla {

/// Device::create for target "cuda".
Result<std::unique_ptr<Device>> createCudaDevice(const StepFile &file,
                                                 const DeviceOptions &options);

/// The GPUs, the driver and the libraries, for --check.
CudaReport reportCuda();

} // namespace swamla
