//===- ReportJson.cpp - a report for programs -----------------------------===//
#include "compiler/Report/CostModel.h"
#include "compiler/Report/StepReport.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

namespace json = llvm::json;

namespace swamla {

namespace {
/// Raised when a name changes its meaning or goes.
constexpr int64_t kVersion = 1;

json::Value milliseconds(std::optional<double> seconds) {
  return seconds ? json::Value(*seconds * 1e3) : json::Value(nullptr);
}

json::Value figure(const Figure &figure) {
  return json::Object{{"value", figure.value}, {"source", name(figure.source)}};
}

json::Value machineJson(const Machine *machine) {
  if (!machine)
    return nullptr;
  json::Object flops;
  for (Arithmetic arithmetic : kAllArithmetic)
    flops[name(arithmetic)] = figure(machine->flops(arithmetic));
  return json::Object{{"key", machine->key},
                      {"device", machine->device},
                      {"copy_bytes_per_s", figure(machine->copyBytes)},
                      {"flop_per_s", std::move(flops)}};
}

json::Value kernelJson(const KernelReport &kernel) {
  std::optional<Efficiency> efficiency = efficiencyOf(kernel.cost.kind, kernel.cost.arithmetic);
  return json::Object{
      {"name", kernel.cost.kernel},
      {"kind", name(kernel.cost.kind)},
      {"precision", name(kernel.cost.arithmetic)},
      {"calls", kernel.cost.calls},
      {"flops", kernel.cost.flops * kernel.cost.calls},
      {"bytes", kernel.cost.bytes * kernel.cost.calls},
      {"floor_ms", milliseconds(kernel.floor)},
      {"predicted_ms", milliseconds(kernel.predicted)},
      {"efficiency", efficiency ? json::Value(efficiency->share) : json::Value(nullptr)}};
}

json::Value programJson(const ProgramReport &program) {
  json::Object flops;
  for (auto [arithmetic, count] : program.flops)
    flops[name(arithmetic)] = count;
  json::Array kernels;
  for (const KernelReport &kernel : program.kernels)
    kernels.push_back(kernelJson(kernel));
  return json::Object{{"name", program.program},
                      {"flops", std::move(flops)},
                      {"bytes", program.bytes},
                      {"floor_ms", milliseconds(program.floor)},
                      {"predicted_ms", milliseconds(program.predicted)},
                      {"kernels", std::move(kernels)}};
}

json::Value memoryJson(const MemoryReport &memory) {
  json::Array buffers, live;
  for (const MemoryReport::Entry &buffer : memory.buffers)
    buffers.push_back(
        json::Object{{"name", buffer.name}, {"kind", buffer.kind}, {"bytes", buffer.bytes}});
  for (const MemoryReport::Entry &entry : memory.liveAtPeak)
    live.push_back(json::Object{{"label", entry.name}, {"bytes", entry.bytes}});
  return json::Object{{"buffers", std::move(buffers)},
                      {"workspace_bytes", memory.library},
                      {"total_bytes", memory.total()},
                      {"arena_bytes", memory.arena},
                      {"arena_lower_bound_bytes", memory.arenaLowerBound},
                      {"peak", json::Object{{"program", memory.peakProgram},
                                            {"at", memory.peakAt},
                                            {"live", std::move(live)}}}};
}

json::Value stepJson(const StepReport &report) {
  std::optional<double> predicted = report.predicted(), floor = report.floor();
  json::Object step{{"tokens", report.tokens()},
                    {"floor_ms", milliseconds(floor)},
                    {"predicted_ms", milliseconds(predicted)},
                    {"tokens_per_s", nullptr},
                    {"speed_of_light", nullptr}};
  if (predicted && floor) {
    step["tokens_per_s"] = static_cast<double>(report.tokens()) / *predicted;
    step["speed_of_light"] = *floor / *predicted;
  }
  return step;
}
} // namespace

static json::Value overlapJson(const std::optional<OverlapReport> &overlap) {
  if (!overlap)
    return nullptr;
  return json::Object{{"calls", overlap->collectives},
                      {"bytes", static_cast<int64_t>(overlap->bytes)},
                      {"predicted_ms", overlap->seconds * 1e3},
                      {"exposed_ms", overlap->exposed * 1e3}};
}

std::string reportAsJson(const StepReport &report) {
  json::Array programs, notes;
  for (const ProgramReport &program : report.programs)
    programs.push_back(programJson(program));
  for (const std::string &note : report.notes)
    notes.push_back(note);
  json::Value all = json::Object{{"version", kVersion},
                                 {"model", report.model},
                                 {"target", report.target},
                                 {"precision", report.precision},
                                 {"batch", report.batch},
                                 {"block_size", report.blockSize},
                                 {"ranks", report.ranks},
                                 {"gpu", machineJson(report.machine)},
                                 {"step", stepJson(report)},
                                 {"programs", std::move(programs)},
                                 {"collectives", overlapJson(report.overlap)},
                                 {"memory", memoryJson(report.memory)},
                                 {"notes", std::move(notes)}};
  return llvm::formatv("{0:2}\n", all).str();
}

} // namespace swamla
