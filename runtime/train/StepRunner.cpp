//===- StepRunner.cpp - the programs of one training step -----------------===//

#include "runtime/train/StepRunner.h"

#include "runtime/comm/Communicator.h"
#include "runtime/train/Scaling.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace swamla {

StepRunner::StepRunner(Device &device, const Hyperparameters &hyper, Communicator *ranks)
    : device(&device), hyper(hyper), dropoutKeys(hyper.seed, "dropout"), ranks(ranks),
      gathered(ranks ? 2 * ranks->ranks() : 0) {}

Result<StepRunner::SlotRef> StepRunner::resolve(const StepFile &file, std::string_view name,
                                                schema::DType type) {
  const schema::Slot *slot = file.findSlot(name);
  if (!slot)
    return failedPrecondition(fmt::format("{}: the program has no slot {}", file.name(), name));
  if (slot->dtype() != type)
    return failedPrecondition(fmt::format("{}: slot {} has type {}; expected {}", file.name(), name,
                                          schema::EnumNameDType(slot->dtype()),
                                          schema::EnumNameDType(type)));
  uint64_t count = 1;
  for (uint64_t size : *slot->shape())
    count *= size;
  return SlotRef{slot->view()->buffer(), slot->view()->offset(), count};
}

Result<std::optional<StepRunner::SlotRef>> StepRunner::resolveOptional(const char *name,
                                                                       schema::DType type) const {
  std::optional<SlotRef> slot;
  if (device->file().findSlot(name)) {
    SWAMLA_TRY(slot, resolve(device->file(), name, type));
  }
  return slot;
}

/// A verified file has the programs and their slots, with the sizes that the model says.
Result<StepRunner::LossProgram> StepRunner::resolveLoss(const std::string &name) const {
  const StepFile &file = device->file();
  LossProgram loss;
  loss.program = *file.findProgram(name);
  SWAMLA_TRY(loss.tokens, resolve(file, name + ".tokens", schema::DType::I32));
  SWAMLA_TRY(loss.targets, resolve(file, name + ".targets", schema::DType::I32));
  SWAMLA_TRY(loss.loss, resolve(file, name + ".loss", schema::DType::F32));
  return loss;
}

template <typename T> Status StepRunner::setScalar(const SlotRef &slot, T value) {
  return device->upload(slot.buffer, slot.offset, std::as_bytes(std::span(&value, 1)));
}

Result<float> StepRunner::readResult(unsigned program, const SlotRef &slot) {
  float value = 0;
  SWAMLA_RETURN_IF_ERROR(device->downloadResult(program, slot.buffer, slot.offset,
                                                std::as_writable_bytes(std::span(&value, 1))));
  return value;
}

/// The scalars that no step changes. A program has those that its optimizer uses.
Status StepRunner::setConstants() {
  int64_t batches = hyper.accumulation * (ranks ? ranks->ranks() : 1);
  const std::pair<const char *, double> constants[] = {
      {"beta1", hyper.beta1}, {"beta2", hyper.beta2},
      {"eps", hyper.eps},     {"weight_decay", hyper.weightDecay},
      {"clip", hyper.clip},   {"grad_scale", 1.0 / static_cast<double>(batches)},
      {"loss_scale", 1.0},
  };
  for (auto [name, value] : constants) {
    SWAMLA_TRY(std::optional<SlotRef> slot, resolveOptional(name, schema::DType::F32));
    if (slot)
      SWAMLA_RETURN_IF_ERROR(setScalar(*slot, static_cast<float>(value)));
  }
  return Status::ok();
}

Result<StepRunner> StepRunner::create(Device &device, const Hyperparameters &hyper, int64_t skipped,
                                      Communicator *ranks) {
  if (hyper.accumulation > 1 && device.file().step().single_micro_step())
    return invalidArgument(fmt::format("--accum is {}, but {} was compiled with --micro-steps=one, "
                                       "for steps of one batch; compile "
                                       "it with --micro-steps=any, or with a larger --batch",
                                       hyper.accumulation, device.file().name()));
  using schema::DType;
  StepRunner runner(device, hyper, ranks);
  const StepFile &file = device.file();
  SWAMLA_TRY(runner.microStep, runner.resolveLoss("micro_step"));
  runner.lastMicroStep = file.findProgram("last_micro_step").value_or(runner.microStep.program);
  SWAMLA_TRY(runner.eval, runner.resolveLoss("eval"));
  runner.apply = *file.findProgram("apply");
  SWAMLA_TRY(runner.gradNorm, resolve(file, "apply.grad_norm", DType::F32));
  SWAMLA_TRY(runner.lr, resolve(file, "lr", DType::F32));
  SWAMLA_TRY(runner.biasCorrection1, runner.resolveOptional("bias_correction1", DType::F32));
  SWAMLA_TRY(runner.biasCorrection2, runner.resolveOptional("bias_correction2", DType::F32));
  SWAMLA_TRY(runner.dropoutKeySlot, runner.resolveOptional("dropout_key", DType::I32));
  SWAMLA_RETURN_IF_ERROR(runner.setConstants());
  runner.skipped = skipped;
  SWAMLA_TRY(runner.uncalibrated, wantsCalibration(device));
  return runner;
}

