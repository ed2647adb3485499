//===- Options.cpp - the command line of swamla-run -----------------------===//

#include "tools/swamla-run/Options.h"

#include "runtime/fetch/DataSet.h"
#include "runtime/train/Schedule.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace swamla::run {
namespace {

constexpr const char *kEpilog =
    R"(Modes: --data trains; --sample alone writes text from a checkpoint (--resume) or weights (--init), and
together with --data it does so after training; --bench times steps; --describe shows the program; --check
shows the machine, and with a STEP.BIN takes one step and verifies it.

Shards of fineweb and fineweb-edu are kept in $SWAMLA_DATA ($XDG_CACHE_HOME/swamla/data, ~/.cache/swamla/data), and fetched
from $HF_ENDPOINT (https://huggingface.co) with the token $HF_TOKEN, if there is one; swamla-data fetch gets them before.

Exit codes: 0 success; 1 the run failed (machine, program and checkpoint do not fit together, disk full, no network);
2 wrong options or bad input; 3 training diverged (--on-nonfinite); 4 another rank failed or was lost; 130 stopped by SIGINT and 143 by SIGTERM, after the step
was finished and a checkpoint saved (with --checkpoint-dir). A second signal ends the program at once.)";

constexpr int64_t kMaxRanks = 4096;            // of one machine
constexpr int64_t kMaxRankTimeout = 24 * 3600; // seconds
constexpr int64_t kMaxTuneMs = 3600 * 1000;
constexpr int64_t kMost = std::numeric_limits<int32_t>::max();

/// A check that a value is a number in a range; `expected` says which. CLI11's own ranges print
/// bounds such as 1.8e308 digit by digit, and let NaN pass.
template <typename InRange> CLI::Validator real(const char *expected, InRange inRange) {
  return {[=](std::string &text) {
            double value = NAN;
            bool number = CLI::detail::lexical_cast(text, value);
            return number && std::isfinite(value) && inRange(value)
                       ? std::string()
                       : fmt::format("{}; expected a number {}", text, expected);
          },
          ""};
}

CLI::Validator positive() {
  return real("above 0", [](double v) { return v > 0; });
}
CLI::Validator notNegative() {
  return real("of at least 0", [](double v) { return v >= 0; });
}

/// The same for whole numbers.
CLI::Validator whole(int64_t low, int64_t high) {
  return {[=](std::string &text) {
            int64_t value = -1;
            bool number = CLI::detail::lexical_cast(text, value);
            return number && value >= low && value <= high
                       ? std::string()
                       : fmt::format("{}; expected a whole number from {} to {}", text, low, high);
          },
          ""};
}

/// Options as "--name TYPE = default", without the lists of what needs and excludes what: the
/// errors say that.
class BriefFormatter : public CLI::Formatter {
public:
  std::string make_option_opts(const CLI::Option *option) const override {
    std::string text = option->get_type_name().empty() ? "" : " " + option->get_type_name();
    if (!option->get_default_str().empty())
      text += " = " + option->get_default_str();
    return text;
  }
};

/// Declares options in groups, so that a whole group can need or exclude an option.
class Declarer {
public:
  Declarer(CLI::App &app, Options &options) : app(app), o(options) {}

