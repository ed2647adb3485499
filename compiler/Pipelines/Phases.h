//===- Phases.h - the table of phases -------------------------------------===//
#pragma once

#include "compiler/Pipelines/CompileOptions.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <memory>
#include <optional>

namespace swamla {

struct PhaseInfo {
  Phase phase;
  llvm::StringLiteral name; ///< as in --until=NAME
  llvm::StringLiteral help;
  /// Adds the phase's passes. `options` are resolved.
  void (*populate)(mlir::OpPassManager &passes, const CompileOptions &options);
};

/// All phases in order.
llvm::ArrayRef<PhaseInfo> allPhases();
const PhaseInfo &phaseInfo(Phase phase);
std::optional<Phase> findPhase(llvm::StringRef name);

/// The last phase that has run on a module: its attribute `swamla.phase`, or Input. Fails, with a
/// diagnostic, on a name that is no phase.
mlir::FailureOr<Phase> phaseOf(mlir::ModuleOp module);

/// Adds the phases after `done` up to `options.until`, each followed by its verifier and, with
/// `options.dumpPhases`, a dump.
void buildPipeline(mlir::OpPassManager &passes, Phase done, const CompileOptions &options);

/// A pass that writes the module to `folder`/NN-NAME.mlir.
std::unique_ptr<mlir::Pass> createDumpPhasePass(std::string folder, Phase phase);

/// Registers every phase as a pipeline, `--swamla-phase-NAME`, and all of them in order as
/// `--swamla-compile`, up to lower.
void registerPhasePipelines();

} // namespace swamla
