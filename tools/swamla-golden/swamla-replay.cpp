//===- swamla-replay.cpp - golden cases where there is no compiler --------===//
//
//   swamla-golden --target=cuda --emit=programs CASE.safetensors ...    on the machine with the
//   compiler swamla-replay --programs programs CASE.safetensors ...              on the machine
//   with the GPU
//
// Exit codes as swamla-golden's: 0 if every case is within the tolerances, 1 if
// one is not, 2 if one could not be judged.
//
//===----------------------------------------------------------------------===//
#include "Report.h"
#include "TrainCase.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>

using namespace swamla;

namespace {
enum ExitCode { Passed = 0, PastTolerance = 1, NotJudged = 2 };

struct Request {
  std::vector<std::string> files;
  std::string programs, tolerances;
  bool verbose = false;
  DeviceOptions device;
};

ExitCode fail(const Status &status) {
  std::fprintf(stderr, "swamla-replay: error: %s\n", status.message().c_str());
  return NotJudged;
}

ExitCode judge(const std::string &path, const Request &request) {
  Result<GoldenCase> golden = loadGoldenCase(path);
  if (!golden.isOk())
    return fail(golden.status());
  std::filesystem::path program =
      std::filesystem::path(request.programs) / std::filesystem::path(path).stem();
  Result<StepFile> file = StepFile::load(program.string() + ".bin");
  if (!file.isOk())
    return fail(file.status());
  Result<Tolerances> defaults = tolerancesOf(precisionOf(*file));
  if (!defaults.isOk())
    return fail(std::move(defaults).takeStatus().withContext(file->name()));
  Result<Tolerances> tolerances = parseTolerances(request.tolerances, *defaults);
  if (!tolerances.isOk())
    return fail(tolerances.status());
  Result<GoldenOutcome> outcome = trainCase(*golden, *file, request.device);
  if (!outcome.isOk())
    return fail(outcome.status());
  GoldenComparison comparison = compare(*golden, *outcome, *tolerances);
  std::printf("%s\n", reportLine(*golden, comparison, *tolerances).c_str());
  if (request.verbose)
    std::printf("%s", reportTable(*golden, comparison, *outcome, *tolerances).c_str());
  std::fflush(stdout);
  return comparison.passes(*tolerances) ? Passed : PastTolerance;
}
} // namespace

// What CLI11 throws for bad arguments is caught below; what is left is lack of memory.
// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char **argv) {
  CLI::App app{"swamla-replay - compares programs that swamla-golden --emit has compiled with the "
               "reference's results"};
  Request request;
  request.device.poison = true; // a read of what no one wrote must not look right by accident
  app.add_option("cases", request.files, "golden cases")->required()->type_name("FILE.safetensors");
  app.add_option("--programs", request.programs, "folder with a NAME.bin for each NAME.safetensors")
      ->required();
  app.add_option("--tol", request.tolerances, "largest relative errors, as swamla-golden's");
  app.add_option("--threads", request.device.threads, "CPU threads (0: all cores)");
  bool noGraph = false, noTune = false;
  app.add_flag("--no-graph", noGraph, "GPU: enqueue op by op instead of replaying CUDA graphs");
  app.add_flag("--no-tune", noTune, "GPU: take cuBLASLt's first algorithms");
  app.add_option("--device", request.device.gpu, "GPU: which one");
  app.add_flag("--verbose", request.verbose, "a line for each step and each parameter");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    return app.exit(error) == 0 ? Passed : NotJudged;
  }
  request.device.graph = !noGraph;
  if (noTune)
    request.device.tuneSeconds = 0;
  ExitCode worst = Passed;
  for (const std::string &path : request.files)
    worst = std::max(worst, judge(path, request));
  return worst;
}