  void all() {
    declareGeneral();
    declareGpu();
    declareRanks();
    declareTraining();
    declareSampling();
    for (CLI::Option *option : trainOnly)
      option->needs(data)->excludes(bench);
    for (CLI::Option *option : sampleOnly)
      option->needs(sample);
    for (CLI::Option *option : {data, sample, bench, init, resume, accumulation, seed, threads,
                                profile, checkpointDir, rankTimeout}) {
      describe->excludes(option);
      if (option != threads)
        check->excludes(option);
    }
    for (CLI::Option *option : {device, noGraph, noTune, tuneMs})
      describe->excludes(option);
    check->excludes(describe);
    noTune->excludes(tuneMs);
    bench->excludes(sample)->excludes(resume)->excludes(init)->excludes(checkpointDir);
    init->excludes(resume);
    restartData->needs(resume);
    checkpointEvery->needs(checkpointDir);
    keepLast->needs(checkpointDir);
  }

private:
  void declareGeneral() {
    app.add_option("program", o.program, "the step.bin to run")->type_name("STEP.BIN");
    data = app.add_option("--data", o.data,
                          "train on token shards (*.bin) or text: a file, folder or pattern; on "
                          "'fineweb' or 'fineweb-edu', which are fetched as they are needed; or on "
                          "'random' tokens")
               ->type_name("PATH");
    app.add_flag("--offline", o.offline, "fetch no shard: train on those that are there")
        ->needs(data);
    accumulation = app.add_option("--accum", o.accumulation, "batches in a step")
                       ->check(whole(1, kMaxAccumulation))
                       ->capture_default_str();
    seed = app.add_option("--seed", o.seed,
                          "of initial weights, data order and dropout (0; with --resume the "
                          "checkpoint's)");
    checkpointDir = app.add_option("--checkpoint-dir", o.checkpointDir,
                                   "save checkpoints here (without it nothing is saved)")
                        ->type_name("DIR");
    resume = app.add_option("--resume", resumeText,
                            "go on from a checkpoint: its path, a folder of checkpoints, or "
                            "'latest' (the default) of --checkpoint-dir")
                 ->expected(0, 1)
                 ->type_name("PATH");
    init =
        app.add_option("--init", o.init, "start from these weights")->type_name("FILE.safetensors");
    threads = app.add_option("--threads", o.threads, "CPU threads (0: all cores)")
                  ->check(whole(0, 4096))
                  ->capture_default_str();
    profile = app.add_flag("--profile", o.profile, "print where the time went, by kernel and op");
    bench =
        app.add_option("--bench", benchText,
                       "time N steps (20) on random tokens or --data and print one line of JSON")
            ->expected(0, 1)
            ->type_name("N")
            ->check(whole(1, kMost));
    describe = app.add_flag("--describe", o.describe, "print what the program holds");
    check = app.add_flag("--check", o.check,
                         "print what this machine has, and verify one step of a program");
    app.add_flag("--verbose", o.verbose, "more messages, and where errors come from");
  }

  void declareGpu() {
    auto gpu = [&](CLI::Option *option) { return option->group("GPU (programs for cuda)"); };
    device = gpu(app.add_option("--device", o.device,
                                "which GPU, counted from 0 among those in CUDA_VISIBLE_DEVICES"));
    device->check(whole(0, 1023));
    noGraph = gpu(app.add_flag("--no-graph", o.noGraph,
                               "enqueue op by op instead of replaying CUDA graphs; same results"));
    tuneMs = gpu(app.add_option("--tune-ms", o.tuneMs,
                                "milliseconds to find fast matmul algorithms at the first load "
                                "(4000); they are kept in $XDG_CACHE_HOME/swamla"));
    tuneMs->check(whole(1, kMaxTuneMs));
    noTune = gpu(app.add_flag("--no-tune", o.noTune,
                              "take cuBLASLt's first algorithms, not those that were found"));
  }

  void declareRanks() {
    auto ranks = [&](CLI::Option *option) { return option->group("Many ranks (docs/ranks.md)"); };
    nproc = ranks(app.add_option("--nproc", o.nproc,
                                 "start N ranks on this machine (programs for cuda: as many as it "
                                 "was compiled for); torchrun, srun and mpirun start them, too"));
    nproc->type_name("N")->check(whole(1, kMaxRanks));
    rankTimeout = ranks(app.add_option("--rank-timeout", o.rankTimeout,
                                       "seconds without a sign of life, however long a step takes, "
                                       "after which a rank is given up and all end"));
    rankTimeout->check(whole(1, kMaxRankTimeout))->capture_default_str();
  }

  CLI::Option *train(CLI::Option *option) {
    return trainOnly.emplace_back(option->group("Training (with --data)"));
  }

