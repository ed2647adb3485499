//===- Trainer.cpp - the training loop ------------------------------------===//

#include "runtime/train/Trainer.h"

#include <algorithm>

namespace swamla {

std::vector<uint64_t> spreadEvenly(uint64_t sequences, uint64_t count) {
  count = std::min(count, sequences);
  std::vector<uint64_t> chosen(count);
  for (uint64_t i = 0; i < count; ++i)
    chosen[i] = static_cast<uint64_t>(static_cast<unsigned __int128>(i) * sequences / count);
  return chosen;
}

Trainer::Trainer(const StepRunner &runner, TrainerConfig config, const TrainState &state,
                 CheckpointWriter *checkpoints)
    : runner(runner), config(std::move(config)), state(state), checkpoints(checkpoints) {}

/// Reads the validation set into memory, so that every validation sees the same tokens at no cost.
Status Trainer::loadValidation(const SequenceSource &source, uint32_t batch) {
  uint64_t wanted = static_cast<uint64_t>(config.valBatches) * batch;
  std::vector<uint64_t> chosen = spreadEvenly(source.sequences(), wanted);
  if (chosen.size() < batch)
    return invalidArgument(fmt::format(
        "the validation data has {} sequence{} of {} tokens; a batch needs {}: give more data, "
        "compile with a smaller --batch, or switch validation off (--val-every 0)",
        chosen.size(), chosen.size() == 1 ? "" : "s", source.blockSize(), batch));
  validationBatches.resize(chosen.size() / batch);
  for (size_t i = 0; i < validationBatches.size(); ++i)
    SWAMLA_RETURN_IF_ERROR(
        readBatch(source, std::span(chosen).subspan(i * batch, batch), validationBatches[i]));
  return Status::ok();
}

Result<std::unique_ptr<Trainer>> Trainer::create(Device &device, const TokenData &data,
                                                 const TrainerConfig &config,
                                                 const TrainState &state,
                                                 CheckpointWriter *checkpoints, JsonLog *log) {
  SWAMLA_TRY(StepRunner runner, StepRunner::create(device, config.hyper));
  const schema::Model *model = device.file().step().model();
  if (data.train->blockSize() != model->block_size())
    return internalError("the data was cut for another block size");
  if (state.position.index >= data.train->sequences())
    return failedPrecondition(fmt::format("the run stands at sequence {} of the data, which has {}",
                                          state.position.index, data.train->sequences()));
  std::unique_ptr<Trainer> trainer(new Trainer(runner, config, state, checkpoints));
  if (config.valEvery > 0) {
    if (!data.validation)
      return invalidArgument("there is no validation data to use every --val-every steps");
    SWAMLA_RETURN_IF_ERROR(trainer->loadValidation(*data.validation, model->batch()));
  }
  Progress::Config progress = config.progress;
  progress.firstStep = state.step;
  progress.steps = config.steps;
  progress.tokensPerStep =
      static_cast<uint64_t>(config.hyper.accumulation) * model->batch() * model->block_size();
  trainer->progress = std::make_unique<Progress>(progress, log);
  trainer->loader =
      std::make_unique<BatchLoader>(*data.train, model->batch(), state.seed, state.position);
  return trainer;
}

Status Trainer::validate(TrainOutcome &outcome) {
  Timer timer;
  SWAMLA_TRY(double loss, runner.evaluate(validationBatches));
  outcome.validationLoss = loss;
  uint64_t tokens = validationBatches.size() * validationBatches.front().tokens.size();
  return progress->validation(state.step, loss, tokens, timer.seconds());
}

Status Trainer::save(TrainOutcome &outcome) {
  Timer timer;
  SWAMLA_TRY(outcome.checkpoint, checkpoints->save(state));
  return progress->checkpoint(state.step, outcome.checkpoint, timer.seconds());
}

Status Trainer::oneStep(TrainOutcome &outcome) {
  Timer timer;
  SWAMLA_TRY(StepResult result, runner.step(state.step, *loader));
  ++state.step;
  state.position = result.after;
  state.lastLoss = result.loss;
  outcome.step = state.step;
  outcome.loss = result.loss;
  return progress->step({state.step, result.loss, result.lr, result.gradNorm, timer.seconds()});
}

Result<TrainOutcome> Trainer::run() {
  TrainOutcome outcome;
  outcome.step = state.step;
  outcome.loss = state.lastLoss;
  int64_t saved = state.step > 0 ? state.step : -1;
  while (state.step < config.steps && outcome.stopped == 0) {
    SWAMLA_RETURN_IF_ERROR(oneStep(outcome));
    outcome.stopped = config.stopRequested ? config.stopRequested() : 0;
    bool last = state.step == config.steps;
    if (config.valEvery > 0 && outcome.stopped == 0 && (last || state.step % config.valEvery == 0))
      SWAMLA_RETURN_IF_ERROR(validate(outcome));
    if (checkpoints && config.checkpointEvery > 0 && state.step % config.checkpointEvery == 0) {
      SWAMLA_RETURN_IF_ERROR(save(outcome));
      saved = state.step;
    }
  }
  if (checkpoints && saved != state.step)
    SWAMLA_RETURN_IF_ERROR(save(outcome));
  progress->clearLine();
  return outcome;
}

} // namespace swamla
