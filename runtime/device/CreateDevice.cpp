//===- CreateDevice.cpp - the device that a program was compiled for ------===//
#include "runtime/base/Format.h"
#include "runtime/comm/Communicator.h"
#include "runtime/cpu/CpuDevice.h"
#include "runtime/device/CudaLibrary.h"
#include "runtime/device/Device.h"

namespace swamla {

/// The number of ranks is a property of the program: each adds up what so many have.
static Status checkRanks(const StepFile &file, const Communicator *communicator) {
  unsigned wanted = file.step().ranks(), started = communicator ? communicator->ranks() : 1;
  if (wanted == started)
    return Status::ok();
  return failedPrecondition(fmt::format(
      "{} was compiled for {} rank{}, but {} started; compile it with --ranks={}, or start {}",
      file.name(), wanted, wanted == 1 ? "" : "s",
      started == 1 ? "1 was" : fmt::format("{} were", started), started, wanted));
}

Result<std::unique_ptr<Device>> Device::create(const StepFile &file, const DeviceOptions &options) {
  SWAMLA_RETURN_IF_ERROR(checkRanks(file, options.communicator));
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
