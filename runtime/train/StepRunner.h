//===- StepRunner.h - the programs of one training step -------------------===//
//
// Knows the slots and programs of a step.bin and what to write where: runs the
// micro steps and the update of a step, and evaluations. Slots are looked up
// once; step() and evaluate() allocate nothing.
//
// Losses and the norm are read as soon as they are known (downloadResult): the
// loss is looked at while the backward runs, and the update is enqueued behind
// it only if it is finite; the norm is known while the update runs. So a step
// may return before the device has finished it, and a GPU never waits for us.
//
// A step whose loss or gradient norm is not finite updates nothing: with such a
// loss `apply` does not run; with such a norm it leaves parameters and optimizer
// states as they are. AdamW's bias corrections count updates, the learning rate
// counts steps, so a step that was skipped is one step of the schedule.
//
// With many ranks each runs the micro steps on its own batches. The last one
// adds the gradients up over ranks, so none may leave it out: a loss that is not
// finite on any rank is known to all only behind it, and then all of them, or
// none, run the update.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/Philox.h"
#include "runtime/base/Status.h"
#include "runtime/device/Device.h"
#include "runtime/train/BatchLoader.h"
#include "runtime/train/NonFinite.h"
#include "runtime/train/Schedule.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace swamla {

class Communicator;

/// What the update rule needs; the same for every step but the learning rate.
struct Hyperparameters {
  LrSchedule schedule;
  double weightDecay = 0.1;
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-8;
  double clip = 1.0;        ///< largest gradient norm; 0: no clipping
  int64_t accumulation = 1; ///< micro steps in a step, on each rank
  uint64_t seed = 0;        ///< of dropout
};

struct StepResult {
  bool finite = true; ///< loss and norm; else nothing was updated
  double loss = 0;    ///< mean over the micro steps of all ranks, before the update
  double gradNorm =
      0; ///< of their mean gradient, before clipping; NaN where the loss is not finite
  double lr = 0;
  DataPosition after; ///< where the data stands behind the step
  int stop = 0;       ///< the largest of the ranks' `stop`
};

class StepRunner {
public:
  /// `skipped`: steps before the first that updated nothing. Fails when the program has a scalar of
  /// an unexpected type, or none for the learning rate.
  /// `ranks` are those of a program for many; null: there is one.
  static Result<StepRunner> create(Device &device, const Hyperparameters &hyper,
                                   int64_t skipped = 0, Communicator *ranks = nullptr);

  /// Step number `step` (from 0) on the loader's next batches. The update may still run on the
  /// device when this returns. `stop`: what this rank wants all to know, 0 if nothing.
  Result<StepResult> step(int64_t step, BatchLoader &loader, int stop = 0);
  /// step() for callers to whom a result that is not finite is an error.
  Result<StepResult> finiteStep(int64_t step, BatchLoader &loader);
  /// After a step that was not finite: looks at the parameters, then repeats the step, on a loader
  /// that stands where it began, op by op, and says which tensor was the first with a number that
  /// is not finite; nullopt if it was not so this time. Parameters and states are not touched, and
  /// the gradients are left zero.
  Result<std::optional<NonFinite>> findNonFinite(int64_t step, BatchLoader &loader);
  /// Steps so far that updated nothing.
  int64_t skippedSteps() const { return skipped; }

  /// The mean loss of the batches of all ranks (at least one), in nats per token, without dropout.
  /// `eval`.
  Result<double> evaluate(std::span<const Batch> batches);

private:
  /// Elements [0, count) of a slot.
  struct SlotRef {
    unsigned buffer = 0;
    uint64_t offset = 0, count = 0;
  };
  struct LossProgram {
    unsigned program = 0;
    SlotRef tokens, targets, loss;
  };

  StepRunner(Device &device, const Hyperparameters &hyper, Communicator *ranks);
  static Result<SlotRef> resolve(const StepFile &file, std::string_view name, schema::DType type);
  Result<LossProgram> resolveLoss(const std::string &program) const;
  /// The slot of a scalar that not every program has.
  Result<std::optional<SlotRef>> resolveOptional(const char *name, schema::DType type) const;
  template <typename T> Status setScalar(const SlotRef &slot, T value);
  Result<float> readResult(unsigned program, const SlotRef &slot);
  Status setBatch(const LossProgram &program, const Batch &batch);
  Status calibrateOnce(const Batch &batch);
  Result<float> runLoss(const LossProgram &program, const Batch &batch);
  Result<float> runMicroStep(int64_t step, int64_t micro, const Batch &batch);
  Status setDropoutKey(int64_t step, int64_t micro);
  Status agree(StepResult &result);
  Result<StepResult> skip(StepResult result, int64_t batchesLeft, BatchLoader &loader);
  Status setStepScalars(int64_t step, double learningRate);
  Status clearGradients();
  Result<std::optional<NonFinite>> searchPrograms(int64_t step, BatchLoader &loader);
  Status setConstants();

  Device *device;
  Hyperparameters hyper;
  RandomStream dropoutKeys;
  Communicator *ranks;
  std::vector<double> gathered; ///< two numbers of each rank
  LossProgram microStep, eval;
  unsigned lastMicroStep = 0; ///< the program of a step's last micro step
  unsigned apply = 0;
  int64_t skipped = 0;
  bool uncalibrated = false; ///< fp8: the scales are still guesses
  SlotRef gradNorm, lr;
  std::optional<SlotRef> biasCorrection1, biasCorrection2, dropoutKeySlot;
};

} // namespace swamla
