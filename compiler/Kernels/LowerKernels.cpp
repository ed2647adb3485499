//===- LowerKernels.cpp - kernel ops to functions of the target -----------===//
#include "compiler/Kernels/KernelFacts.h"
#include "compiler/Kernels/KernelTarget.h"
#include "compiler/Kernels/Passes.h"

#include "dialects/Step/IR/StepDialect.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;

namespace swamla {

#define GEN_PASS_DEF_LOWERKERNELSPASS
#include "compiler/Kernels/Passes.h.inc"

namespace {

/// What is left of a kernel op when it has become functions.
struct Generated {
  SmallVector<KernelPart> parts;
  WorkShares shares; ///< of the parts
};

/// Replaces a launch of a kernel by one of each of its parts, which share the work of the op.
void splitLaunch(step::LaunchOp launch, const Generated &kernel) {
  OpBuilder builder(launch);
  uint64_t flopsLeft = launch.getFlops(), bytesLeft = launch.getBytes();
  for (auto [i, part] : llvm::enumerate(kernel.parts)) {
    auto own = cast<step::LaunchOp>(builder.clone(*launch));
    SmallVector<Attribute> views;
    for (unsigned view : part.views)
      views.push_back(launch.getViews()[view]);
    own.setKernel(part.name);
    own.setViewsAttr(builder.getArrayAttr(views));
    // The last one takes what rounding has left.
    bool last = i + 1 == kernel.parts.size();
    auto share = [&](uint64_t all, double part, uint64_t &left) {
      uint64_t taken = last ? left : std::min(left, uint64_t(double(all) * part));
      left -= taken;
      return taken;
    };
    own.setFlops(share(launch.getFlops(), kernel.shares.flops[i], flopsLeft));
    own.setBytes(share(launch.getBytes(), kernel.shares.bytes[i], bytesLeft));
  }
  launch.erase();
}

/// The facts of a kernel op, by the name of each function that it has become.
using FactsByName = llvm::StringMap<SmallVector<NamedAttribute>>;

void collectFacts(Operation *op, ArrayRef<KernelPart> parts, FactsByName &facts) {
  Builder builder(op->getContext());
  ArrayAttr views = kernelViews(op);
  auto add = [&](StringRef name, ArrayAttr ownViews) {
    facts[name] = {builder.getNamedAttr(kWorkAttr, workAttr(op)),
                   builder.getNamedAttr(kViewsAttr, ownViews)};
  };
  if (parts.empty())
    return add(SymbolTable::getSymbolName(op), views);
  for (const KernelPart &part : parts) {
    SmallVector<Attribute> own;
    for (unsigned view : part.views)
      own.push_back(views[view]);
    add(part.name, builder.getArrayAttr(own));
  }
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
    llvm::StringMap<Generated> generated;
    FactsByName facts;
    for (Operation *op : ops) {
      OpBuilder builder(op);
      FailureOr<SmallVector<KernelPart>> parts = kernels->generate(op, builder);
      if (failed(parts))
        return signalPassFailure();
      collectFacts(op, *parts, facts);
      if (!parts->empty())
        generated[SymbolTable::getSymbolName(op)] = {*parts, workShares(op, *parts)};
      ++numKernels;
    }
    // Only now: generators look at the launches.
    for (Operation *op : ops)
      op->erase();
    module.walk([&](step::LaunchOp launch) {
      if (auto found = generated.find(launch.getKernel()); found != generated.end())
        splitLaunch(launch, found->second);
    });
    if (failed(kernels->lowerToLLVM(module)))
      return signalPassFailure();
    for (auto func : module.getOps<LLVM::LLVMFuncOp>())
      for (NamedAttribute fact : facts.lookup(func.getSymName()))
        func->setAttr(fact.getName(), fact.getValue());

    Builder builder(module.getContext());
    module->setAttr(kTargetAttr, builder.getStringAttr(target));
    module->setAttr(kArchitectureAttr, builder.getStringAttr(kernels->architecture()));
  }
};

} // namespace
} // namespace swamla
