//===- CreateDevice.cpp - the device that a program was compiled for ------===//
#include "runtime/base/Format.h"
#include "runtime/cpu/CpuDevice.h"
#include "runtime/device/Device.h"

namespace swamla {

Result<std::unique_ptr<Device>> Device::create(const StepFile &file, const DeviceOptions &options) {
  std::string_view kind = file.step().target()->kind()->string_view();
  if (kind == "cpu")
    return createCpuDevice(file, options);
  if (kind == "cuda")
    return failedPrecondition(fmt::format(
        "{} was compiled for cuda, but this build has no CUDA device; compile it with --target=cpu",
        file.name()));
  return failedPrecondition(fmt::format("{} was compiled for {}, a target that this build does not "
                                        "know; it has: cpu",
                                        file.name(), quoted(kind)));
}

} // namespace swamla
