//===- Options.h - the command line of swamla-run -------------------------===//
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace swamla::run {

/// Exit codes, as --help says.
enum ExitCode : int {
  kSuccess = 0,
  kFailure = 1,  ///< could not run: machine, program and checkpoint do not fit, disk
  kBadInput = 2, ///< wrong options, or a file that is not what it should be
  kDiverged = 3, ///< a loss or gradient norm that is not finite
  kRankLost = 4  ///< another rank has failed, was killed, or cannot be reached
};

struct TrainFlags {
  int64_t steps = 1000;
  double lr = 1e-3;
  std::optional<double> minLr;   ///< lr / 10 when not given
  std::optional<int64_t> warmup; ///< a tenth of the steps, at most 100, when not given
  double weightDecay = 0.1;
  double beta1 = 0.9;
  double beta2 = 0.95;
  std::optional<double> eps; ///< 1e-8 when not given; only AdamW has it
  double clip = 1.0;
  std::optional<int64_t> valEvery; ///< 250 when not given and there is validation data
  int64_t valBatches = 20;
  std::optional<double> valFraction;
  int64_t checkpointEvery = 0;
  unsigned keepLast = 3;
  bool restartData = false;
  std::string onNonFinite = "stop"; ///< or skip
  std::string logFile;
  int64_t logEvery = 10;
};

struct SampleFlags {
  std::optional<std::string> prompt;
  int64_t maxNew = 256;
  double temperature = 0.8;
  int64_t topK = 0;
  double topP = 1.0;
  uint64_t seed = 0;
};

struct Options {
  std::string program;  ///< path of the step.bin; may be empty with `check`
  std::string data;     ///< empty: no training
  bool offline = false; ///< fetch nothing
  int64_t accumulation = 1;
  std::optional<uint64_t> seed;
  std::optional<unsigned> nproc; ///< ranks to start here
  unsigned rankTimeout = 25;     ///< seconds of silence after which a rank is lost
  std::string checkpointDir;
  std::optional<std::string> resume; ///< "latest" or a path
  std::string init;
  unsigned threads = 0;
  bool profile = false;
  std::optional<int64_t> bench; ///< steps to time
  bool describe = false;
  bool check = false;
  bool verbose = false;
  std::optional<unsigned> device; ///< number of the GPU
  bool noGraph = false;
  bool noTune = false;
  std::optional<int64_t> tuneMs;
  TrainFlags train;
  SampleFlags sample;
};

/// The first of the given options that only programs for GPUs have; nullptr: none.
const char *firstGpuOption(const Options &options);

/// Parses and checks the command line. When the program is to end (help, version, an error, which
/// is printed) returns no options and sets `exitCode`.
std::optional<Options> parseOptions(int argc, const char *const *argv, int &exitCode);

} // namespace swamla::run