Status StepRunner::setBatch(const LossProgram &loss, const Batch &batch) {
  SWAMLA_RETURN_IF_ERROR(device->upload(loss.tokens.buffer, loss.tokens.offset,
                                        std::as_bytes(std::span(batch.tokens))));
  return device->upload(loss.targets.buffer, loss.targets.offset,
                        std::as_bytes(std::span(batch.targets)));
}

/// Scales that come from earlier steps come from the first batch before the first step.
Status StepRunner::calibrateOnce(const Batch &batch) {
  if (!uncalibrated)
    return Status::ok();
  uncalibrated = false;
  SWAMLA_RETURN_IF_ERROR(setBatch(microStep, batch));
  return calibrateScales(*device);
}

Result<float> StepRunner::runLoss(const LossProgram &loss, const Batch &batch) {
  SWAMLA_RETURN_IF_ERROR(setBatch(loss, batch));
  SWAMLA_RETURN_IF_ERROR(device->run(loss.program));
  return readResult(loss.program, loss.loss);
}

/// The rest of a step that updates nothing: its batches are used up all the same, and its gradients
/// are forgotten.
Result<StepResult> StepRunner::skip(StepResult result, int64_t batchesLeft, BatchLoader &loader) {
  for (; batchesLeft > 0; --batchesLeft) {
    SWAMLA_TRY(const Batch *batch, loader.next());
    result.after = batch->after;
  }
  result.finite = false;
  ++skipped;
  SWAMLA_RETURN_IF_ERROR(clearGradients());
  return result;
}

Status StepRunner::setStepScalars(int64_t step, double learningRate) {
  AdamBiasCorrection correction = adamBiasCorrection(hyper.beta1, hyper.beta2, step + 1 - skipped);
  SWAMLA_RETURN_IF_ERROR(setScalar(lr, static_cast<float>(learningRate)));
  if (biasCorrection1)
    SWAMLA_RETURN_IF_ERROR(setScalar(*biasCorrection1, static_cast<float>(correction.first)));
  if (biasCorrection2)
    SWAMLA_RETURN_IF_ERROR(setScalar(*biasCorrection2, static_cast<float>(correction.second)));
  return Status::ok();
}

/// Masks follow from the number of the micro step among those of all ranks, as its batch does.
Status StepRunner::setDropoutKey(int64_t step, int64_t micro) {
  if (!dropoutKeySlot)
    return Status::ok();
  int64_t number = ranks ? micro * ranks->ranks() + ranks->rank() : micro;
  return setScalar(*dropoutKeySlot, dropoutKey(dropoutKeys, step, number));
}

Result<float> StepRunner::runMicroStep(int64_t step, int64_t micro, const Batch &batch) {
  SWAMLA_RETURN_IF_ERROR(setDropoutKey(step, micro));
  SWAMLA_RETURN_IF_ERROR(calibrateOnce(batch));
  LossProgram program = microStep;
  if (micro + 1 == hyper.accumulation)
    program.program = lastMicroStep;
  return runLoss(program, batch);
}

/// Makes loss and stop those of all ranks.
Status StepRunner::agree(StepResult &result) {
  if (!ranks)
    return Status::ok();
  const double mine[] = {result.loss, static_cast<double>(result.stop)};
  SWAMLA_RETURN_IF_ERROR(ranks->gatherNumbers(mine, gathered));
  result.loss = 0;
  for (unsigned rank = 0; rank < ranks->ranks(); ++rank) {
    result.loss += gathered[2 * rank] / ranks->ranks();
    result.stop = std::max(result.stop, static_cast<int>(gathered[2 * rank + 1]));
  }
  return Status::ok();
}

