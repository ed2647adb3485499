//===- Distribute.cpp - gradients of all ranks ----------------------------===//
#include "compiler/Distribute/Buckets.h"
#include "compiler/Distribute/Passes.h"
#include "dialects/Swamla/IR/SwamlaDialect.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

namespace swamla {

#define GEN_PASS_DEF_DISTRIBUTEPASS
#include "compiler/Distribute/Passes.h.inc"

namespace {
constexpr llvm::StringLiteral kMicroStep = "micro_step";
constexpr llvm::StringLiteral kLastMicroStep = "last_micro_step";

bool touches(Operation &op, step::BufferOp buffer) {
  return op.getAttrDictionary()
      .walk([&](step::ViewAttr view) {
        return view.getBuffer().getValue() == buffer.getSymName() ? WalkResult::interrupt()
                                                                  : WalkResult::advance();
      })
      .wasInterrupted();
}

class DistributePass : public impl::DistributePassBase<DistributePass> {
public:
  using DistributePassBase::DistributePassBase;

  void runOnOperation() override {
    if (ranks == 1)
      return;
    ModuleOp module = getOperation();
    auto microStep = module.lookupSymbol<step::ProgramOp>(kMicroStep);
    auto grads = module.lookupSymbol<step::BufferOp>(kGradsBuffer);
    if (failed(check(microStep, grads)))
      return signalPassFailure();
    Builder builder(&getContext());
    module->setAttr(ranksAttr, builder.getI64IntegerAttr(ranks));
    module->setAttr(parallelAttr, builder.getStringAttr("ddp"));
    step::ProgramOp last = microStep;
    if (!module->hasAttr("step.single_micro_step")) {
      last = microStep.clone();
      last.setSymName(kLastMicroStep);
      module.insert(std::next(microStep->getIterator()), last);
    }
    addUp(last, grads);
    // fp8: the largest numbers that micro steps have seen, of which later scales are made.
    auto amax = module.lookupSymbol<step::BufferOp>(kAmaxBuffer);
    bool isSeen = amax && llvm::any_of(microStep.getBody().front(),
                                       [&](Operation &op) { return touches(op, amax); });
    for (auto program : module.getOps<step::ProgramOp>())
      if (isSeen && (program.getSymName() == "apply" || program.getSymName() == "calibrate"))
        compare(program, amax);
  }

private:
  LogicalResult check(step::ProgramOp microStep, step::BufferOp grads);
  void addUp(step::ProgramOp program, step::BufferOp grads);
  void compare(step::ProgramOp program, step::BufferOp amax);
};
} // namespace

LogicalResult DistributePass::check(step::ProgramOp microStep, step::BufferOp grads) {
  ModuleOp module = getOperation();
  if (ranks < 1 || bucketBytes < 1)
    return module.emitError() << "step-distribute has ranks=" << ranks.getValue()
                              << " and bucket-bytes=" << bucketBytes.getValue()
                              << ", expected both to be at least 1";
  if (!microStep || !grads)
    return module.emitError() << "has no program @" << kMicroStep << " or no buffer @"
                              << kGradsBuffer << "; run --swamla-plan before --step-distribute";
  if (module->hasAttr(ranksAttr) || module.lookupSymbol(kLastMicroStep))
    return module.emitError() << "is for many ranks already; expected a plan of one";
  return success();
}

/// Sums of all of a program's gradients, each as soon as it can be.
void DistributePass::addUp(step::ProgramOp program, step::BufferOp grads) {
  OpBuilder builder(&getContext());
  auto symbol = FlatSymbolRefAttr::get(grads.getSymNameAttr());
  SmallVector<Bucket> buckets = findBuckets(program, grads, bucketBytes);
  SmallVector<std::string> labels;
  Operation *previous = nullptr;
  for (auto [number, bucket] : llvm::enumerate(buckets)) {
    auto view = step::ViewAttr::get(&getContext(), symbol, bucket.begin, bucket.end - bucket.begin);
    // Several buckets behind one op keep their order.
    bool isSameOp = number > 0 && buckets[number - 1].last == bucket.last;
    builder.setInsertionPointAfter(isSameOp ? previous : bucket.last);
    labels.push_back("gradients." + std::to_string(number));
    previous = step::CollectiveOp::create(builder, bucket.last->getLoc(), "all_reduce_sum", view,
                                          view, builder.getF32Type(), ranks, labels.back());
  }
  builder.setInsertionPointToEnd(&program.getBody().front());
  for (auto [number, label] : llvm::enumerate(labels))
    step::CollectiveWaitOp::create(builder, program.getLoc(), number, label);
  numBuckets += buckets.size();
}

/// The largest numbers of all ranks, before the first op that looks at them: so the scales, which
/// are kept in checkpoints, are the same everywhere.
void DistributePass::compare(step::ProgramOp program, step::BufferOp amax) {
  Block &ops = program.getBody().front();
  auto first = llvm::find_if(ops, [&](Operation &op) { return touches(op, amax); });
  if (first == ops.end())
    return;
  OpBuilder builder(&getContext());
  builder.setInsertionPoint(&*first);
  auto view = step::ViewAttr::get(&getContext(), FlatSymbolRefAttr::get(amax.getSymNameAttr()), 0,
                                  amax.getBytes());
  step::CollectiveOp::create(builder, first->getLoc(), "all_reduce_max", view, view,
                             builder.getF32Type(), ranks, "amaxes");
  step::CollectiveWaitOp::create(builder, first->getLoc(), 0, "amaxes");
}

} // namespace swamla
