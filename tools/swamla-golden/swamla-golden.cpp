//===- swamla-golden.cpp - does a compiled model compute the right thing? -===//
//
//   swamla-golden FILE.safetensors ...           compares with the reference
//   swamla-golden --checkpoint=block FILE ...    ... as compiled with these options
//   swamla-golden --precision=bf16 FILE ...      ... with the tolerances of that precision
//   swamla-golden --every-checkpoint FILE ...    ... and requires one set of bits of all modes
//   swamla-golden --tol loss=1e-6 --verbose ...  ... with other tolerances, tensor by tensor
//   swamla-golden --emit=DIR FILE ...            compiles DIR/FILE.bin for swamla-replay
//
// Exit code: 0 if every case is within the tolerances, 1 if one is not, 2 if
// one could not be judged: a bad file, option or machine.
//
//===----------------------------------------------------------------------===//
#include "Report.h"
#include "RunCase.h"
#include "compiler/Pipelines/CompileFlags.h"
#include "compiler/Pipelines/RegisterPasses.h"
#include "compiler/Target/StepBin/StepBin.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/WithColor.h"

#include <algorithm>

using namespace swamla;
namespace cl = llvm::cl;

namespace {
enum ExitCode { Passed = 0, PastTolerance = 1, NotJudged = 2 };

struct CommandLine {
  cl::OptionCategory category{"swamla-golden options"};

  cl::list<std::string> files{cl::Positional, cl::desc("<case.safetensors ...>"), cl::OneOrMore,
                              cl::cat(category)};
  cl::opt<unsigned> threads{"threads", cl::desc("CPU threads (default: all cores)"),
                            cl::cat(category)};
  cl::opt<std::string> tolerances{
      "tol",
      cl::desc("largest relative errors; default, for fp32, "
               "loss=1e-5,grad_norm=1e-5,grad=1e-4,final=1e-4; for tf32 "
               "loss=1e-3 and 5e-3 for the rest; for bf16 "
               "loss=1e-2,grad_norm=8e-2,grad=4e-2,final=8e-2; for fp8 "
               "loss=2e-2,grad_norm=1.5e-1,grad=3e-1,final=1.5e-1"),
      cl::value_desc("name=number,..."), cl::cat(category)};
  cl::opt<std::string> emit{
      "emit",
      cl::desc("compile only: write a program for each case to this folder, for swamla-replay"),
      cl::value_desc("folder"), cl::cat(category)};
  cl::opt<bool> everyCheckpoint{
      "every-checkpoint",
      cl::desc("also train as compiled in the other checkpoint modes: the bits must be the same"),
      cl::cat(category)};
  cl::opt<bool> verbose{"verbose", cl::desc("a line for each step and each parameter"),
                        cl::cat(category)};
  CompileFlags compile{category};
};

/// What was asked for, apart from the command line, which compiling resets (see CompileFlags).
struct Request {
  std::vector<std::string> files;
  CompileOptions compile;
  DeviceOptions device;
  Tolerances tolerances;
  std::string emit; ///< folder for programs; empty: train and compare
  bool verbose = false;
  bool everyCheckpoint = false;
};

/// A name that one of LLVM's libraries has taken for an option of no use here.
void freeOptionName(llvm::StringRef name) {
  auto &options = cl::getRegisteredOptions();
  if (auto taken = options.find(name); taken != options.end())
    taken->second->removeArgument();
}

ExitCode fail(const Status &status) {
  llvm::WithColor::error(llvm::errs(), "swamla-golden") << status.message() << "\n";
  return NotJudged;
}

Result<Request> readRequest(CommandLine &line) {
  Request request;
  request.files.assign(line.files.begin(), line.files.end());
  line.compile.readInto(request.compile);
  request.device.threads = line.threads;
  request.device.poison = true; // a read of what no one wrote must not look right by accident
  request.verbose = line.verbose;
  request.emit = line.emit;
  // An unknown precision is the compiler's to refuse, with the other options.
  Result<Tolerances> defaults = tolerancesOf(request.compile.precision.value_or("fp32"));
  SWAMLA_TRY(request.tolerances,
             parseTolerances(line.tolerances, defaults.isOk() ? *defaults : Tolerances{}));
  request.everyCheckpoint = line.everyCheckpoint;
  return request;
}

ExitCode emitProgram(const GoldenCase &golden, const Request &request, mlir::MLIRContext &context) {
  Result<std::vector<char>> bytes = compileCase(golden, request.compile, context);
  if (!bytes.isOk())
    return fail(bytes.status());
  llvm::SmallString<256> path(request.emit);
  llvm::sys::path::append(path, llvm::sys::path::stem(golden.path) + ".bin");
  if (llvm::Error error = writeFileAtomically(path, *bytes))
    return fail(failedPrecondition(llvm::toString(std::move(error))));
  return Passed;
}

/// Trains the case in the checkpoint modes that have not been tried yet: recomputing changes no
/// bit.
ExitCode judgeCheckpoints(const GoldenCase &golden, const GoldenOutcome &expected,
                          const Request &request, mlir::MLIRContext &context) {
  ExitCode worst = Passed;
  for (const char *checkpoint : {"none", "qkv", "mlp", "attn", "block"}) {
    CompileOptions options = request.compile;
    if (options.checkpoint.value_or("none") == checkpoint)
      continue;
    options.checkpoint = checkpoint;
    Result<GoldenOutcome> outcome = runCase(golden, options, request.device, context);
    if (!outcome.isOk())
      return fail(outcome.status());
    std::string differs = firstDifference(golden, *outcome, expected);
    llvm::outs() << "  checkpoint=" << checkpoint << ": "
                 << (differs.empty() ? "the same bits" : "FAILED  other bits in " + differs)
                 << "\n";
    worst = std::max(worst, differs.empty() ? Passed : PastTolerance);
  }
  return worst;
}

ExitCode judge(const std::string &path, const Request &request, mlir::MLIRContext &context) {
  Result<GoldenCase> golden = loadGoldenCase(path);
  if (!golden.isOk())
    return fail(golden.status());
  if (!request.emit.empty())
    return emitProgram(*golden, request, context);
  Result<GoldenOutcome> outcome = runCase(*golden, request.compile, request.device, context);
  if (!outcome.isOk())
    return fail(outcome.status());
  GoldenComparison comparison = compare(*golden, *outcome, request.tolerances);
  llvm::outs() << reportLine(*golden, comparison, request.tolerances) << "\n";
  if (request.verbose)
    llvm::outs() << reportTable(*golden, comparison, *outcome, request.tolerances);
  ExitCode code = comparison.passes(request.tolerances) ? Passed : PastTolerance;
  if (request.everyCheckpoint)
    code = std::max(code, judgeCheckpoints(*golden, *outcome, request, context));
  llvm::outs().flush();
  return code;
}
} // namespace

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  freeOptionName("threads");
  CommandLine line;
  registerToolFlags(line.category);
  if (!cl::ParseCommandLineOptions(
          argc, argv, "swamla-golden: compares compiled models with the reference's results\n",
          &llvm::errs()))
    return NotJudged;

  Result<Request> request = readRequest(line);
  if (!request.isOk())
    return fail(request.status());
  mlir::DialectRegistry registry;
  registerAllSwamlaDialects(registry);
  mlir::MLIRContext context(registry);
  if (Status status = checkOptions(request->compile, context); !status.isOk())
    return fail(status);
  ExitCode worst = Passed;
  for (const std::string &path : request->files)
    worst = std::max(worst, judge(path, *request, context));
  return worst;
}
