//===- Trainer.h - the training loop --------------------------------------===//
#pragma once

#include "runtime/base/Status.h"
#include "runtime/device/Device.h"
#include "runtime/train/Checkpoint.h"
#include "runtime/train/JsonLog.h"
#include "runtime/train/Progress.h"
#include "runtime/train/StepRunner.h"
#include "runtime/train/TokenData.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace swamla {

struct TrainerConfig {
  Hyperparameters hyper;
  int64_t steps = 0;    ///< in all, with those before a resume
  int64_t valEvery = 0; ///< 0: never
  int64_t valBatches = 20;
  int64_t checkpointEvery = 0; ///< 0: only at the end
  Progress::Config progress;   ///< steps, firstStep and tokensPerStep are filled in
  /// Asked after every step: not 0 means stop, after saving.
  std::function<int()> stopRequested;
};

/// How a run ended.
struct TrainOutcome {
  int64_t step = 0;                     ///< steps done in all
  int stopped = 0;                      ///< what stopRequested said; 0: all steps done
  double loss = 0;                      ///< of the last step
  std::optional<double> validationLoss; ///< the last one
  std::string checkpoint;               ///< the last one saved in this run, or empty
};

class Trainer {
public:
  /// `data` and `state` say where the run stands: a new run has step 0. `checkpoints` and `log` may
  /// be null. All must outlive the trainer.
  static Result<std::unique_ptr<Trainer>> create(Device &device, const TokenData &data,
                                                 const TrainerConfig &config,
                                                 const TrainState &state,
                                                 CheckpointWriter *checkpoints, JsonLog *log);

  /// Trains until all steps are done or a stop is requested, and saves a checkpoint then. After an
  /// error nothing is saved: what was saved before is the state to go back to.
  Result<TrainOutcome> run();

private:
  Trainer(const StepRunner &runner, TrainerConfig config, const TrainState &state,
          CheckpointWriter *checkpoints);
  Status loadValidation(const SequenceSource &source, uint32_t batch);
  Status validate(TrainOutcome &outcome);
  Status save(TrainOutcome &outcome);
  Status oneStep(TrainOutcome &outcome);

  StepRunner runner;
  TrainerConfig config;
  TrainState state;
  CheckpointWriter *checkpoints;
  std::unique_ptr<BatchLoader> loader;
  std::vector<Batch> validationBatches;
  std::unique_ptr<Progress> progress;
};

/// The sequences of a fixed validation set: up to `count`, spread evenly over all of them.
std::vector<uint64_t> spreadEvenly(uint64_t sequences, uint64_t count);

} // namespace swamla
