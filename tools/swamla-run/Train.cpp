//===- Train.cpp - a training run -----------------------------------------===//

#include "runtime/base/Format.h"
#include "runtime/base/Log.h"
#include "runtime/train/Generator.h"
#include "runtime/train/Predicted.h"
#include "runtime/train/ProfileReport.h"
#include "runtime/train/Trainer.h"
#include "tools/swamla-run/Commands.h"
#include "tools/swamla-run/Ranks.h"

#include <algorithm>
#include <unistd.h>

namespace swamla::run {
namespace {

constexpr int64_t kDefaultValEvery = 250;
constexpr int64_t kDefaultWarmup = 100;

/// The seed of a run, with the checkpoint it goes on from.
struct Start {
  TrainState state;
  std::string checkpoint; ///< empty: a new run
};

Result<Start> startRun(Device &device, const ParamTable &table, const Options &options,
                       Communicator *ranks) {
  Start start;
  if (!options.resume) {
    start.state.seed = options.seed.value_or(0);
    SWAMLA_RETURN_IF_ERROR(options.init.empty() ? initParams(device, table, start.state.seed)
                                                : loadWeights(device, table, options.init));
    return start;
  }
  Result<std::string> found =
      findCheckpoint(*options.resume == "latest" ? options.checkpointDir : *options.resume);
  if (ranks) // rank 0's: another may not see yet what was written last
    found = agree(*ranks, ranks->rank() == 0 ? std::move(found) : std::string());
  SWAMLA_TRY(start.checkpoint, std::move(found));
  SWAMLA_TRY(start.state, loadCheckpoint(device, table, start.checkpoint, LoadWhat::Everything));
  if (options.seed && *options.seed != start.state.seed)
    return invalidArgument(fmt::format(
        "--seed is {}, but {} was made with seed {}: leave --seed out to go on with that",
        *options.seed, start.checkpoint, start.state.seed));
  if (start.state.step > options.train.steps)
    return invalidArgument(fmt::format("{} is at step {}, beyond the {} of --steps, which counts "
                                       "from the start of the run",
                                       start.checkpoint, start.state.step, options.train.steps));
  return start;
}

/// Checks that the position in the checkpoint means something for data of this identity.
Status placeInData(const std::string &identity, const Options &options, Start &start) {
  if (!start.checkpoint.empty() && options.train.restartData)
    start.state.position = {};
  else if (!start.checkpoint.empty() && start.state.dataIdentity != identity)
    return failedPrecondition(fmt::format(
        "{} was trained on other data: its position is in \"{}\", --data {} is \"{}\"; give the "
        "same data, or --restart-data to begin with this data at its start",
        start.checkpoint, start.state.dataIdentity, options.data, identity));
  start.state.dataIdentity = identity;
  return Status::ok();
}

Result<TrainerConfig> configure(const Options &options, const StepFile &file, const TokenData &data,
                                uint64_t seed) {
  const TrainFlags &flags = options.train;
  if (flags.eps && !file.findSlot("eps"))
    return invalidArgument(fmt::format("--eps is for AdamW; {} was compiled with optimizer {}",
                                       file.name(),
                                       file.step().model()->optimizer()->string_view()));
  TrainerConfig config;
  config.steps = flags.steps;
  config.hyper.schedule = {flags.lr, flags.minLr.value_or(flags.lr / 10),
                           flags.warmup.value_or(std::min(kDefaultWarmup, flags.steps / 10)),
                           flags.steps};
  config.hyper.weightDecay = flags.weightDecay;
  config.hyper.beta1 = flags.beta1;
  config.hyper.beta2 = flags.beta2;
  config.hyper.eps = flags.eps.value_or(config.hyper.eps);
  config.hyper.clip = flags.clip;
  config.hyper.accumulation = options.accumulation;
  config.hyper.seed = seed;
  if (flags.valEvery.value_or(0) > 0 && !data.validation)
    return invalidArgument(
        fmt::format("--val-every is {}, but {}", *flags.valEvery, fmt::join(data.notes, "; ")));
  config.valEvery = flags.valEvery.value_or(data.validation ? kDefaultValEvery : 0);
  config.valBatches = flags.valBatches;
  config.checkpointEvery = flags.checkpointEvery;
  config.onNonFinite = flags.onNonFinite == "skip" ? OnNonFinite::Skip : OnNonFinite::Stop;
  config.progress.logEvery = flags.logEvery;
  config.progress.terminal = ::isatty(STDOUT_FILENO) == 1;
  return config;
}

/// That all ranks have the same run before them, and start from the same weights.
Status requireSameRun(Communicator &ranks, Device &device, const Start &start,
                      const TokenData &data, const RunOptions &options) {
  SWAMLA_TRY(std::string content, describeData(data));
  RankFacts facts = {{"--data", content},
                     {"--seed", fmt::format("{}", start.state.seed)},
                     {"the step to start from", fmt::format("{}", start.state.step)}};
  for (const auto &[name, value] : options)
    if (name != "data" && name != "init") // paths may differ, not what is there
      facts["--" + name] = value;
  SWAMLA_RETURN_IF_ERROR(requireSameFacts(ranks, facts));
  return requireSameParameters(ranks, device, "Before the first step");
}

/// What state.json and the log say about the run.
RunOptions summarise(const Options &options, const TrainerConfig &config) {
  const Hyperparameters &h = config.hyper;
  auto text = [](auto value) { return fmt::format("{}", value); };
  return {{"data", options.data},
          {"steps", text(config.steps)},
          {"accum", text(h.accumulation)},
          {"lr", text(h.schedule.lr)},
          {"min-lr", text(h.schedule.minLr)},
          {"warmup", text(h.schedule.warmup)},
          {"weight-decay", text(h.weightDecay)},
          {"beta1", text(h.beta1)},
          {"beta2", text(h.beta2)},
          {"eps", text(h.eps)},
          {"clip", text(h.clip)},
          {"on-nonfinite", options.train.onNonFinite},
          {"val-every", text(config.valEvery)},
          {"val-batches", text(config.valBatches)},
          {"init", options.init}};
}

Status logStart(JsonLog &log, Device &device, const Start &start, const TokenData &data,
                const RunOptions &options) {
  if (!log.isOpen())
    return Status::ok();
  const schema::Model *model = device.file().step().model();
  JsonLine line;
  line.begin("start");
  line.field("step", start.state.step)
      .field("program", std::string_view(device.file().name()))
      .field("checksum", std::string_view(fmt::format("{:016x}", device.file().checksum())))
      .field("model", model->name()->string_view())
      .field("parameters", uint64_t{model->num_params()})
      .field("batch", uint64_t{model->batch()})
      .field("block_size", uint64_t{model->block_size()})
      .field("optimizer", model->optimizer()->string_view())
      .field("device", std::string_view(device.describe()))
      .field("allocated_bytes", device.allocatedBytes())
      .field("seed", start.state.seed)
      .field("resumed_from", std::string_view(start.checkpoint))
      .field("tokens", std::string_view(data.description));
  for (const auto &[name, value] : options)
    line.field(name, std::string_view(value));
  return log.write(line);
}

void announce(Device &device, const Start &start, const TokenData &data, const Options &options) {
  const schema::Model *model = device.file().step().model();
  unsigned ranks = device.file().step().ranks();
  logInfo("model  {}: {:.2f}M parameters, vocabulary {}, batch {} x {} tokens x {}{} a step, {}",
          model->name()->string_view(), static_cast<double>(model->num_params()) * 1e-6,
          model->vocab_size(), model->batch(), model->block_size(), options.accumulation,
          ranks > 1 ? fmt::format(" x {} ranks", ranks) : "", model->optimizer()->string_view());
  logInfo("device {}, {} allocated", device.describe(), formatBytes(device.allocatedBytes()));
  logInfo("data   {}", data.description);
  for (const std::string &note : data.notes)
    logInfo("data   {}", note);
  if (!start.checkpoint.empty())
    logInfo("resume {} (epoch {}, sequence {})", start.checkpoint, start.state.position.epoch,
            start.state.position.index);
  if (options.checkpointDir.empty())
    logWarning("no --checkpoint-dir: the trained weights will not be saved");
}

/// The run's speed, beside what the compiler expected.
void announceSpeed(Device &device, const TrainOutcome &outcome, const Options &options) {
  if (outcome.secondsPerStep == 0)
    return;
  std::string beside = besidePrediction(device.file(), device.hardware(), options.accumulation,
                                        outcome.secondsPerStep * 1e3);
  if (!beside.empty())
    logInfo("{}", beside);
}

Status logEnd(JsonLog &log, const TrainOutcome &outcome) {
  if (!log.isOpen())
    return Status::ok();
  JsonLine line;
  line.begin("end");
  line.field("step", outcome.step)
      .field("loss", outcome.loss)
      .field("signal", int64_t{outcome.stopped})
      .field("ms_per_step", outcome.secondsPerStep * 1e3)
      .field("skipped", outcome.skipped)
      .field("diverged", !outcome.divergence.empty())
      .field("checkpoint", std::string_view(outcome.checkpoint));
  return log.write(line);
}

} // namespace

Result<int> train(Device &device, const ParamTable &table, const Options &options,
                  const StopSignal &signal, Communicator *ranks) {
  // Everything is checked before anything is written.
  const schema::Model *model = device.file().step().model();
  if (options.sample.prompt) {
    SWAMLA_TRY([[maybe_unused]] auto prompt,
               encodePrompt(*options.sample.prompt, model->vocab_size()));
  }
  SWAMLA_TRY(Start start, startRun(device, table, options, ranks));
  // The place in a set that is fetched decides what is fetched.
  if (std::string identity = knownIdentity(device, options); !identity.empty())
    SWAMLA_RETURN_IF_ERROR(placeInData(identity, options, start));
  Result<TokenData> opened =
      openData(device, options,
               {start.state.seed, start.state.position,
                (options.train.steps - start.state.step) * shareOf(ranks).ranks,
                options.train.valEvery != 0, [&] { return signal.received() != 0; }});
  if (opened.status().code() == StatusCode::Unavailable && signal.received() != 0) {
    logInfo("stopped by signal {} while data was fetched; what has come of it is kept",
            signal.received());
    return 128 + signal.received();
  }
  SWAMLA_TRY(TokenData data, std::move(opened));
  SWAMLA_RETURN_IF_ERROR(placeInData(data.identity, options, start));
  SWAMLA_TRY(TrainerConfig config, configure(options, device.file(), data, start.state.seed));
  config.stopRequested = [&] { return signal.received(); };
  config.ranks = ranks;
  RunOptions summary = summarise(options, config);
  if (ranks)
    SWAMLA_RETURN_IF_ERROR(requireSameRun(*ranks, device, start, data, summary));
  bool writes = shareOf(ranks).rank == 0;

  std::unique_ptr<CheckpointWriter> checkpoints;
  if (!options.checkpointDir.empty()) {
    checkpoints = std::make_unique<CheckpointWriter>(
        device, table,
        CheckpointConfig{options.checkpointDir, options.train.keepLast, summary, {}});
    if (writes)
      SWAMLA_RETURN_IF_ERROR(checkpoints->prepare(start.state.step));
  }
  JsonLog log;
  if (!options.train.logFile.empty() && writes) {
    SWAMLA_TRY(log, JsonLog::open(options.train.logFile));
  }
  SWAMLA_TRY(std::unique_ptr<Trainer> trainer,
             Trainer::create(device, data, config, start.state, checkpoints.get(),
                             log.isOpen() ? &log : nullptr));
  if (writes)
    announce(device, start, data, options);
  SWAMLA_RETURN_IF_ERROR(logStart(log, device, start, data, summary));
  SWAMLA_TRY(TrainOutcome outcome, trainer->run());
  SWAMLA_RETURN_IF_ERROR(logEnd(log, outcome));
  announceSpeed(device, outcome, options);
  if (options.profile) {
    SWAMLA_TRY(double copy, device.measureCopy());
    fmt::print("\n{}", formatProfile(device.profile(), outcome.step - start.state.step, copy));
  }
  if (!outcome.divergence.empty()) {
    logStatus(failedPrecondition(outcome.divergence));
    return int{kDiverged};
  }
  if (outcome.skipped > 0)
    logWarning("{} step{} updated nothing: loss or gradient norm not finite", outcome.skipped,
               outcome.skipped == 1 ? "" : "s");
  if (outcome.stopped != 0) {
    logInfo("stopped by signal {} after step {}; {}", outcome.stopped, outcome.step,
            checkpoints ? "go on with --resume latest" : "nothing was saved");
    return 128 + outcome.stopped;
  }
  return int{kSuccess};
}

} // namespace swamla::run
