//===- Check.cpp - the machine, and a verified step -----------------------===//

#include "runtime/base/CpuInfo.h"
#include "runtime/base/Format.h"
#include "runtime/base/Timer.h"
#include "runtime/cpu/Blas.h"
#include "runtime/device/CudaLibrary.h"
#include "runtime/train/StepRunner.h"
#include "runtime/train/TokenData.h"
#include "tools/swamla-run/Commands.h"

#include <cmath>
#include <cstdio>

namespace swamla::run {

/// How far random weights may be from knowing nothing, in nats.
static constexpr double kFromUniform = 1.5;
/// Small enough that the update's first order decides whether the loss falls.
static constexpr double kLearningRate = 1e-4;

static void printLine(std::string_view name, std::string_view text) {
  fmt::print("{:<10} {}\n", name, text);
}

static void printMachine() {
  CpuInfo cpu = readCpuInfo();
  printLine("swamla", SWAMLA_VERSION);
  printLine("CPU", fmt::format("{}, {}, {} usable core{}, {} of memory", cpu.model,
                               cpuLevelName(cpu.level), cpu.usableCores,
                               cpu.usableCores == 1 ? "" : "s", formatBytes(cpu.memoryLimit)));
  printLine("BLAS", describeBlas());
  Result<const CudaLibrary *> cuda = loadCudaLibrary();
  if (!cuda.isOk()) {
    printLine("CUDA",
              fmt::format("programs for cuda cannot run here: {}", cuda.status().message()));
    return;
  }
  for (const auto &[name, text] : (*cuda)->report().lines)
    printLine(name, text);
}

/// What a step on random tokens must show. `before` and `after`: the loss of the step's tokens,
/// without dropout, around it.
static Status judge(double before, const StepResult &step, double after, double uniform) {
  if (!std::isfinite(before) || std::abs(before - uniform) > kFromUniform)
    return failedPrecondition(fmt::format(
        "check failed: random weights have a loss of {:.4f}; expected ln(vocabulary) = {:.4f}, "
        "within {}",
        before, uniform, kFromUniform));
  if (!(step.gradNorm > 0))
    return failedPrecondition(fmt::format("check failed: the gradient norm is {}", step.gradNorm));
  if (!(after < before))
    return failedPrecondition(fmt::format("check failed: a step on the same tokens changed the "
                                          "loss from {:.6f} to {:.6f}; expected less",
                                          before, after));
  return Status::ok();
}

static Status checkStep(const StepFile &file, const Options &options) {
  Timer timer;
  SWAMLA_TRY(std::unique_ptr<Device> device, createDevice(file, options));
  printLine("device", fmt::format("{}, {} allocated, loaded in {:.1f} s", device->describe(),
                                  formatBytes(device->allocatedBytes()), timer.restart()));
  const schema::Model *model = file.step().model();
  SWAMLA_TRY(ParamTable table, ParamTable::create(file));
  SWAMLA_TRY(TokenData data,
             openTokenData("random", {model->block_size(), model->vocab_size(), 0, {}}));
  SWAMLA_RETURN_IF_ERROR(initParams(*device, table, 0));
  Hyperparameters hyper;
  hyper.schedule = {kLearningRate, kLearningRate, 0, 1};
  SWAMLA_TRY(StepRunner runner, StepRunner::create(*device, hyper));
  BatchLoader loader(*data.train, model->batch(), 0, {}), same(*data.train, model->batch(), 0, {});
  SWAMLA_TRY(const Batch *batch, same.next());
  SWAMLA_TRY(double before, runner.evaluate(std::span(batch, 1)));
  SWAMLA_TRY(StepResult step, runner.finiteStep(0, loader));
  SWAMLA_TRY(double after, runner.evaluate(std::span(batch, 1)));
  double uniform = std::log(static_cast<double>(model->vocab_size()));
  printLine("step", fmt::format("loss {:.4f} (ln of the vocabulary: {:.4f}), {:.4f} in training, "
                                "gradient norm {:.4f}; after the update {:.4f}; {:.1f} s",
                                before, uniform, step.loss, step.gradNorm, after, timer.seconds()));
  return judge(before, step, after, uniform);
}

Status check(const Options &options) {
  printMachine();
  std::fflush(stdout);
  if (options.program.empty())
    return Status::ok();
  SWAMLA_TRY(StepFile file, StepFile::load(options.program));
  SWAMLA_RETURN_IF_ERROR(checkStep(file, options));
  printLine("check", "passed");
  return Status::ok();
}

} // namespace swamla::run
