//===- CreateDevice.cpp - the device that a program was compiled for ------===//
#include "runtime/base/Format.h"
#include "runtime/cpu/CpuDevice.h"
#include "runtime/device/CudaLibrary.h"
#include "runtime/device/Device.h"

namespace swamla {

Result<std::unique_ptr<Device>> Device::create(const StepFile &file, const DeviceOptions &options) {
  std::string_view kind = file.step().target()->kind()->string_view();
  if (kind == "cpu")
    return createCpuDevice(file, options);
  if (kind == "cuda") {
    Result<const CudaLibrary *> library = loadCudaLibrary();
    if (!library.isOk())
      return std::move(library).takeStatus().withContext(
          fmt::format("{} was compiled for cuda", file.name()));
    return (*library)->create(file, options);
  }
  return failedPrecondition(fmt::format("{} was compiled for {}, a target that this build does not "
                                        "know; it has: cpu, cuda",
                                        file.name(), quoted(kind)));
}

} // namespace swamla