  void declareTraining() {
    TrainFlags &t = o.train;
    auto count = whole(1, kMost), countOrNone = whole(0, kMost);
    auto beta = real("from 0 to below 1", [](double v) { return v >= 0 && v < 1; });
    train(app.add_option("--steps", t.steps, "steps in all"))->check(count)->capture_default_str();
    train(app.add_option("--lr", t.lr, "peak learning rate"))
        ->check(positive())
        ->capture_default_str();
    train(app.add_option("--min-lr", t.minLr, "learning rate at the end (a tenth of --lr)"))
        ->check(notNegative());
    train(app.add_option("--warmup", t.warmup,
                         "steps to the peak learning rate (a tenth of --steps, at most 100)"))
        ->check(countOrNone);
    train(app.add_option("--weight-decay", t.weightDecay, "on weight matrices"))
        ->check(notNegative())
        ->capture_default_str();
    train(app.add_option("--beta1", t.beta1, "of AdamW or Lion"))
        ->check(beta)
        ->capture_default_str();
    train(app.add_option("--beta2", t.beta2, "of AdamW or Lion"))
        ->check(beta)
        ->capture_default_str();
    train(app.add_option("--eps", t.eps, "of AdamW (1e-8)"))->check(positive());
    train(app.add_option("--clip", t.clip, "largest gradient norm (0: no limit)"))
        ->check(notNegative())
        ->capture_default_str();
    train(app.add_option("--val-every", t.valEvery, "validate every N steps (250; 0: never)"))
        ->check(countOrNone);
    train(app.add_option("--val-batches", t.valBatches, "batches in a validation"))
        ->check(count)
        ->capture_default_str();
    train(app.add_option("--val-fraction", t.valFraction,
                         "share of text, from its end, that validation takes (0.1)"))
        ->check(real("from 0 to 0.9", [](double v) { return v >= 0 && v <= 0.9; }));
    checkpointEvery = train(app.add_option("--checkpoint-every", t.checkpointEvery,
                                           "save every N steps (0: at the end only)"));
    checkpointEvery->check(countOrNone)->capture_default_str();
    keepLast = train(app.add_option("--keep-last", t.keepLast, "checkpoints to keep (0: all)"));
    keepLast->check(whole(0, kMost))->capture_default_str();
    restartData =
        train(app.add_flag("--restart-data", t.restartData,
                           "resume with the data from its start (needed for other data)"));
    train(app.add_option("--on-nonfinite", t.onNonFinite,
                         "a step with a NaN or infinite loss or gradient norm updates nothing, and "
                         "then: stop the run, or skip to the next step, at most 9 times in a row"))
        ->type_name("stop|skip")
        ->check(CLI::IsMember({"stop", "skip"}))
        ->capture_default_str();
    train(app.add_option("--log", t.logFile, "append a line of JSON for every step to this file"))
        ->type_name("FILE");
    train(
        app.add_option("--log-every", t.logEvery, "steps between lines where there is no terminal"))
        ->check(count)
        ->capture_default_str();
  }

