//===- FuseRowwise.cpp - merges neighbouring swamla.fused ops -------------===//
#include "compiler/Fuse/FusedMerge.h"
#include "compiler/Fuse/Passes.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;

namespace swamla {

#define GEN_PASS_DEF_FUSEROWWISEPASS
#include "compiler/Fuse/Passes.h.inc"

namespace {

/// How far up from an op its partners may stand. Bounds the pass's time, and how long a merge can
/// hold on to what the upper op reads.
constexpr unsigned maxDistance = 64;
/// How many ops a merge may move below itself.
constexpr unsigned maxMoved = 8;

/// True if an op may change places with the ops that merging moves past it: it has no effect, reads
/// memory that nothing here writes, or adds to a gradient, in which order does not matter to
/// others.
bool isTransparent(Operation *op) {
  return isa<AddGradOp>(op) || isPure(op) || hasSingleEffect<MemoryEffects::Read>(op);
}

class RowwiseFuser {
public:
  explicit RowwiseFuser(Block &block) : block(block) {}
  void run();

private:
  /// Merges the nearest possible op above into `op`; null if there is none.
  FusedOp mergeNearest(FusedOp op);
  /// The ops between the two that depend on `first`, in order; none if `second` depends on one of
  /// them or there are too many.
  std::optional<SmallVector<Operation *>> findDependents(FusedOp first, FusedOp second);

  Block &block;
};

} // namespace

void RowwiseFuser::run() {
  for (Operation *op = &block.front(), *next = nullptr; op; op = next) {
    next = op->getNextNode();
    auto fused = dyn_cast<FusedOp>(op);
    while (fused)
      fused = mergeNearest(fused);
  }
  SmallVector<FusedOp> all(block.getOps<FusedOp>());
  for (FusedOp op :
       llvm::reverse(all)) // users first: what they drop may leave others without a use
    simplify(op);
  for (auto empty : llvm::make_early_inc_range(block.getOps<tensor::EmptyOp>()))
    if (empty->use_empty())
      empty.erase();
}

FusedOp RowwiseFuser::mergeNearest(FusedOp op) {
  Operation *above = op->getPrevNode();
  for (unsigned i = 0; above && i < maxDistance && isTransparent(above);
       ++i, above = above->getPrevNode()) {
    auto candidate = dyn_cast<FusedOp>(above);
    if (!candidate || !sharesElements(candidate, op) || !canMerge(candidate, op))
      continue;
    std::optional<SmallVector<Operation *>> dependents = findDependents(candidate, op);
    if (!dependents)
      continue;
    Operation *place = op;
    for (Operation *dependent : *dependents) {
      dependent->moveAfter(place);
      place = dependent;
    }
    return merge(candidate, op);
  }
  return {};
}

std::optional<SmallVector<Operation *>> RowwiseFuser::findDependents(FusedOp first,
                                                                     FusedOp second) {
  SmallVector<Operation *> dependents;
  llvm::SmallPtrSet<Operation *, maxMoved + 1> set;
  auto dependsOnSet = [&](Operation *op) {
    return llvm::any_of(op->getOperands(), [&](Value operand) {
      return operand.getDefiningOp() && set.contains(operand.getDefiningOp());
    });
  };
  set.insert(first);
  for (Operation *op = first->getNextNode(); op != second; op = op->getNextNode()) {
    if (!dependsOnSet(op))
      continue;
    if (dependents.size() == maxMoved)
      return std::nullopt;
    dependents.push_back(op);
    set.insert(op);
  }
  set.erase(first);
  if (dependsOnSet(second))
    return std::nullopt;
  return dependents;
}

namespace {

class FuseRowwisePass : public impl::FuseRowwisePassBase<FuseRowwisePass> {
public:
  using FuseRowwisePassBase::FuseRowwisePassBase;

  void runOnOperation() override {
    for (Block &block : getOperation().getBody())
      if (!block.empty())
        RowwiseFuser(block).run();
  }
};

} // namespace
} // namespace swamla
