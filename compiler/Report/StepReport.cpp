//===- StepReport.cpp - what a step costs, and what it should take --------===//
#include "compiler/Report/StepReport.h"

#include "compiler/Report/CostModel.h"
#include "dialects/Step/IR/StepDialect.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <numeric>
#include <set>
#include <tuple>

using namespace mlir;

namespace swamla {

namespace {
/// What swamla-run gives cuBLASLt to work in.
constexpr int64_t kLibraryWorkspace = int64_t(64) << 20;

std::optional<double> plus(std::optional<double> x, std::optional<double> y) {
  return x && y ? std::optional(*x + *y) : std::nullopt;
}

std::string option(ModuleOp module, StringRef name) {
  auto options = module->getAttrOfType<DictionaryAttr>("swamla.options");
  auto value = options ? options.getAs<StringAttr>(name) : StringAttr();
  return value ? value.str() : "";
}

int64_t number(DictionaryAttr dictionary, StringRef name) {
  auto value = dictionary ? dictionary.getAs<IntegerAttr>(name) : IntegerAttr();
  return value ? value.getInt() : 0;
}

ProgramReport programReport(const ProgramCost &cost, const Machine *machine) {
  ProgramReport report;
  report.program = cost.program;
  report.floor = report.predicted = machine ? std::optional(0.0) : std::nullopt;
  for (const KernelCost &kernel : cost.kernels) {
    KernelReport entry{kernel, std::nullopt, std::nullopt};
    auto calls = static_cast<double>(kernel.calls);
    if (machine) {
      entry.floor = floorSeconds(kernel, *machine) * calls;
      if (std::optional<double> seconds = predictedSeconds(kernel, *machine))
        entry.predicted = *seconds * calls;
    }
    report.flops[kernel.arithmetic] += kernel.flops * kernel.calls;
    report.bytes += kernel.bytes * kernel.calls;
    report.floor = plus(report.floor, entry.floor);
    report.predicted = plus(report.predicted, entry.predicted);
    report.kernels.push_back(std::move(entry));
  }
  if (machine)
    llvm::sort(report.kernels, [](const KernelReport &x, const KernelReport &y) {
      double ofX = x.predicted.value_or(*x.floor), ofY = y.predicted.value_or(*y.floor);
      return std::tie(ofY, x.cost.kernel) < std::tie(ofX, y.cost.kernel);
    });
  return report;
}

MemoryReport memoryReport(ModuleOp module, bool cuda) {
  MemoryReport report;
  for (auto buffer : module.getOps<step::BufferOp>())
    report.buffers.push_back({buffer.getSymName().str(), buffer.getKind().str(),
                              static_cast<int64_t>(buffer.getBytes())});
  DictionaryAttr attributes = module->getAttrDictionary();
  report.arena = number(attributes, "step.peak_bytes");
  report.arenaLowerBound = number(attributes, "step.max_live_bytes");
  if (auto program = module->getAttrOfType<StringAttr>("step.peak_program"))
    report.peakProgram = program.str();
  if (auto at = module->getAttrOfType<StringAttr>("step.peak_at"))
    report.peakAt = at.str();
  if (auto live = module->getAttrOfType<ArrayAttr>("step.live_at_peak"))
    for (auto entry : live.getAsRange<DictionaryAttr>())
      if (auto label = entry.getAs<StringAttr>("label"))
        report.liveAtPeak.push_back({label.str(), "", number(entry, "bytes")});
  bool hasMatmul = false;
  module.walk([&](step::MatmulOp) { hasMatmul = true; });
  report.library = cuda && hasMatmul ? kLibraryWorkspace : 0;
  return report;
}

/// What a reader must know of the numbers: where the model has none, or none of its own.
std::vector<std::string> notesOf(const StepReport &report) {
  if (!report.machine)
    return {"times are not known: the program is for the target " + report.target +
            ", and the table of machines has GPUs only"};
  std::set<std::string> notes;
  if (report.ranks > 1)
    notes.insert("times are those of a rank alone; collectives are a model (docs/report.md)");
  for (const ProgramReport &program : report.programs)
    for (const KernelReport &kernel : program.kernels) {
      std::optional<Efficiency> efficiency = efficiencyOf(kernel.cost.kind, kernel.cost.arithmetic);
      std::string what =
          llvm::formatv("{0} in {1}", name(kernel.cost.kind), name(kernel.cost.arithmetic));
      if (!efficiency)
        notes.insert(what + ": no step with it has been measured, so its time is not predicted");
    }
  if (report.machine->copyBytes.source != Source::Measured)
    notes.insert(("no step has been measured on a " + report.machine->device +
                  "; the efficiencies are those of the H200")
                     .str());
  return {notes.begin(), notes.end()};
}
} // namespace

int64_t MemoryReport::total() const {
  return std::accumulate(buffers.begin(), buffers.end(), library,
                         [](int64_t sum, const Entry &entry) { return sum + entry.bytes; });
}

const ProgramReport *StepReport::find(StringRef program) const {
  auto found =
      llvm::find_if(programs, [&](const ProgramReport &each) { return each.program == program; });
  return found == programs.end() ? nullptr : &*found;
}

std::optional<double> StepReport::floor() const {
  const ProgramReport *microStep = find("micro_step"), *apply = find("apply");
  return microStep && apply ? plus(microStep->floor, apply->floor) : std::nullopt;
}

std::optional<double> StepReport::predicted() const {
  const ProgramReport *microStep = find("micro_step"), *apply = find("apply");
  return microStep && apply ? plus(microStep->predicted, apply->predicted) : std::nullopt;
}

StepReport makeReport(ModuleOp module, const Machine *machine) {
  StepReport report;
  auto info = module->getAttrOfType<DictionaryAttr>("swamla.model_info");
  if (auto model = info ? info.getAs<StringAttr>("name") : StringAttr())
    report.model = model.str();
  report.batch = number(info, "batch");
  report.blockSize = number(info, "block_size");
  report.target = option(module, "target");
  report.precision = option(module, "precision");
  auto options = module->getAttrOfType<DictionaryAttr>("swamla.options");
  report.ranks = std::max<int64_t>(number(options, "ranks"), 1);
  report.parallel = option(module, "parallel");
  report.machine = machine;
  for (const ProgramCost &cost : collectCosts(module))
    report.programs.push_back(programReport(cost, machine));
  auto last = module.lookupSymbol<step::ProgramOp>("last_micro_step");
  if (!last)
    last = module.lookupSymbol<step::ProgramOp>("micro_step");
  if (machine && last && module->hasAttr("step.ranks"))
    report.overlap = overlapOf(last, *machine);
  report.memory = memoryReport(module, report.target == "cuda");
  report.notes = notesOf(report);
  return report;
}

std::vector<ProgramPrediction> predictPrograms(ModuleOp module) {
  std::vector<ProgramPrediction> predictions;
  if (option(module, "target") != "cuda")
    return predictions;
  std::vector<ProgramCost> costs = collectCosts(module);
  for (const Machine &machine : allMachines())
    for (const ProgramCost &cost : costs) {
      ProgramReport report = programReport(cost, &machine);
      if (report.predicted)
        predictions.push_back({machine.device.str(), cost.program, *report.predicted * 1e3,
                               std::min(*report.floor, *report.predicted) * 1e3});
    }
  return predictions;
}

} // namespace swamla
