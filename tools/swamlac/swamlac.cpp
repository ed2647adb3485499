//===- swamlac.cpp - a model file in, a step.bin out ----------------------===//
#include "compiler/Pipelines/Compile.h"
#include "compiler/Pipelines/CompileFlags.h"
#include "compiler/Pipelines/Phases.h"
#include "compiler/Pipelines/PlanReport.h"
#include "compiler/Pipelines/RegisterPasses.h"
#include "compiler/Report/StepReport.h"
#include "compiler/Target/StepBin/StepBin.h"
#include "runtime/schema/StepHeader.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/WithColor.h"

#include <chrono>

using namespace mlir;
using namespace swamla;
namespace cl = llvm::cl;

namespace {
/// The command line. What is not given stays unset: a dump knows its own options.
struct CommandLine {
  cl::OptionCategory category{"swamlac options"};

  cl::opt<std::string> input{cl::Positional, cl::desc("<model.mlir, or a dump of any phase>"),
                             cl::Required, cl::cat(category)};
  cl::opt<std::string> output{"o",
                              cl::desc("file to write (step.bin; with --until, standard output)"),
                              cl::value_desc("file"), cl::cat(category)};
  cl::opt<int64_t> batch{"batch",
                         cl::desc("sequences in a micro step (the model file may say `?`)"),
                         cl::cat(category)};
  cl::opt<std::string> optimizerState{
      "optimizer-state",
      cl::desc("how the optimizer's states are kept: fp32 (default), bf16, fp8, int8 or int4"),
      cl::cat(category)};
  cl::opt<std::string> optimizer{"optimizer", cl::desc("adamw (default) or lion"),
                                 cl::cat(category)};
  /// cl::desc keeps a reference.
  std::string untilHelp = "stop after a phase and print the module; " + phaseList();
  cl::opt<std::string> until{"until", cl::desc(untilHelp), cl::value_desc("phase"),
                             cl::cat(category)};
  cl::opt<std::string> from{
      "from", cl::desc("the phase that has made the input (default: what the file says)"),
      cl::value_desc("phase"), cl::cat(category)};
  cl::opt<std::string> dumpPhases{"dump-phases",
                                  cl::desc("write NN-PHASE.mlir after every phase; each can be "
                                           "edited and compiled on"),
                                  cl::value_desc("folder"), cl::cat(category)};
  cl::opt<bool> planReport{"plan-report", cl::desc("print what lives in memory at the peak"),
                           cl::cat(category)};
  std::string reportHelp =
      "print what every kernel costs, and what a step should take on a GPU: " + machineList() +
      " (default: the first)";
  cl::opt<std::string> report{"report", cl::desc(reportHelp), cl::value_desc("GPU"),
                              cl::ValueOptional, cl::cat(category)};
  cl::opt<std::string> reportJson{"report-json", cl::desc("write the report as JSON"),
                                  cl::value_desc("file"), cl::cat(category)};
  cl::opt<bool> ptxasVerbose{
      "ptxas-verbose",
      cl::desc("with --target=cuda: print the registers and memory of each kernel"),
      cl::cat(category)};

  CompileFlags compile{category};

  static std::string phaseList() {
    std::string list;
    for (const PhaseInfo &info : allPhases())
      list += (list.empty() ? "" : ", ") + info.name.str();
    return list;
  }
};

/// What has been asked, apart from the command line, which compiling resets (see CompileFlags).
struct Request {
  std::string input, output;
  bool planReport;
  bool report;            ///< --report
  std::string gpu;        ///< its argument; may be empty
  std::string reportJson; ///< a path; empty: none
  bool printOps;          ///< with errors, the op that they are about
  CompileOptions options;
};

/// Reports a failure that is not about the program; returns the exit code.
int fail(const llvm::Twine &message) {
  llvm::WithColor::error(llvm::errs(), "swamlac") << message << "\n";
  return EXIT_FAILURE;
}

/// Reads the name of a phase; false, with an error, if there is none of that name.
bool readPhase(const cl::opt<std::string> &option, std::optional<Phase> &phase) {
  if (option.getNumOccurrences() == 0)
    return true;
  phase = findPhase(option);
  if (!phase)
    fail("--" + option.ArgStr + "=" + option + ": there is no such phase; expected one of " +
         CommandLine::phaseList());
  return phase.has_value();
}

/// "1804736" as "1,804,736".
std::string withCommas(int64_t number) {
  std::string digits = std::to_string(number);
  for (auto i = static_cast<int64_t>(digits.size()) - 3; i > 0; i -= 3)
    digits.insert(i, ",");
  return digits;
}

std::string summary(ModuleOp module, StringRef path, size_t bytes, double seconds) {
  auto info = module->getAttrOfType<DictionaryAttr>("swamla.model_info");
  auto params = info ? info.getAs<IntegerAttr>("num_params") : IntegerAttr();
  PlanFacts facts = planFacts(module);
  return llvm::formatv("{0}: {1} parameters, arena {2} (lower bound {3}), {4} kernels, {5}, "
                       "compiled in {6:F2} s",
                       path, withCommas(params ? params.getInt() : 0), formatBytes(facts.peakBytes),
                       formatBytes(facts.maxLiveBytes), facts.kernels, formatBytes(bytes), seconds)
      .str();
}

/// Prints the module after --until.
int printModule(ModuleOp module, StringRef path) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream);
  stream << "\n";
  if (path == "-") {
    llvm::outs() << text;
    return EXIT_SUCCESS;
  }
  if (llvm::Error error = writeFileAtomically(path, text))
    return fail(llvm::toString(std::move(error)));
  return EXIT_SUCCESS;
}

