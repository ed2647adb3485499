//===- Trainer.cpp - the training loop ------------------------------------===//

#include "runtime/train/Trainer.h"

#include "runtime/train/RankAgreement.h"

#include <algorithm>
#include <cmath>

namespace swamla {

std::vector<uint64_t> spreadEvenly(uint64_t sequences, uint64_t count) {
  count = std::min(count, sequences);
  std::vector<uint64_t> chosen(count);
  for (uint64_t i = 0; i < count; ++i)
    chosen[i] = static_cast<uint64_t>(static_cast<unsigned __int128>(i) * sequences / count);
  return chosen;
}

Trainer::Trainer(Device &device, const StepRunner &runner, TrainerConfig config,
                 const TrainState &state, CheckpointWriter *checkpoints,
                 const SequenceSource &source, uint32_t batch)
    : device(device), runner(runner), config(std::move(config)), state(state),
      checkpoints(checkpoints), source(source), batch(batch) {}

/// Reads this rank's part of the validation set into memory, so that every validation sees the same
/// tokens at no cost.
Status Trainer::loadValidation(const SequenceSource &source, uint32_t batch) {
  uint64_t wanted = static_cast<uint64_t>(config.valBatches) * batch;
  std::vector<uint64_t> chosen = spreadEvenly(source.sequences(), wanted);
  if (chosen.size() < batch)
    return invalidArgument(fmt::format(
        "the validation data has {} sequence{} of {} tokens; a batch needs {}: give more data, "
        "compile with a smaller --batch, or switch validation off (--val-every 0)",
        chosen.size(), chosen.size() == 1 ? "" : "s", source.blockSize(), batch));
  validationTokens = chosen.size() / batch * batch * source.blockSize();
  for (size_t i = share().rank; i < chosen.size() / batch; i += share().ranks)
    SWAMLA_RETURN_IF_ERROR(readBatch(source, std::span(chosen).subspan(i * batch, batch),
                                     validationBatches.emplace_back()));
  return Status::ok();
}

Result<std::unique_ptr<Trainer>> Trainer::create(Device &device, const TokenData &data,
                                                 const TrainerConfig &config,
                                                 const TrainState &state,
                                                 CheckpointWriter *checkpoints, JsonLog *log) {
  SWAMLA_TRY(StepRunner runner,
             StepRunner::create(device, config.hyper, state.skipped, config.ranks));
  const schema::Model *model = device.file().step().model();
  if (data.train->blockSize() != model->block_size())
    return internalError("the data was cut for another block size");
  if (state.position.index >= data.train->sequences())
    return failedPrecondition(fmt::format("the run stands at sequence {} of the data, which has {}",
                                          state.position.index, data.train->sequences()));
  std::unique_ptr<Trainer> trainer(
      new Trainer(device, runner, config, state, checkpoints, *data.train, model->batch()));
  if (config.valEvery > 0) {
    if (!data.validation)
      return invalidArgument("there is no validation data to use every --val-every steps");
    SWAMLA_RETURN_IF_ERROR(trainer->loadValidation(*data.validation, model->batch()));
  }
  Progress::Config progress = config.progress;
  progress.firstStep = state.step;
  progress.steps = config.steps;
  progress.tokensPerStep = static_cast<uint64_t>(config.hyper.accumulation) * model->batch() *
                           model->block_size() * trainer->share().ranks;
  trainer->progress = std::make_unique<Progress>(progress, log);
  auto batches = static_cast<uint64_t>((config.steps - state.step) * config.hyper.accumulation);
  trainer->loader =
      std::make_unique<BatchLoader>(*data.train, model->batch(), state.seed, state.position,
                                    /*ahead=*/4, batches, trainer->share());
  return trainer;
}

Status Trainer::validate(TrainOutcome &outcome) {
  Timer timer;
  SWAMLA_TRY(double loss, runner.evaluate(validationBatches));
  outcome.validationLoss = loss;
  return progress->validation(state.step, loss, validationTokens, timer.seconds());
}

Status Trainer::save(TrainOutcome &outcome) {
  Timer timer;
  if (!config.ranks) {
    SWAMLA_TRY(outcome.checkpoint, checkpoints->save(state));
  } else {
    // What one rank writes is the run's only if all have it; and nobody goes on before it is there.
    SWAMLA_RETURN_IF_ERROR(
        requireSameParameters(*config.ranks, device, fmt::format("After step {}", state.step)));
    Result<std::string> saved = std::string();
    if (share().rank == 0)
      saved = checkpoints->save(state);
    SWAMLA_TRY(outcome.checkpoint, agree(*config.ranks, std::move(saved)));
  }
  return progress->checkpoint(state.step, outcome.checkpoint, timer.seconds());
}

/// Steps at the start that are slower than the others: pages, threads, graphs.
static constexpr int64_t kWarmupSteps = 2;

void Trainer::advance(const StepResult &result, TrainOutcome &outcome) {
  ++state.step;
  state.position = result.after;
  state.skipped = runner.skippedSteps();
  outcome.step = state.step;
}

/// NaN as one would read it: its sign means nothing.
static double withoutSign(double x) { return std::isnan(x) ? std::abs(x) : x; }

/// The first tensor of the step that is not finite, on this rank or else on the first that has one.
Result<std::string> Trainer::findNonFinite() {
  BatchLoader again(source, batch, state.seed, state.position, /*ahead=*/1,
                    static_cast<uint64_t>(config.hyper.accumulation), share());
  SWAMLA_TRY(std::optional<NonFinite> found, runner.findNonFinite(state.step, again));
  std::string text = found ? found->describe() : "";
  if (config.ranks) {
    SWAMLA_TRY(std::vector<std::string> all, config.ranks->exchange(text));
    auto first = std::ranges::find_if(all, [](const std::string &each) { return !each.empty(); });
    if (first != all.end())
      text = fmt::format("on rank {}: {}", first - all.begin(), *first);
  }
  return text.empty() ? std::string("the step was repeated op by op, and no op wrote one") : text;
}

/// Says where a step went wrong, and skips it or ends the run.
Status Trainer::handleNonFinite(const StepResult &result, TrainOutcome &outcome) {
  NonFiniteReport report;
  SWAMLA_TRY(report.tensor, findNonFinite());
  report.step = state.step + 1;
  report.loss = withoutSign(result.loss);
  report.gradNorm = withoutSign(result.gradNorm);
  bool skip = config.onNonFinite == OnNonFinite::Skip && ++skipsInARow < kMaxSkips;
  report.action = skip ? "skip" : "stop";
  SWAMLA_RETURN_IF_ERROR(progress->nonFinite(report));
  if (skip) {
    ++outcome.skipped;
    advance(result, outcome);
    return Status::ok();
  }
  outcome.divergence = fmt::format(
      "training has diverged at step {}: loss {}, gradient norm {}{}. The first tensor that is not "
      "finite: {}. Nothing was saved after step {}; resume from a checkpoint with a smaller --lr, "
      "a "
      "longer --warmup or a smaller --clip{}",
      report.step, report.loss, report.gradNorm,
      skipsInARow > 1 ? fmt::format(", after {} skipped steps in a row", skipsInARow - 1) : "",
      report.tensor, state.step,
      config.onNonFinite == OnNonFinite::Stop ? ", or with --on-nonfinite=skip" : "");
  return Status::ok();
}

Status Trainer::oneStep(TrainOutcome &outcome) {
  Timer timer;
  SWAMLA_TRY(StepResult result, runner.step(state.step, *loader, config.ranks ? askToStop() : 0));
  outcome.stopped = result.stop;
  if (!result.finite)
    return handleNonFinite(result, outcome);
  skipsInARow = 0;
  advance(result, outcome);
  state.lastLoss = result.loss;
  outcome.loss = result.loss;
  double seconds = timer.seconds();
  if (++stepsRun > kWarmupSteps) {
    timedSeconds += seconds;
    outcome.secondsPerStep = timedSeconds / static_cast<double>(++timedSteps);
  }
  return progress->step({state.step, result.loss, result.lr, result.gradNorm, seconds});
}

Result<TrainOutcome> Trainer::run() {
  TrainOutcome outcome;
  outcome.step = state.step;
  outcome.loss = state.lastLoss;
  int64_t saved = state.step > 0 ? state.step : -1;
  Status noData;
  while (state.step < config.steps && outcome.stopped == 0) {
    Status stepped = oneStep(outcome);
    if (stepped.code() == StatusCode::Unavailable && !config.ranks) {
      // Of a step whose data does not come nothing is left: what is there can be saved.
      outcome.stopped = askToStop();
      if (outcome.stopped == 0)
        noData = std::move(stepped);
      if (state.step == 0)
        saved = 0; // nothing to save yet
      break;
    }
    SWAMLA_RETURN_IF_ERROR(std::move(stepped));
    if (!outcome.divergence.empty())
      break;
    if (!config.ranks)
      outcome.stopped = askToStop();
    bool last = state.step == config.steps;
    if (config.valEvery > 0 && outcome.stopped == 0 && (last || state.step % config.valEvery == 0))
      SWAMLA_RETURN_IF_ERROR(validate(outcome));
    if (checkpoints && config.checkpointEvery > 0 && state.step % config.checkpointEvery == 0) {
      SWAMLA_RETURN_IF_ERROR(save(outcome));
      saved = state.step;
    }
  }
  if (checkpoints && saved != state.step && outcome.divergence.empty())
    SWAMLA_RETURN_IF_ERROR(save(outcome));
  progress->clearLine();
  if (!noData.isOk())
    return noData;
  return outcome;
}

} // namespace swamla
