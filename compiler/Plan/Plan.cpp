//===- Plan.cpp - the pass: placement, packing, emission ------------------===//
#include "compiler/Plan/ArenaPacking.h"
#include "compiler/Plan/Emission.h"
#include "compiler/Plan/GradsSharing.h"
#include "compiler/Plan/Passes.h"
#include "compiler/Plan/Placement.h"
#include "compiler/Plan/PlanVerifier.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace swamla {
#define GEN_PASS_DEF_PLANPASS
#include "compiler/Plan/Passes.h.inc"

namespace {
/// Gives the arena storages of a program their offsets; returns the bytes that it needs.
int64_t packProgram(ProgramPlan &plan, int64_t lowerBound) {
  SmallVector<Storage *> storages;
  SmallVector<ArenaPiece> pieces;
  for (const std::unique_ptr<Storage> &storage : plan.storages)
    if (storage->isUsed()) {
      storages.push_back(storage.get());
      pieces.push_back({storage->bytes(), storage->firstStep, storage->lastStep});
    }
  int64_t top = packArena(pieces, lowerBound);
  for (auto [storage, piece] : llvm::zip_equal(storages, pieces))
    storage->offset = piece.offset;
  return top;
}

/// What is live at the peak, largest first: `[{label = "h.0.attn.qkv", bytes = 1024}, ...]`.
ArrayAttr liveAtPeak(const ProgramPlan &plan, int64_t step, Builder &builder) {
  SmallVector<const Storage *> live;
  for (const std::unique_ptr<Storage> &storage : plan.storages)
    if (storage->isUsed() && storage->firstStep <= step && step <= storage->lastStep)
      live.push_back(storage.get());
  llvm::sort(live, [](const Storage *a, const Storage *b) {
    return std::tuple(-a->bytes(), a->firstStep, a->offset) <
           std::tuple(-b->bytes(), b->firstStep, b->offset);
  });
  SmallVector<Attribute> entries;
  for (const Storage *storage : live)
    entries.push_back(builder.getDictionaryAttr(
        {builder.getNamedAttr("label", builder.getStringAttr(storage->label)),
         builder.getNamedAttr("bytes", builder.getI64IntegerAttr(storage->bytes()))}));
  return builder.getArrayAttr(entries);
}

/// Removes what nothing uses: it would be launched all the same.
void dropDeadOps(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (isOpTriviallyDead(&op))
      op.erase();
}

class PlanPass : public impl::PlanPassBase<PlanPass> {
public:
  using PlanPassBase::PlanPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    PlanBuffers buffers(module);
    KernelOutliner outliner(module);
    std::vector<ProgramPlan> plans;
    if (failed(buffers.init()) || failed(place(buffers, outliner, plans)))
      return signalPassFailure();
    int64_t arena = pack(plans, buffers.flatElements("grads") * 4);
    for (ProgramPlan &plan : plans)
      if (verify && failed(verifyPlan(plan)))
        return signalPassFailure();

    OpBuilder atEnd = OpBuilder::atBlockEnd(module.getBody());
    for (const ProgramPlan &plan : plans)
      numCopies += emitProgram(plan, outliner, atEnd, tf32);
    OpBuilder atStart = OpBuilder::atBlockBegin(module.getBody());
    step::BufferOp::create(atStart, module.getLoc(), kArenaBuffer, "arena", arena, TypeAttr());
    buffers.emit(atStart);
    cleanUp(module);
    numKernels += outliner.size();
  }

private:
  LogicalResult place(PlanBuffers &buffers, KernelOutliner &outliner,
                      std::vector<ProgramPlan> &plans) {
    for (auto func : getOperation().getOps<func::FuncOp>()) {
      if (!func.getBody().hasOneBlock())
        return func.emitOpError() << "has " << func.getBody().getBlocks().size()
                                  << " blocks, expected one";
      dropDeadOps(func.getBody().front());
      FailureOr<ProgramPlan> plan = Placement(func, buffers, outliner).run();
      if (failed(plan))
        return failure();
      numTakenOver += plan->takenOver;
      plans.push_back(std::move(*plan));
    }
    return success();
  }

  /// Packs every program into one arena and records what there is to know about it.
  int64_t pack(std::vector<ProgramPlan> &plans, int64_t gradsBytes) {
    ModuleOp module = getOperation();
    Builder builder(module.getContext());
    int64_t arena = 0;
    PeakLive peak;
    ProgramPlan *peakPlan = nullptr;
    for (ProgramPlan &plan : plans) {
      computeLifetimes(plan);
      if (shareGrads && !func::FuncOp(plan.func).getOps<SetGradOp>().empty())
        plan.zeroedGrads = swamla::shareGrads(plan, gradsBytes);
      PeakLive live = peakLive(plan);
      arena = std::max(arena, packProgram(plan, live.bytes));
      if (live.bytes > peak.bytes) {
        peak = live;
        peakPlan = &plan;
      }
    }
    if (shareGrads)
      module->setAttr("step.single_micro_step", builder.getUnitAttr());
    module->setAttr("step.peak_bytes", builder.getI64IntegerAttr(arena));
    module->setAttr("step.max_live_bytes", builder.getI64IntegerAttr(peak.bytes));
    if (peakPlan) {
      module->setAttr("step.peak_program", builder.getStringAttr(peakPlan->func.getSymName()));
      module->setAttr("step.peak_at",
                      builder.getStringAttr(labelOf(peakPlan->steps[peak.step].op)));
      module->setAttr("step.live_at_peak", liveAtPeak(*peakPlan, peak.step, builder));
    }
    peakKib += arena / 1024;
    maxLiveKib += peak.bytes / 1024;
    return arena;
  }

  /// Removes what has been planned; programs go last, after the kernels.
  void cleanUp(ModuleOp module) {
    for (Operation &op : llvm::make_early_inc_range(*module.getBody())) {
      if (isa<func::FuncOp, ParamOp, ParamGroupOp, StateOp>(op))
        op.erase();
      else if (auto program = dyn_cast<step::ProgramOp>(op))
        numLaunches += program.getBody().front().getOperations().size();
    }
    SmallVector<step::ProgramOp> programs(module.getOps<step::ProgramOp>());
    for (step::ProgramOp program : programs)
      program->moveBefore(module.getBody(), module.getBody()->end());
  }
};
} // namespace

} // namespace swamla