/// The GPU that a report is about: the one that was asked for, or the table's first for a program
/// that is for GPUs; null for any other. Fails, with an error, where a GPU was asked for in vain.
FailureOr<const Machine *> reportMachine(ModuleOp module, const Request &request) {
  auto options = module->getAttrOfType<DictionaryAttr>("swamla.options");
  auto target = options ? options.getAs<StringAttr>("target") : StringAttr();
  bool cuda = target && target.getValue() == "cuda";
  if (request.gpu.empty())
    return cuda ? &allMachines().front() : nullptr;
  const Machine *machine = findMachine(request.gpu);
  if (!machine) {
    fail("--report=" + request.gpu + ": there is no such GPU in the table; expected one of " +
         machineList());
    return failure();
  }
  if (!cuda) {
    fail("--report=" + request.gpu + " is about a GPU, but the program is for " +
         (target ? target.getValue() : "no target yet") + "; compile with --target=cuda");
    return failure();
  }
  return machine;
}

/// Prints to `os` and writes what was asked about a module that has been planned.
LogicalResult report(ModuleOp module, const Request &request, llvm::raw_ostream &os) {
  if (request.planReport)
    os << planReport(module);
  if (!request.report && request.reportJson.empty())
    return success();
  FailureOr<const Machine *> machine = reportMachine(module, request);
  if (failed(machine))
    return failure();
  StepReport stepReport = makeReport(module, *machine);
  if (request.report)
    os << formatReport(stepReport);
  if (request.reportJson.empty())
    return success();
  llvm::Error error = writeFileAtomically(request.reportJson, reportAsJson(stepReport));
  return error ? (fail(llvm::toString(std::move(error))), failure()) : success();
}

int compile(const Request &request) {
  auto start = std::chrono::steady_clock::now();
  std::string message;
  std::unique_ptr<llvm::MemoryBuffer> file = openInputFile(request.input, &message);
  if (!file)
    return fail(message);
  if (file->getBuffer().starts_with(StringRef(kStepMagic.data(), kStepMagic.size())))
    return fail(request.input + " is a step.bin already; expected a model file or a dump");
  DialectRegistry registry;
  registerAllSwamlaDialects(registry);
  MLIRContext context(registry);
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(file), llvm::SMLoc());
  SourceMgrDiagnosticHandler diagnostics(sources, &context);
  ScopedDiagnosticHandler withoutPlace(&context, [](Diagnostic &diagnostic) {
    if (!isa<UnknownLoc>(diagnostic.getLocation()))
      return failure(); // the other handler shows the line
    fail(diagnostic.str());
    return success();
  });
  context.printOpOnDiagnostic(request.printOps);
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(sources, &context);
  if (!module)
    return EXIT_FAILURE; // the parser has said why

  if (request.options.until != Phase::Emit) {
    if (failed(runPhases(*module, request.options)))
      return EXIT_FAILURE;
    if (failed(report(*module, request, llvm::errs())))
      return EXIT_FAILURE;
    return printModule(*module, request.output.empty() ? "-" : request.output);
  }
  if (request.output == "-")
    return fail("-o -: a step.bin is not for standard output; name a file");
  FailureOr<std::vector<char>> bytes = compileModule(*module, request.options);
  if (failed(bytes))
    return EXIT_FAILURE;
  std::string path = request.output.empty() ? "step.bin" : request.output;
  if (llvm::Error error = writeFileAtomically(path, *bytes))
    return fail(llvm::toString(std::move(error)));
  std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  if (failed(report(*module, request, llvm::outs())))
    return EXIT_FAILURE;
  llvm::outs() << summary(*module, path, bytes->size(), seconds.count()) << "\n";
  return EXIT_SUCCESS;
}

/// Makes a request of the parsed command line; nullopt, with an error, if it is not a sensible one.
std::optional<Request> readRequest(CommandLine &line) {
  // MLIR prints the op by default; a whole model is too much.
  cl::Option *printOps = cl::getRegisteredOptions().lookup("mlir-print-op-on-diagnostic");
  Request request{line.input,
                  line.output,
                  line.planReport,
                  line.report.getNumOccurrences() > 0,
                  line.report,
                  line.reportJson,
                  printOps && printOps->getNumOccurrences() > 0,
                  {}};
  CompileOptions &options = request.options;
  line.compile.readInto(options);
  assignIfGiven(line.batch, options.batch);
  assignIfGiven(line.optimizer, options.optimizer);
  assignIfGiven(line.optimizerState, options.optimizerState);
  assignIfGiven(line.dumpPhases, options.dumpPhases);
  assignIfGiven(line.ptxasVerbose, options.ptxasVerbose);
  std::optional<Phase> until;
  if (!readPhase(line.until, until) || !readPhase(line.from, options.from))
    return std::nullopt;
  options.until = until.value_or(Phase::Emit);
  if ((request.report || !request.reportJson.empty()) && options.until < Phase::Plan) {
    fail("--report and --report-json need a plan; expected --until=plan or a later phase");
    return std::nullopt;
  }
  return request;
}
} // namespace

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  CommandLine line;
  registerToolFlags(line.category);
  cl::SetVersionPrinter([](llvm::raw_ostream &os) { os << "swamlac " SWAMLA_VERSION "\n"; });
  cl::ParseCommandLineOptions(argc, argv,
                              "swamlac: compiles a SWA-MLA language model to a training step\n");

  std::optional<Request> request = readRequest(line);
  return request ? compile(*request) : EXIT_FAILURE;
}
