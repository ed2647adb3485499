//===- LowerKernels.cpp - kernel ops to functions of the target -----------===//
#include "compiler/Kernels/KernelTarget.h"
#include "compiler/Kernels/Passes.h"

#include "dialects/Step/IR/StepDialect.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;

namespace swamla {

#define GEN_PASS_DEF_LOWERKERNELSPASS
#include "compiler/Kernels/Passes.h.inc"

namespace {

/// Replaces a launch of a kernel by one of each of its parts. The work of the op is counted once,
/// with the first.
void splitLaunch(step::LaunchOp launch, ArrayRef<KernelPart> parts) {
  OpBuilder builder(launch);
  for (const KernelPart &part : parts) {
    auto own = cast<step::LaunchOp>(builder.clone(*launch));
    SmallVector<Attribute> views;
    for (unsigned view : part.views)
      views.push_back(launch.getViews()[view]);
    own.setKernel(part.name);
    own.setViewsAttr(builder.getArrayAttr(views));
    if (&part != parts.begin()) {
      own.setFlops(0);
      own.setBytes(0);
    }
  }
  launch.erase();
}

struct LowerKernels : impl::LowerKernelsPassBase<LowerKernels> {
  using LowerKernelsPassBase::LowerKernelsPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    std::unique_ptr<KernelTarget> kernels = createKernelTarget(
        target, architecture, [&] { return module.emitError() << getArgument() << ": "; });
    if (!kernels)
      return signalPassFailure();

    SmallVector<Operation *> ops;
    for (Operation &op : module.getOps())
      if (kernels->hasGenerator(&op))
        ops.push_back(&op);
    llvm::StringMap<SmallVector<KernelPart>> partsOf;
    for (Operation *op : ops) {
      OpBuilder builder(op);
      FailureOr<SmallVector<KernelPart>> parts = kernels->generate(op, builder);
      if (failed(parts))
        return signalPassFailure();
      if (!parts->empty())
        partsOf[SymbolTable::getSymbolName(op)] = std::move(*parts);
      ++numKernels;
    }
    // Only now: generators look at the launches.
    for (Operation *op : ops)
      op->erase();
    module.walk([&](step::LaunchOp launch) {
      if (auto found = partsOf.find(launch.getKernel()); found != partsOf.end())
        splitLaunch(launch, found->second);
    });
    if (failed(kernels->lowerToLLVM(module)))
      return signalPassFailure();

    Builder builder(module.getContext());
    module->setAttr(kTargetAttr, builder.getStringAttr(target));
    module->setAttr(kArchitectureAttr, builder.getStringAttr(kernels->architecture()));
  }
};

} // namespace
} // namespace swamla
