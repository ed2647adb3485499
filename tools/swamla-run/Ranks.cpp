//===- Ranks.cpp - this process among the ranks of a run ------------------===//

#include "tools/swamla-run/Ranks.h"

#include "runtime/base/CpuInfo.h"
#include "runtime/base/Hash.h"
#include "runtime/base/Log.h"
#include "runtime/comm/GlooLibrary.h"
#include "runtime/fetch/DataSet.h"
#include "runtime/train/Schedule.h"
#include "runtime/train/Trainer.h"
#include "tools/swamla-run/Launcher.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string_view>
#include <unistd.h>

namespace swamla::run {

static bool isForGpus(const StepFile &file) {
  return file.step().target()->kind()->string_view() == "cuda";
}

Result<RankRole> findRole(const StepFile &file, const Options &options) {
  bool launched = std::getenv(kLaunchedVariable) != nullptr;
  RankRole role;
  SWAMLA_TRY(role.place, findRank([](const char *name) { return std::getenv(name); }));
  if (role.place && options.nproc && !launched)
    return invalidArgument(fmt::format("--nproc {} is to start the ranks, but {} has started this "
                                       "process as one of {}: leave it out",
                                       *options.nproc, role.place->startedBy, role.place->ranks));
  unsigned wanted = file.step().ranks(), started = 1;
  if (role.place)
    started = role.place->ranks;
  else if (!launched)
    started = options.nproc.value_or(isForGpus(file) ? wanted : 1);
  if (started != wanted)
    return failedPrecondition(fmt::format(
        "{} was compiled for {} rank{}, started with {}; compile with --ranks={}{}", file.name(),
        wanted, wanted == 1 ? "" : "s", started, started,
        wanted == 1 ? ""
                    : fmt::format(", or start {} (--nproc {}, torchrun, srun)", wanted, wanted)));
  if (started > 1 && findDataSet(options.data))
    return invalidArgument(fmt::format("--data {} is fetched while one rank trains; many need all "
                                       "of it: run swamla-data fetch {}, and give --data its "
                                       "folder",
                                       options.data, options.data));
  if (options.accumulation > kMaxAccumulation / int64_t{started})
    return invalidArgument(fmt::format("--accum {} on each of {} ranks; at most {} batches are a "
                                       "step",
                                       options.accumulation, started, kMaxAccumulation));
  if (!role.place && started > 1)
    role.launch = started;
  return role;
}

Options optionsOfRank(const StepFile &file, const RankPlace &place, Options options) {
  if (!isForGpus(file)) {
    if (options.threads == 0)
      options.threads = std::max(1u, readCpuInfo().usableCores / place.localRanks);
    return options;
  }
  // Where Slurm has given each task a GPU of its own, that is the only one it sees.
  const char *visible = std::getenv("CUDA_VISIBLE_DEVICES");
  bool onlyOne =
      visible && *visible && std::string_view(visible).find(',') == std::string_view::npos;
  if (!options.device)
    options.device = onlyOne ? 0 : place.localRank;
  return options;
}

void endAsLost(const std::string &why) {
  static std::once_flag once; // a second thread waits in here for the end
  std::call_once(once, [&] {
    std::fflush(stdout);
    logError("{}; this rank ends, too. Go on from the last checkpoint with --resume", why);
    ::_exit(kRankLost);
  });
  std::abort(); // not reached
}

/// Rank 0 shows how the run goes; what the others would say is the same.
static void quieten(const Options &options) {
  if (!std::freopen("/dev/null", "w", stdout))
    logWarning("cannot silence this rank's output");
  if (!options.verbose)
    setLogLevel(LogLevel::Warning);
}

Result<std::unique_ptr<Communicator>> joinRanks(const RankPlace &place, const Options &options) {
  SWAMLA_TRY(const GlooLibrary *gloo, loadGlooLibrary());
  GlooConfig config;
  config.place = place;
  config.times.silence = std::chrono::seconds(options.rankTimeout);
  config.times.joining =
      std::max<std::chrono::milliseconds>(config.times.joining, config.times.silence);
  if (const char *descriptor = std::getenv(kListenVariable); descriptor && place.rank == 0)
    config.listener = Socket(static_cast<int>(std::strtol(descriptor, nullptr, 10)));
  if (const char *interface = std::getenv("GLOO_SOCKET_IFNAME"))
    config.interface = interface;
  config.onLost = endAsLost;
  if (place.rank != 0)
    quieten(options);
  return gloo->create(std::move(config));
}

Status requireSameProgram(Communicator &ranks, const StepFile &file, const Options &options) {
  return requireSameFacts(ranks,
                          {{"swamla's version", SWAMLA_VERSION},
                           {"the checksum of step.bin", fmt::format("{:016x}", file.checksum())},
                           {"--rank-timeout", fmt::format("{}", options.rankTimeout)}});
}

Result<std::string> describeData(const TokenData &data) {
  constexpr uint64_t kSample = 16; // sequences
  uint64_t digest = 0;
  std::vector<int32_t> tokens(data.train->blockSize()), targets(tokens.size());
  for (uint64_t sequence : spreadEvenly(data.train->sequences(), kSample)) {
    SWAMLA_RETURN_IF_ERROR(data.train->read(sequence, tokens, targets));
    digest = hash64(std::as_bytes(std::span(tokens)), digest);
  }
  return fmt::format("{}, {} for validation, checksum of a sample {:016x}", data.identity,
                     data.validation ? data.validation->sequences() : 0, digest);
}

} // namespace swamla::run
