//===- Main.cpp - trains and runs what swamlac compiled -------------------===//

#include "runtime/base/Log.h"
#include "runtime/train/ProfileReport.h"
#include "tools/swamla-run/Commands.h"

#include <csignal>

namespace swamla::run {

Result<std::unique_ptr<Device>> createDevice(const StepFile &file, const Options &options) {
  bool cuda = file.step().target()->kind()->string_view() == "cuda";
  if (const char *option = firstGpuOption(options); option && !cuda)
    return invalidArgument(fmt::format("{} is for GPUs; {} was compiled for {}", option,
                                       file.name(), file.step().target()->kind()->string_view()));
  if (options.threads != 0 && cuda)
    return invalidArgument(
        fmt::format("--threads is for the CPU; {} was compiled for cuda", file.name()));
  DeviceOptions device;
  device.threads = options.threads;
  // On the CPU a bench can afford it; a GPU would have to do without graphs.
  device.profile = options.profile || (options.bench && !cuda);
  device.gpu = options.device.value_or(device.gpu);
  device.graph = !options.noGraph;
  if (options.noTune)
    device.tuneSeconds = 0;
  else if (options.tuneMs)
    device.tuneSeconds = static_cast<double>(*options.tuneMs) * 1e-3;
  return Device::create(file, device);
}

static Result<int> runCommand(const Options &options) {
  if (options.check) {
    SWAMLA_RETURN_IF_ERROR(check(options));
    return int{kSuccess};
  }
  SWAMLA_TRY(StepFile file, StepFile::load(options.program));
  if (options.describe) {
    describe(file);
    return int{kSuccess};
  }
  bool training = !options.data.empty() && !options.bench;
  std::unique_ptr<StopSignal> signal; // before the device's threads, which inherit its mask
  if (training) {
    SWAMLA_TRY(signal, StopSignal::create());
  }
  SWAMLA_TRY(std::unique_ptr<Device> device, createDevice(file, options));
  SWAMLA_TRY(ParamTable table, ParamTable::create(file));
  if (options.bench) {
    SWAMLA_RETURN_IF_ERROR(bench(*device, table, options));
    return int{kSuccess};
  }
  if (training) {
    SWAMLA_TRY(int exitCode, train(*device, table, options, *signal));
    signal.reset(); // text can be broken off at any time
    if (exitCode == kSuccess && options.sample.prompt)
      SWAMLA_RETURN_IF_ERROR(sample(*device, options.sample));
    return exitCode;
  }
  SWAMLA_RETURN_IF_ERROR(sampleFromWeights(*device, table, options));
  if (options.profile) {
    SWAMLA_TRY(double copy, device->measureCopy());
    fmt::print("\n{}", formatProfile(device->profile(), options.sample.maxNew, copy));
  }
  return int{kSuccess};
}

static int exitCodeOf(StatusCode code) {
  bool badInput = code == StatusCode::InvalidArgument || code == StatusCode::NotFound ||
                  code == StatusCode::DataCorrupt;
  return badInput ? kBadInput : kFailure;
}

} // namespace swamla::run

int main(int argc, char **argv) {
  using namespace swamla;
  std::signal(SIGPIPE, SIG_IGN); // a closed pipe is an error of write, not the end
  int exitCode = run::kSuccess;
  std::optional<run::Options> options = run::parseOptions(argc, argv, exitCode);
  if (!options)
    return exitCode;
  if (options->verbose)
    setLogLevel(LogLevel::Debug);
  Result<int> result = run::runCommand(*options);
  if (result.isOk())
    return *result;
  logStatus(result.status());
  return run::exitCodeOf(result.status().code());
}
