//===- StepReport.h - what a step costs, and what it should take ----------===//
#pragma once

#include "compiler/Report/KernelCosts.h"
#include "compiler/Report/Overlap.h"
#include "compiler/Target/StepBin/StepBin.h"

#include "mlir/IR/BuiltinOps.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace swamla {

/// A kernel's cost with its times on a machine.
struct KernelReport {
  KernelCost cost;
  std::optional<double> floor, predicted; ///< seconds of all its calls; nullopt: not known
};

struct ProgramReport {
  std::string program;
  std::vector<KernelReport> kernels; ///< the longest first, or in order where no time is known
  std::map<Arithmetic, uint64_t> flops;
  uint64_t bytes = 0;
  std::optional<double> floor, predicted; ///< seconds
};

struct MemoryReport {
  struct Entry {
    std::string name, kind;
    int64_t bytes;
  };
  std::vector<Entry> buffers;
  int64_t arena = 0, arenaLowerBound = 0;
  std::string peakProgram, peakAt; ///< where the arena's peak is
  std::vector<Entry> liveAtPeak;   ///< largest first; kind is empty
  int64_t library = 0;             ///< of the GPU's matmuls: cuBLASLt's workspace
  int64_t total() const;
};

struct StepReport {
  std::string model, target, precision;
  int64_t batch = 0, blockSize = 0; ///< of one rank
  int64_t ranks = 1;
  std::string parallel;             ///< how ranks share the work; empty for one
  const Machine *machine = nullptr; ///< null: no times are known
  std::vector<ProgramReport> programs;
  MemoryReport memory;
  std::optional<OverlapReport>
      overlap;                    ///< of the last micro step; with many ranks, after `distribute`
  std::vector<std::string> notes; ///< what is not known or not measured, and why

  /// Of a step of one micro step and the update, on one rank, without what ranks do together.
  std::optional<double> floor() const, predicted() const;
  int64_t tokens() const { return batch * blockSize; }
  const ProgramReport *find(llvm::StringRef program) const;
};

/// The report of a module after the phase plan or a later one. `machine` may be null.
StepReport makeReport(mlir::ModuleOp module, const Machine *machine);

/// Tables for people.
std::string formatReport(const StepReport &report);
/// For programs: docs/report.md has the names.
std::string reportAsJson(const StepReport &report);

/// What step.bin says beside a measured time: every program on every machine, where it is known.
/// Empty for a module that is not for GPUs.
std::vector<ProgramPrediction> predictPrograms(mlir::ModuleOp module);

} // namespace swamla
