//===- Bench.cpp - how fast a program is ----------------------------------===//

#include "runtime/base/Log.h"
#include "runtime/base/Timer.h"
#include "runtime/train/JsonLog.h"
#include "runtime/train/Predicted.h"
#include "runtime/train/ProfileReport.h"
#include "runtime/train/StepRunner.h"
#include "tools/swamla-run/Commands.h"
#include "tools/swamla-run/Ranks.h"

#include <algorithm>
#include <cstdio>

namespace swamla::run {

/// Steps before the clock starts: pages are touched, threads are up, graphs are recorded.
static constexpr int64_t kWarmupSteps = 2;

static void printResult(Device &device, const Options &options, std::vector<double> seconds,
                        const std::vector<OpProfile> &profile) {
  std::ranges::sort(seconds);
  double median = seconds[seconds.size() / 2];
  const schema::Model *model = device.file().step().model();
  unsigned ranks = device.file().step().ranks();
  double tokens =
      static_cast<double>(options.accumulation * ranks) * model->batch() * model->block_size();
  JsonLine line;
  line.begin("bench");
  line.field("program", std::string_view(device.file().name()))
      .field("model", model->name()->string_view())
      .field("device", std::string_view(device.describe()))
      .field("batch", uint64_t{model->batch()})
      .field("block_size", uint64_t{model->block_size()})
      .field("accumulation", options.accumulation)
      .field("ranks", uint64_t{ranks})
      .field("steps", static_cast<int64_t>(seconds.size()))
      .field("ms_per_step", median * 1e3)
      .field("ms_per_step_min", seconds.front() * 1e3)
      .field("ms_per_step_max", seconds.back() * 1e3)
      .field("tokens_per_s", tokens / median)
      .field("flop_per_s", 3 * model->forward_flops_per_token() * tokens / median)
      .field("peak_bytes", device.allocatedBytes());
  if (!profile.empty())
    line.field("matmul_share", matmulShare(profile));
  const StepFile &file = device.file();
  if (auto predicted = predictedStep(file, device.hardware(), options.accumulation))
    line.field("predicted_ms", predicted->ms)
        .field("floor_ms", predicted->floorMs)
        .field("speed_of_light", predicted->floorMs / (median * 1e3));
  std::string_view text = line.finish();
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
  std::string beside =
      besidePrediction(file, device.hardware(), options.accumulation, median * 1e3);
  if (!beside.empty())
    logInfo("{}", beside);
}

static Status requireSameBench(Communicator &ranks, const Options &options, const TokenData &data) {
  SWAMLA_TRY(std::string content, describeData(data));
  return requireSameFacts(ranks, {{"--bench", fmt::format("{}", *options.bench)},
                                  {"--accum", fmt::format("{}", options.accumulation)},
                                  {"--seed", fmt::format("{}", options.seed.value_or(0))},
                                  {"--data", content}});
}

Status bench(Device &device, const ParamTable &table, const Options &options, Communicator *ranks) {
  const schema::Model *model = device.file().step().model();
  uint64_t seed = options.seed.value_or(0);
  DataUse use;
  use.seed = seed;
  use.steps = (kWarmupSteps + *options.bench) * shareOf(ranks).ranks;
  use.interrupted = [] { return false; }; // a signal ends a bench at once
  SWAMLA_TRY(TokenData data, openData(device, options, use));
  if (ranks)
    SWAMLA_RETURN_IF_ERROR(requireSameBench(*ranks, options, data));
  SWAMLA_RETURN_IF_ERROR(initParams(device, table, seed));
  // A learning rate that keeps random weights from going anywhere.
  int64_t steps = kWarmupSteps + *options.bench;
  Hyperparameters hyper;
  hyper.schedule = {1e-5, 1e-5, 0, steps};
  hyper.accumulation = options.accumulation;
  hyper.seed = seed;
  SWAMLA_TRY(StepRunner runner, StepRunner::create(device, hyper, 0, ranks));
  BatchLoader loader(*data.train, model->batch(), seed, {}, /*ahead=*/4,
                     static_cast<uint64_t>(steps * options.accumulation), shareOf(ranks));
  std::vector<double> seconds;
  std::vector<OpProfile> before;
  for (int64_t step = 0; step < steps; ++step) {
    if (step == kWarmupSteps)
      before = device.profile();
    Timer timer;
    SWAMLA_TRY([[maybe_unused]] StepResult result, runner.finiteStep(step, loader));
    if (step >= kWarmupSteps)
      seconds.push_back(timer.seconds());
  }
  SWAMLA_RETURN_IF_ERROR(device.wait());
  std::vector<OpProfile> profile = profileDifference(device.profile(), before);
  printResult(device, options, std::move(seconds), profile);
  if (options.profile) {
    SWAMLA_TRY(double copy, device.measureCopy());
    fmt::print("\n{}", formatProfile(profile, *options.bench, copy));
  }
  return Status::ok();
}

} // namespace swamla::run
