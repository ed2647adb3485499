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

/// What a step with a loss or gradient norm that is not finite means for the run.
enum class OnNonFinite {
  Stop, ///< the end
  Skip  ///< nothing is updated, and the next step comes; kMaxSkips in a row are the end
};
/// Steps in a row that may be skipped: more are no accident of the data.
inline constexpr int64_t kMaxSkips = 10;

struct TrainerConfig {
  Hyperparameters hyper;
  int64_t steps = 0;    ///< in all, with those before a resume
  int64_t valEvery = 0; ///< 0: never
  int64_t valBatches = 20;
  int64_t checkpointEvery = 0; ///< 0: only at the end
  OnNonFinite onNonFinite = OnNonFinite::Stop;
  Progress::Config progress; ///< steps, firstStep and tokensPerStep are filled in
  /// Asked after every step: not 0 means stop, after saving. Of many ranks all stop, after the
  /// step before whose update one of them had asked.
  std::function<int()> stopRequested;
  Communicator *ranks = nullptr; ///< of a program for many
};

/// How a run ended.
struct TrainOutcome {
  int64_t step = 0;                     ///< steps done in all
  int stopped = 0;                      ///< what stopRequested said; 0: all steps done
  double loss = 0;                      ///< of the last step
  std::optional<double> validationLoss; ///< the last one
  std::string checkpoint;               ///< the last one saved in this run, or empty
  int64_t skipped = 0;                  ///< steps of this run that updated nothing
  std::string divergence;               ///< why training cannot go on; empty: it could
  double secondsPerStep = 0;            ///< mean, without the first steps; 0: there were no others
};

class Trainer {
public:
  /// `data` and `state` say where the run stands: a new run has step 0. `checkpoints` and `log` may
  /// be null. All must outlive the trainer. With many ranks, rank 0 alone saves.
  static Result<std::unique_ptr<Trainer>> create(Device &device, const TokenData &data,
                                                 const TrainerConfig &config,
                                                 const TrainState &state,
                                                 CheckpointWriter *checkpoints, JsonLog *log);

  /// Trains until all steps are done or a stop is requested, and saves a checkpoint then; also when
  /// data does not come (Unavailable). After any other error or a divergence nothing is saved: what
  /// was saved before is the state to go back to.
  Result<TrainOutcome> run();

private:
  Trainer(Device &device, const StepRunner &runner, TrainerConfig config, const TrainState &state,
          CheckpointWriter *checkpoints, const SequenceSource &source, uint32_t batch);
  RankShare share() const { return shareOf(config.ranks); }
  int askToStop() const { return config.stopRequested ? config.stopRequested() : 0; }
  Status loadValidation(const SequenceSource &source, uint32_t batch);
  Status validate(TrainOutcome &outcome);
  Status save(TrainOutcome &outcome);
  Status oneStep(TrainOutcome &outcome);
  Result<std::string> findNonFinite();
  Status handleNonFinite(const StepResult &result, TrainOutcome &outcome);
  void advance(const StepResult &result, TrainOutcome &outcome);

  Device &device;
  StepRunner runner;
  TrainerConfig config;
  TrainState state;
  CheckpointWriter *checkpoints;
  const SequenceSource &source;
  uint32_t batch;
  int64_t skipsInARow = 0;
  double timedSeconds = 0; ///< of the steps that secondsPerStep is of
  int64_t timedSteps = 0, stepsRun = 0;
  std::unique_ptr<BatchLoader> loader;
  std::vector<Batch> validationBatches; ///< of this rank
  uint64_t validationTokens = 0;        ///< of all ranks
  std::unique_ptr<Progress> progress;
};

/// The sequences of a fixed validation set: up to `count`, spread evenly over all of them.
std::vector<uint64_t> spreadEvenly(uint64_t sequences, uint64_t count);

} // namespace swamla
