//===- Compile.cpp - the compiler as a library ----------------------------===//
#include "compiler/Pipelines/Compile.h"

#include "compiler/Kernels/Passes.h"
#include "compiler/Pipelines/Phases.h"
#include "compiler/Report/StepReport.h"
#include "compiler/Target/CPU/CompileToElf.h"
#include "compiler/Target/CUDA/AssemblePtx.h"
#include "compiler/Target/CUDA/CompileToPtx.h"
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
FailureOr<StepCode> compileForCpu(ModuleOp module, const CpuTarget &cpu) {
  FailureOr<SmallVector<char, 0>> elf = compileToElf(module, cpu);
  if (failed(elf))
    return failure();
  return StepCode{"cpu", kCpuTriple.str(), cpu.name(), std::move(*elf)};
}

FailureOr<StepCode> compileForCuda(ModuleOp module, const CudaTarget &cuda, bool verbose) {
  FailureOr<SmallVector<char, 0>> ptx = compileToPtx(module, cuda);
  if (failed(ptx))
    return failure();
  FailureOr<SmallVector<char, 0>> cubin = assemblePtx(module, *ptx, cuda, verbose);
  if (failed(cubin))
    return failure();
  return StepCode{"cuda", kCudaTriple.str(), cuda.name(), std::move(*ptx), std::move(*cubin)};
}

/// The kernels as the target's loader wants them.
FailureOr<StepCode> compileKernels(ModuleOp module, const CompileOptions &options) {
  auto target = module->getAttrOfType<StringAttr>(kTargetAttr);
  auto architecture = module->getAttrOfType<StringAttr>(kArchitectureAttr);
  if (!target || !architecture)
    return module.emitError() << "has no attributes " << kTargetAttr << " and " << kArchitectureAttr
                              << "; expected them from --step-lower-kernels";
  if (std::optional<CpuTarget> cpu = CpuTarget::parse(architecture); target == "cpu" && cpu)
    return compileForCpu(module, *cpu);
  if (std::optional<CudaTarget> cuda = CudaTarget::parse(architecture); target == "cuda" && cuda)
    return compileForCuda(module, *cuda, options.ptxasVerbose);
  return module.emitError() << "cannot emit code for target \"" << target.getValue() << "\", "
                            << architecture << "; supported: cpu and cuda";
}
} // namespace

FailureOr<std::vector<char>> compileModule(ModuleOp module, const CompileOptions &options) {
  CompileOptions toLower = options;
  toLower.until = Phase::Lower;
  if (failed(runPhases(module, toLower)))
    return failure();
  FailureOr<StepCode> code = compileKernels(module, options);
  if (failed(code))
    return failure();
  code->predictions = predictPrograms(module);
  return writeStepBin(module, *code, optionsAsFlags(module));
}

} // namespace swamla
