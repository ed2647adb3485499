//===- Compile.cpp - the compiler as a library ----------------------------===//
#include "compiler/Pipelines/Compile.h"

#include "compiler/Kernels/Passes.h"
#include "compiler/Pipelines/Phases.h"
#include "compiler/Target/CPU/CompileToElf.h"
#include "compiler/Target/StepBin/StepBin.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Support/Timing.h"

using namespace mlir;

namespace swamla {

LogicalResult runPhases(ModuleOp module, CompileOptions options) {
  FailureOr<Phase> done = options.from ? FailureOr<Phase>(*options.from) : phaseOf(module);
  if (failed(done) || failed(resolveOptions(module, *done, options)))
    return failure();
  if (options.until < *done)
    return emitError(UnknownLoc::get(module.getContext()))
           << "cannot stop after phase " << phaseInfo(options.until).name << ": phase "
           << phaseInfo(*done).name << " has already run";
  PassManager passes(module.getContext(), ModuleOp::getOperationName());
  applyDefaultTimingPassManagerCLOptions(passes);
  if (failed(applyPassManagerCLOptions(passes)))
    return failure();
  buildPipeline(passes, *done, options);
  return passes.run(module);
}

namespace {
/// The kernels as the target's loader wants them.
FailureOr<StepCode> compileKernels(ModuleOp module) {
  auto target = module->getAttrOfType<StringAttr>(kTargetAttr);
  auto architecture = module->getAttrOfType<StringAttr>(kArchitectureAttr);
  if (!target || !architecture)
    return module.emitError() << "has no attributes " << kTargetAttr << " and " << kArchitectureAttr
                              << "; expected them from --step-lower-kernels";
  std::optional<CpuTarget> cpu =
      target == "cpu" ? CpuTarget::parse(architecture.getValue()) : std::nullopt;
  if (!cpu)
    return module.emitError() << "cannot emit code for target \"" << target.getValue() << "\", "
                              << architecture << "; supported: cpu";
  FailureOr<SmallVector<char, 0>> elf = compileToElf(module, *cpu);
  if (failed(elf))
    return failure();
  return StepCode{target.str(), kCpuTriple.str(), architecture.str(), std::move(*elf)};
}
} // namespace

FailureOr<std::vector<char>> compileModule(ModuleOp module, const CompileOptions &options) {
  CompileOptions toLower = options;
  toLower.until = Phase::Lower;
  if (failed(runPhases(module, toLower)))
    return failure();
  FailureOr<StepCode> code = compileKernels(module);
  if (failed(code))
    return failure();
  return writeStepBin(module, *code, optionsAsFlags(module));
}

} // namespace swamla
