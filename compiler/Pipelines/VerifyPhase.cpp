//===- VerifyPhase.cpp - reject what a phase should have converted --------===//
#include "compiler/Pipelines/Passes.h"
#include "compiler/Pipelines/Phases.h"
#include "dialects/Step/IR/StepDialect.h"
#include "dialects/Swamla/IR/SwamlaDialect.h"

using namespace mlir;

namespace swamla {
#define GEN_PASS_DEF_VERIFYPHASEPASS
#include "compiler/Pipelines/Passes.h.inc"

namespace {
/// From phase `since` on, ops of a kind are illegal: `pass` should have converted them.
struct Rule {
  Phase since;
  bool (*isIllegal)(Operation *op);
  llvm::StringLiteral pass;
};

constexpr Rule kRules[] = {
    {Phase::Expand,
     [](Operation *op) {
       return isa<ModelOp, EmbeddingOp, SwaBlockOp, MlaBlockOp, NormOp, LmLossOp>(op);
     },
     "--swamla-expand"},
    {Phase::Autodiff,
     [](Operation *op) {
       auto func = dyn_cast<func::FuncOp>(op);
       return func && func.getSymName() == "loss";
     },
     "--swamla-autodiff"},
    {Phase::Group,
     [](Operation *op) { return isa<LinearCrossEntropyOp, LinearCrossEntropyGradOp>(op); },
     "--swamla-chunk-loss"},
    {Phase::Fuse, [](Operation *op) { return isa<RowwiseOpInterface>(op); }, "--swamla-form-fused"},
    {Phase::Fuse, [](Operation *op) { return isa<AddGradOp>(op); }, "--swamla-accumulate-grads"},
    {Phase::Optimizer,
     [](Operation *op) {
       auto param = dyn_cast<ParamOp>(op);
       auto group = dyn_cast<ParamGroupOp>(op);
       return (param && !param.getOffset()) || (group && !group.getOffset());
     },
     "--swamla-layout-params"},
    {Phase::Plan,
     [](Operation *op) {
       return isa<func::FuncOp, func::ReturnOp, ParamOp, ParamGroupOp, StateOp, FusedOp>(op);
     },
     "--swamla-plan"},
    {Phase::Lower,
     [](Operation *op) {
       return isa<step::RowKernelOp, step::AttentionKernelOp, step::AttentionGradKernelOp,
                  step::ScatterAddKernelOp>(op) ||
              isa_and_nonnull<SwamlaDialect>(op->getDialect());
     },
     "--step-lower-kernels"}};

/// Functions that must be there after a phase, and the pass that makes them.
struct Wanted {
  Phase since, before;
  llvm::StringLiteral function, pass;
};

constexpr Wanted kWanted[] = {{Phase::Expand, Phase::Autodiff, "loss", "--swamla-expand"},
                              {Phase::Expand, Phase::Plan, "eval", "--swamla-expand"},
                              {Phase::Expand, Phase::Plan, "logits", "--swamla-expand"},
                              {Phase::Autodiff, Phase::Plan, "micro_step", "--swamla-autodiff"},
                              {Phase::Optimizer, Phase::Plan, "apply", "--swamla-build-optimizer"}};

class VerifyPhasePass : public impl::VerifyPhasePassBase<VerifyPhasePass> {
public:
  using VerifyPhasePassBase::VerifyPhasePassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    std::optional<Phase> current = findPhase(phase);
    if (!current) {
      module.emitError() << "swamla-verify-phase: '" << phase.getValue() << "' is no phase";
      return signalPassFailure();
    }
    bool illegal =
        module
            .walk([&](Operation *op) {
              return failed(verify(op, *current)) ? WalkResult::interrupt() : WalkResult::advance();
            })
            .wasInterrupted();
    if (illegal || failed(verifyFunctions(module, *current)))
      return signalPassFailure();
    markAllAnalysesPreserved();
  }

private:
  LogicalResult verifyFunctions(ModuleOp module, Phase current) {
    for (const Wanted &wanted : kWanted)
      if (wanted.since <= current && current < wanted.before &&
          !module.lookupSymbol<func::FuncOp>(wanted.function))
        return module.emitError() << "has no function @" << wanted.function << " after phase "
                                  << phase.getValue() << "; expected it from " << wanted.pass;
    return success();
  }

  LogicalResult verify(Operation *op, Phase current) {
    for (const Rule &rule : kRules)
      if (rule.since <= current && rule.isIllegal(op))
        return op->emitOpError() << "is illegal after phase " << phase.getValue()
                                 << "; expected to have been converted by " << rule.pass;
    return success();
  }
};
} // namespace

} // namespace swamla
