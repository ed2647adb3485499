//===- LowerKernels.cpp - kernel ops to functions of the target -----------===//
#include "compiler/Kernels/KernelTarget.h"
#include "compiler/Kernels/Passes.h"

#include "dialects/Step/IR/StepDialect.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/UB/IR/UBOps.h"

using namespace mlir;

namespace swamla {

#define GEN_PASS_DEF_LOWERKERNELSPASS
#include "compiler/Kernels/Passes.h.inc"

namespace {

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
    for (Operation *op : ops) {
      OpBuilder builder(op);
      if (failed(kernels->generate(op, builder)))
        return signalPassFailure();
      op->erase();
      ++numKernels;
    }
    if (failed(kernels->lowerToLLVM(module)))
      return signalPassFailure();

    Builder builder(module.getContext());
    module->setAttr(kTargetAttr, builder.getStringAttr(target));
    module->setAttr(kArchitectureAttr, builder.getStringAttr(kernels->architecture()));
  }
};

} // namespace
} // namespace swamla
