//===- MarkPhase.cpp - record which phase has run -------------------------===//
#include "compiler/Pipelines/Passes.h"
#include "compiler/Pipelines/Phases.h"

using namespace mlir;

namespace swamla {
#define GEN_PASS_DEF_MARKPHASEPASS
#include "compiler/Pipelines/Passes.h.inc"

namespace {
class MarkPhasePass : public impl::MarkPhasePassBase<MarkPhasePass> {
public:
  using MarkPhasePassBase::MarkPhasePassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (!findPhase(phase)) {
      module.emitError() << "swamla-mark-phase: '" << phase.getValue() << "' is no phase";
      return signalPassFailure();
    }
    module->setAttr("swamla.phase", StringAttr::get(&getContext(), phase));
    markAllAnalysesPreserved();
  }
};
} // namespace

} // namespace swamla