Result<StepResult> StepRunner::step(int64_t step, BatchLoader &loader, int stop) {
  StepResult result;
  result.lr = hyper.schedule.at(step + 1);
  result.stop = stop;
  int64_t micro = 0;
  // With one rank a step is over with the first loss that is not finite.
  for (; micro < hyper.accumulation && (ranks || std::isfinite(result.loss)); ++micro) {
    SWAMLA_TRY(const Batch *batch, loader.next());
    SWAMLA_TRY(float loss, runMicroStep(step, micro, *batch));
    result.after = batch->after;
    result.loss =
        std::isfinite(loss) ? result.loss + loss / static_cast<double>(hyper.accumulation) : loss;
  }
  SWAMLA_RETURN_IF_ERROR(agree(result));
  if (!std::isfinite(result.loss)) {
    result.gradNorm = std::numeric_limits<double>::quiet_NaN();
    return skip(result, hyper.accumulation - micro, loader);
  }
  SWAMLA_RETURN_IF_ERROR(setStepScalars(step, result.lr));
  SWAMLA_RETURN_IF_ERROR(device->run(apply));
  SWAMLA_TRY(float norm, readResult(apply, gradNorm));
  result.gradNorm = norm;
  return std::isfinite(norm) ? Result<StepResult>(result) : skip(result, 0, loader);
}

Result<StepResult> StepRunner::finiteStep(int64_t step, BatchLoader &loader) {
  SWAMLA_TRY(StepResult result, this->step(step, loader));
  if (!result.finite)
    return failedPrecondition(fmt::format("step {} has the loss {} and the gradient norm {}",
                                          step + 1, result.loss, result.gradNorm));
  return result;
}

/// Sets all gradients to zero, as `apply` would have.
Status StepRunner::clearGradients() {
  constexpr uint64_t kPiece = uint64_t(16) << 20;
  std::vector<std::byte> zeros;
  const auto &buffers = *device->file().step().buffers();
  for (unsigned i = 0; i < buffers.size(); ++i) {
    if (buffers.Get(i)->kind() != schema::BufferKind::Grads)
      continue;
    uint64_t bytes = buffers.Get(i)->bytes();
    zeros.resize(std::min(bytes, kPiece));
    for (uint64_t at = 0; at < bytes; at += kPiece)
      SWAMLA_RETURN_IF_ERROR(
          device->upload(i, at, std::span(zeros).first(std::min(kPiece, bytes - at))));
  }
  return Status::ok();
}

Result<std::optional<NonFinite>> StepRunner::searchPrograms(int64_t step, BatchLoader &loader) {
  NonFiniteSearch search(*device);
  SWAMLA_TRY(std::optional<NonFinite> found, search.inParameters());
  const schema::Step &tables = device->file().step();
  for (int64_t micro = 0; micro < hyper.accumulation && !found; ++micro) {
    SWAMLA_TRY(const Batch *batch, loader.next());
    SWAMLA_RETURN_IF_ERROR(setDropoutKey(step, micro));
    SWAMLA_RETURN_IF_ERROR(setBatch(microStep, *batch));
    unsigned ops = tables.programs()->Get(microStep.program)->ops()->size();
    SWAMLA_TRY(found, search.inProgram(microStep.program, ops));
  }
  if (found)
    return found;
  // The gradients are finite, so it is their norm: squares and sums. No op behind it may run.
  const schema::Slot &norm = *device->file().findSlot("apply.grad_norm");
  return search.inProgram(apply, search.lastWriter(apply, norm), /*keepState=*/true);
}

Result<std::optional<NonFinite>> StepRunner::findNonFinite(int64_t step, BatchLoader &loader) {
  SWAMLA_TRY(std::optional<NonFinite> found, searchPrograms(step, loader));
  SWAMLA_RETURN_IF_ERROR(clearGradients());
  return found;
}

Result<double> StepRunner::evaluate(std::span<const Batch> batches) {
  double sum = 0;
  for (const Batch &batch : batches) {
    SWAMLA_TRY(float loss, runLoss(eval, batch));
    sum += loss;
  }
  if (!ranks)
    return sum / static_cast<double>(batches.size());
  const double mine[] = {sum, static_cast<double>(batches.size())};
  std::vector<double> all(2 * ranks->ranks());
  SWAMLA_RETURN_IF_ERROR(ranks->gatherNumbers(mine, all));
  double total = 0, count = 0;
  for (size_t i = 0; i < all.size(); i += 2) {
    total += all[i];
    count += all[i + 1];
  }
  return total / count;
}

} // namespace swamla
