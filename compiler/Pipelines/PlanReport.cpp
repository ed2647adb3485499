//===- PlanReport.cpp - what the plan says about memory -------------------===//
#include "compiler/Pipelines/PlanReport.h"

#include "dialects/Step/IR/StepDialect.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace swamla {

namespace {
/// Entries of the table; the rest is added up in one line.
constexpr size_t kMaxEntries = 40;

int64_t intAttr(Operation *op, StringRef name) {
  auto attribute = op->getAttrOfType<IntegerAttr>(name);
  return attribute ? attribute.getInt() : 0;
}

std::string line(int64_t bytes, StringRef what) {
  return llvm::formatv("{0,12}  {1}\n", formatBytes(bytes), what).str();
}
} // namespace

PlanFacts planFacts(ModuleOp module) {
  PlanFacts facts;
  facts.peakBytes = intAttr(module, "step.peak_bytes");
  facts.maxLiveBytes = intAttr(module, "step.max_live_bytes");
  for (Operation &op : *module.getBody())
    facts.kernels += isa<step::RowKernelOp, step::AttentionKernelOp, step::AttentionGradKernelOp,
                         step::ScatterAddKernelOp>(op) ||
                     (isa<LLVM::LLVMFuncOp>(op) && op.hasAttr("step.num_views"));
  return facts;
}

std::string formatBytes(int64_t bytes) {
  auto amount = static_cast<double>(bytes);
  StringRef unit = "B";
  for (StringRef larger : {"KiB", "MiB", "GiB", "TiB"}) {
    if (amount < 1024)
      break;
    amount /= 1024;
    unit = larger;
  }
  if (unit == "B")
    return llvm::formatv("{0} B", bytes).str();
  return llvm::formatv("{0:F1} {1}", amount, unit).str();
}

std::string planReport(ModuleOp module) {
  std::string report = "buffers:\n";
  for (auto buffer : module.getOps<step::BufferOp>())
    report += line(static_cast<int64_t>(buffer.getBytes()), buffer.getSymName());
  PlanFacts facts = planFacts(module);
  auto program = module->getAttrOfType<StringAttr>("step.peak_program");
  auto at = module->getAttrOfType<StringAttr>("step.peak_at");
  auto live = module->getAttrOfType<ArrayAttr>("step.live_at_peak");
  if (!program || !at || !live)
    return report;
  report += llvm::formatv(
      "live in the arena at its peak, {0} in {1} (arena {2}, lower bound {3}):\n", at.getValue(),
      program.getValue(), formatBytes(facts.peakBytes), formatBytes(facts.maxLiveBytes));
  int64_t rest = 0;
  for (auto [i, entry] : llvm::enumerate(live.getAsRange<DictionaryAttr>())) {
    auto bytes = entry.getAs<IntegerAttr>("bytes");
    auto label = entry.getAs<StringAttr>("label");
    if (!bytes || !label)
      continue;
    if (i < kMaxEntries)
      report += line(bytes.getInt(), label.getValue());
    else
      rest += bytes.getInt();
  }
  if (rest > 0)
    report += line(rest, llvm::formatv("{0} more", live.size() - kMaxEntries).str());
  return report;
}

} // namespace swamla
