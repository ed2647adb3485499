//===- Main.cpp - trains and runs what swamlac compiled -------------------===//

#include "runtime/base/Log.h"
#include "runtime/train/ProfileReport.h"
#include "tools/swamla-run/Commands.h"
#include "tools/swamla-run/Launcher.h"
#include "tools/swamla-run/Ranks.h"

#include <csignal>

namespace swamla::run {

Result<std::unique_ptr<Device>> createDevice(const StepFile &file, const Options &options,
                                             Communicator *ranks) {
  bool cuda = file.step().target()->kind()->string_view() == "cuda";
  if (const char *option = firstGpuOption(options); option && !cuda)
    return invalidArgument(fmt::format("{} is for GPUs; {} was compiled for {}", option,
                                       file.name(), file.step().target()->kind()->string_view()));
  if (options.threads != 0 && cuda)
    return invalidArgument(
        fmt::format("--threads is for the CPU; {} was compiled for cuda", file.name()));
  DeviceOptions device;
  device.communicator = ranks;
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

/// Trains or times, alone or as a rank. `signal`: null with --bench, which a signal ends at once.
static Result<int> runSteps(const StepFile &file, const Options &options,
                            std::unique_ptr<StopSignal> signal, Communicator *ranks) {
  SWAMLA_TRY(std::unique_ptr<Device> device, createDevice(file, options, ranks));
  SWAMLA_TRY(ParamTable table, ParamTable::create(file));
  int exitCode = kSuccess;
  if (options.bench) {
    SWAMLA_RETURN_IF_ERROR(bench(*device, table, options, ranks));
  } else {
    SWAMLA_TRY(exitCode, train(*device, table, options, *signal, ranks));
  }
  if (ranks)
    SWAMLA_RETURN_IF_ERROR(ranks->leave());
  signal.reset(); // text can be broken off at any time
  if (exitCode == kSuccess && options.sample.prompt && shareOf(ranks).rank == 0)
    SWAMLA_RETURN_IF_ERROR(sample(*device, options.sample));
  return exitCode;
}

/// As runSteps(), among others, who are told when this rank fails.
static Result<int> runRank(const StepFile &file, const RankPlace &place, const Options &options,
                           std::unique_ptr<StopSignal> signal) {
  SWAMLA_TRY(std::unique_ptr<Communicator> ranks, joinRanks(place, options));
  Status same = requireSameProgram(*ranks, file, options);
  Result<int> result = same.isOk() ? runSteps(file, optionsOfRank(file, place, options),
                                              std::move(signal), ranks.get())
                                   : Result<int>(std::move(same));
  if (result.status().code() == StatusCode::RankLost)
    endAsLost(result.status().message());
  if (!result.isOk())
    ranks->abort(result.status().message());
  return result;
}

static Result<int> trainOrBench(const StepFile &file, const Options &options,
                                char *const *arguments) {
  SWAMLA_TRY(RankRole role, findRole(file, options));
  if (role.launch != 0)
    return launchRanks(role.launch, arguments);
  std::unique_ptr<StopSignal> signal; // before all threads, which inherit its mask
  if (!options.bench) {
    SWAMLA_TRY(signal, StopSignal::create());
  }
  return role.place ? runRank(file, *role.place, options, std::move(signal))
                    : runSteps(file, options, std::move(signal), nullptr);
}

static Result<int> runCommand(const Options &options, char *const *arguments) {
  if (options.check) {
    SWAMLA_RETURN_IF_ERROR(check(options));
    return int{kSuccess};
  }
  SWAMLA_TRY(StepFile file, StepFile::load(options.program));
  if (options.describe) {
    describe(file);
    return int{kSuccess};
  }
  if (!options.data.empty() || options.bench)
    return trainOrBench(file, options, arguments);
  SWAMLA_TRY(std::unique_ptr<Device> device, createDevice(file, options));
  SWAMLA_TRY(ParamTable table, ParamTable::create(file));
  SWAMLA_RETURN_IF_ERROR(sampleFromWeights(*device, table, options));
  if (options.profile) {
    SWAMLA_TRY(double copy, device->measureCopy());
    fmt::print("\n{}", formatProfile(device->profile(), options.sample.maxNew, copy));
  }
  return int{kSuccess};
}

static int exitCodeOf(StatusCode code) {
  if (code == StatusCode::RankLost)
    return kRankLost;
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
  Result<int> result = run::runCommand(*options, argv);
  if (result.isOk())
    return *result;
  logStatus(result.status());
  return run::exitCodeOf(result.status().code());
}