  void declareSampling() {
    SampleFlags &s = o.sample;
    sample = app.add_option("--sample", s.prompt, "continue this text")
                 ->type_name("TEXT")
                 ->group("Text (with --sample)");
    auto only = [&](CLI::Option *option) {
      return sampleOnly.emplace_back(option->group("Text (with --sample)"));
    };
    only(app.add_option("--max-new", s.maxNew, "tokens to add"))
        ->check(whole(1, kMost))
        ->capture_default_str();
    only(app.add_option("--temperature", s.temperature, "0: always the likeliest token"))
        ->check(notNegative())
        ->capture_default_str();
    only(app.add_option("--top-k", s.topK, "only the k likeliest tokens (0: all)"))
        ->check(whole(0, kMost))
        ->capture_default_str();
    only(app.add_option("--top-p", s.topP, "only the likeliest tokens up to this probability"))
        ->check(real("above 0, up to 1", [](double v) { return v > 0 && v <= 1; }))
        ->capture_default_str();
    only(app.add_option("--sample-seed", s.seed, "of the draws"))->capture_default_str();
  }

public:
  /// Moves what CLI11 could not store as it is, and checks what it cannot express.
  void finish() {
    if (resume->count() > 0)
      o.resume = resumeText.empty() ? "latest" : resumeText;
    if (bench->count() > 0)
      o.bench = benchText.empty() ? 20 : std::stoll(benchText);
    bool training = !o.data.empty() && !o.bench;
    if (o.offline && !findDataSet(o.data))
      throw CLI::ValidationError("--offline",
                                 "is for data that can be fetched: --data " + dataSetNames());
    if (o.program.empty() && !o.check)
      throw CLI::RequiredError("STEP.BIN");
    if (const char *option = firstGpuOption(o); option && o.program.empty())
      throw CLI::ValidationError(option, "needs a STEP.BIN");
    if (!training && !o.bench && !o.describe && !o.check && !o.sample.prompt)
      throw CLI::ValidationError("nothing to do",
                                 "give --data, --sample, --bench, --describe or --check");
    if (o.sample.prompt && !training && !o.resume && o.init.empty())
      throw CLI::ValidationError("--sample", "needs trained weights: --resume, --init or --data");
    if (o.resume == "latest" && o.checkpointDir.empty())
      throw CLI::ValidationError("--resume latest", "needs --checkpoint-dir");
    if (!training && !o.bench && (accumulation->count() > 0 || seed->count() > 0))
      throw CLI::ValidationError(accumulation->count() > 0 ? "--accum" : "--seed",
                                 "is for training: give --data");
    if (!training && !o.checkpointDir.empty() && o.resume != "latest")
      throw CLI::ValidationError("--checkpoint-dir", "needs --data or --resume latest");
    if (o.nproc && !training && !o.bench)
      throw CLI::ValidationError("--nproc", "is for training and --bench");
    if (training)
      finishTraining();
  }

private:
  void finishTraining() {
    TrainFlags &t = o.train;
    if (t.minLr && *t.minLr > t.lr)
      throw CLI::ValidationError("--min-lr",
                                 fmt::format("is {}, more than the {} of --lr", *t.minLr, t.lr));
  }

  CLI::App &app;
  Options &o;
  std::string resumeText, benchText;
  std::vector<CLI::Option *> trainOnly, sampleOnly;
  CLI::Option *data, *accumulation, *seed, *checkpointDir, *resume, *init, *threads, *profile,
      *bench, *describe, *check, *device, *noGraph, *noTune, *tuneMs, *checkpointEvery, *keepLast,
      *restartData, *sample, *nproc, *rankTimeout;
};

} // namespace

const char *firstGpuOption(const Options &options) {
  return options.device    ? "--device"
         : options.noGraph ? "--no-graph"
         : options.noTune  ? "--no-tune"
         : options.tuneMs  ? "--tune-ms"
                           : nullptr;
}

std::optional<Options> parseOptions(int argc, const char *const *argv, int &exitCode) {
  // CLI11 reports by exceptions; they end here.
  try {
    Options options;
    CLI::App app("swamla-run - trains and runs what swamlac compiled", "swamla-run");
    app.footer(kEpilog);
    // Given twice, the last one counts: so a script's defaults can be overridden behind them.
    app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    app.formatter(std::make_shared<BriefFormatter>());
    app.set_version_flag("--version", SWAMLA_VERSION);
    Declarer declarer(app, options);
    declarer.all();
    try {
      app.parse(argc, argv);
      declarer.finish();
      return options;
    } catch (const CLI::Success &done) {
      exitCode = app.exit(done);
    } catch (const CLI::ParseError &error) {
      fmt::print(stderr, "error: {}\nRun swamla-run --help for the options.\n", error.what());
      exitCode = kBadInput;
    }
  } catch (const std::exception &error) {
    fmt::print(stderr, "error: {}\n", error.what());
    exitCode = kBadInput;
  }
  return std::nullopt;
}

} // namespace swamla::run
