//===- ReportText.cpp - a report as tables --------------------------------===//
#include "compiler/Report/StepReport.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

namespace swamla {

namespace {
/// Rows of the list of what is live at the peak.
constexpr size_t kLiveShown = 12;

/// Programs that a training step runs; of the others one line is enough.
bool isOfStep(const ProgramReport &program) {
  return program.program == "micro_step" || program.program == "apply";
}

std::string milliseconds(std::optional<double> seconds) {
  return seconds ? llvm::formatv("{0:F3}", *seconds * 1e3).str() : "-";
}

std::string memorySize(int64_t bytes) {
  constexpr int64_t kMiB = int64_t(1) << 20, kGiB = int64_t(1) << 30;
  auto amount = static_cast<double>(bytes);
  return bytes < kGiB ? llvm::formatv("{0:F1} MiB", amount / double(kMiB)).str()
                      : llvm::formatv("{0:F1} GiB", amount / double(kGiB)).str();
}

/// "bf16 48172.9, fp32 160.2"
std::string flopsByArithmetic(const std::map<Arithmetic, uint64_t> &flops) {
  std::string text;
  for (auto [arithmetic, count] : flops)
    if (count > 0)
      text += llvm::formatv("{0}{1} {2:F1}", text.empty() ? "" : ", ", name(arithmetic),
                            static_cast<double>(count) * 1e-9)
                  .str();
  return text.empty() ? "0" : text;
}

void printMachine(const Machine &machine, llvm::raw_ostream &os) {
  os << "GPU        " << machine.device
     << llvm::formatv(": copy {0:F2} TB/s ({1})", machine.copyBytes.value * 1e-12,
                      name(machine.copyBytes.source));
  for (Arithmetic arithmetic : kAllArithmetic)
    os << llvm::formatv(", {0} {1:F0} TFLOP/s ({2})", name(arithmetic),
                        machine.flops(arithmetic).value * 1e-12,
                        name(machine.flops(arithmetic).source));
  os << "\n";
}

void printKernels(const ProgramReport &program, llvm::raw_ostream &os) {
  os << llvm::formatv("\n{0,-46} {1,6} {2,5} {3,10} {4,10} {5,9} {6,9}\n", program.program, "calls",
                      "in", "GFLOP", "MB", "floor ms", "pred. ms");
  for (const KernelReport &kernel : program.kernels) {
    auto calls = static_cast<double>(kernel.cost.calls);
    os << llvm::formatv("{0,-46} {1,6} {2,5} {3,10:F1} {4,10:F1} {5,9} {6,9}\n", kernel.cost.kernel,
                        kernel.cost.calls, name(kernel.cost.arithmetic),
                        static_cast<double>(kernel.cost.flops) * calls * 1e-9,
                        static_cast<double>(kernel.cost.bytes) * calls * 1e-6,
                        milliseconds(kernel.floor), milliseconds(kernel.predicted));
  }
}

void printPrograms(const StepReport &report, llvm::raw_ostream &os) {
  for (const ProgramReport &program : report.programs)
    if (isOfStep(program))
      printKernels(program, os);
  os << "\n";
  for (const ProgramReport &program : report.programs)
    os << llvm::formatv(
        "program    {0,-11} floor {1} ms, predicted {2} ms; {3:F1} MB; GFLOP: {4}\n",
        program.program, milliseconds(program.floor), milliseconds(program.predicted),
        static_cast<double>(program.bytes) * 1e-6, flopsByArithmetic(program.flops));
}

void printMemory(const MemoryReport &memory, llvm::raw_ostream &os) {
  for (const MemoryReport::Entry &buffer : memory.buffers)
    os << llvm::formatv("memory     {0,-11} {1,-9} {2}\n", buffer.name, buffer.kind,
                        memorySize(buffer.bytes));
  if (memory.library > 0)
    os << llvm::formatv("memory     {0,-11} {1,-9} {2}\n", "cuBLASLt", "workspace",
                        memorySize(memory.library));
  os << "memory     " << memorySize(memory.total()) << " in all; the arena's lower bound is "
     << memorySize(memory.arenaLowerBound) << "\n";
  if (memory.liveAtPeak.empty())
    return;
  os << "\nlive at the arena's peak, " << memory.peakAt << " in " << memory.peakProgram << ":\n";
  int64_t rest = 0;
  for (size_t i = 0; i < memory.liveAtPeak.size(); ++i) {
    if (i < kLiveShown)
      os << llvm::formatv("{0,14}  {1}\n", memorySize(memory.liveAtPeak[i].bytes),
                          memory.liveAtPeak[i].name);
    else
      rest += memory.liveAtPeak[i].bytes;
  }
  if (rest > 0)
    os << llvm::formatv("{0,14}  {1} more\n", memorySize(rest),
                        memory.liveAtPeak.size() - kLiveShown);
}
} // namespace

std::string formatReport(const StepReport &report) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << llvm::formatv("model      {0}, batch {1} x {2}, {3}, {4}\n", report.model, report.batch,
                      report.blockSize, report.target, report.precision);
  if (report.ranks > 1)
    os << llvm::formatv("ranks      {0}, {1}; batch, times and memory are those of one\n",
                        report.ranks, report.parallel);
  if (report.machine)
    printMachine(*report.machine, os);
  printPrograms(report, os);
  if (report.overlap)
    os << llvm::formatv("collective {0} for {1:F1} MB of gradients: {2:F2} ms, {3:F2} of them "
                        "behind the backward\n",
                        report.overlap->collectives,
                        static_cast<double>(report.overlap->bytes) * 1e-6,
                        report.overlap->seconds * 1e3, report.overlap->exposed * 1e3);
  printMemory(report.memory, os);
  os << "\n";
  for (const std::string &note : report.notes)
    os << "note       " << note << "\n";
  std::optional<double> predicted = report.predicted(), floor = report.floor();
  if (predicted && floor)
    os << llvm::formatv(
        "step       predicted {0:F2} ms, {1:N} tokens/s; the speed of light is {2:F2} "
        "ms, {3:F1}% of it reached\n",
        *predicted * 1e3, static_cast<int64_t>(static_cast<double>(report.tokens()) / *predicted),
        *floor * 1e3, 100 * *floor / *predicted);
  else if (floor)
    os << llvm::formatv("step       prediction not known; the speed of light is {0:F2} ms\n",
                        *floor * 1e3);
  else
    os << "step       prediction not known\n";
  return text;
}

} // namespace swamla
