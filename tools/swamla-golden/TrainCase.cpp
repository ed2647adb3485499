//===- TrainCase.cpp - train a compiled case as the reference did ---------===//
#include "TrainCase.h"

#include "runtime/train/ParamTable.h"
#include "runtime/train/Scaling.h"

#include <map>

namespace swamla {

namespace {
/// A loaded case on its device.
class GoldenRun {
public:
  static Result<GoldenRun> create(const GoldenCase &golden, Device &device);
  Status uploadParams();
  Status step(int64_t step, GoldenOutcome &outcome);
  /// The slices of a flat buffer.
  Result<std::vector<std::vector<float>>> download(unsigned buffer);

private:
  GoldenRun(const GoldenCase &golden, Device &device) : golden(golden), device(device) {}
  Status setScalar(const char *name, double value);
  Result<double> readScalar(const char *name);

  const GoldenCase &golden;
  Device &device;
  unsigned params = 0, grads = 0, microStep = 0, apply = 0;
  std::vector<uint64_t> offsets; ///< of the case's parameters, in elements
};
} // namespace

Result<GoldenRun> GoldenRun::create(const GoldenCase &golden, Device &device) {
  GoldenRun run(golden, device);
  const StepFile &file = device.file();
  SWAMLA_TRY(ParamTable table, ParamTable::create(file));
  std::map<std::string, const ParamEntry *> entries;
  for (const ParamEntry &entry : table.entries())
    entries.emplace(entry.name, &entry);
  if (entries.size() != golden.params.size())
    return internalError(fmt::format("{}: the program has {} parameters, expected {}", file.name(),
                                     entries.size(), golden.params.size()));
  for (const GoldenParam &param : golden.params) {
    auto entry = entries.find(param.name);
    if (entry == entries.end() || !sameShape(entry->second->shape, param.shape))
      return internalError(fmt::format("{}: the program has no parameter {} of shape {}",
                                       file.name(), param.name, shapeToString(param.shape)));
    run.offsets.push_back(entry->second->offset);
  }
  run.params = table.paramsBuffer().index;
  // A verified file has one buffer of gradients and these programs.
  run.grads = *file.findBuffer(schema::BufferKind::Grads);
  run.microStep = *file.findProgram("micro_step");
  run.apply = *file.findProgram("apply");
  return run;
}

Status GoldenRun::uploadParams() {
  for (size_t i = 0; i < offsets.size(); ++i)
    SWAMLA_RETURN_IF_ERROR(device.upload(params, offsets[i] * sizeof(float),
                                         std::as_bytes(std::span(golden.params[i].init))));
  return refreshWorkingCopies(device);
}

Result<std::vector<std::vector<float>>> GoldenRun::download(unsigned buffer) {
  std::vector<std::vector<float>> tensors;
  for (size_t i = 0; i < offsets.size(); ++i) {
    std::vector<float> &values = tensors.emplace_back(golden.params[i].init.size());
    SWAMLA_RETURN_IF_ERROR(device.download(buffer, offsets[i] * sizeof(float),
                                           std::as_writable_bytes(std::span(values))));
  }
  return tensors;
}

/// A scalar that the program does not read has no slot.
Status GoldenRun::setScalar(const char *name, double value) {
  if (!device.file().findSlot(name))
    return Status::ok();
  auto narrow = static_cast<float>(value);
  return device.writeSlot(name, std::span<const float>(&narrow, 1));
}

Result<double> GoldenRun::readScalar(const char *name) {
  float value = 0;
  SWAMLA_RETURN_IF_ERROR(device.readSlot(name, std::span(&value, 1)));
  return value;
}

Status GoldenRun::step(int64_t step, GoldenOutcome &outcome) {
  const GoldenTraining &training = golden.training;
  AdamBiasCorrection correction = adamBiasCorrection(training.beta1, training.beta2, step + 1);
  const std::pair<const char *, double> scalars[] = {
      {"lr", training.schedule.at(step + 1)},
      {"beta1", training.beta1},
      {"beta2", training.beta2},
      {"eps", training.eps},
      {"weight_decay", training.weightDecay},
      {"bias_correction1", correction.first},
      {"bias_correction2", correction.second},
      {"clip", training.gradClip},
      {"grad_scale", 1.0},
      {"loss_scale", 1.0},
  };
  for (auto [name, value] : scalars)
    SWAMLA_RETURN_IF_ERROR(setScalar(name, value));
  auto tokens = static_cast<size_t>(golden.tokensPerStep());
  auto first = static_cast<size_t>(step) * tokens;
  SWAMLA_RETURN_IF_ERROR(
      device.writeSlot("micro_step.tokens", std::span(golden.tokens).subspan(first, tokens)));
  SWAMLA_RETURN_IF_ERROR(
      device.writeSlot("micro_step.targets", std::span(golden.targets).subspan(first, tokens)));

  SWAMLA_TRY(bool uncalibrated, wantsCalibration(device));
  if (uncalibrated)
    SWAMLA_RETURN_IF_ERROR(calibrateScales(device));
  SWAMLA_RETURN_IF_ERROR(device.run(microStep));
  SWAMLA_TRY(double loss, readScalar("micro_step.loss"));
  outcome.loss.push_back(loss);
  if (step == 0) {
    SWAMLA_TRY(outcome.grads, download(grads));
  }
  SWAMLA_RETURN_IF_ERROR(device.run(apply));
  SWAMLA_TRY(double gradNorm, readScalar("apply.grad_norm"));
  outcome.gradNorm.push_back(gradNorm);
  if (step + 1 == training.steps) {
    SWAMLA_TRY(outcome.finals, download(params));
  }
  return Status::ok();
}

std::string precisionOf(const StepFile &file) {
  constexpr std::string_view kFlag = "--precision=";
  for (const auto *option : *file.step().options())
    if (option->string_view().starts_with(kFlag))
      return std::string(option->string_view().substr(kFlag.size()));
  return "fp32";
}

Result<GoldenOutcome> trainCase(const GoldenCase &golden, const StepFile &file,
                                const DeviceOptions &options) {
  SWAMLA_TRY(std::unique_ptr<Device> device, Device::create(file, options));
  return trainCase(golden, *device);
}

Result<GoldenOutcome> trainCase(const GoldenCase &golden, Device &device) {
  const StepFile &file = device.file();
  const schema::Model &model = *file.step().model();
  if (model.block_size() != golden.config.blockSize || model.batch() != golden.training.batch)
    return invalidArgument(fmt::format(
        "{} has batch {} and sequence length {}, expected {} and {} for {}: compile it again from "
        "this case",
        file.name(), model.batch(), model.block_size(), golden.training.batch,
        golden.config.blockSize, golden.path));
  SWAMLA_TRY(GoldenRun run, GoldenRun::create(golden, device));
  SWAMLA_RETURN_IF_ERROR(run.uploadParams());
  GoldenOutcome outcome;
  for (int64_t step = 0; step < golden.training.steps; ++step)
    SWAMLA_RETURN_IF_ERROR(run.step(step, outcome));
  return outcome;
}

} // namespace swamla
