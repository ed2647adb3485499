//===- AccumulateGrads.cpp - gradients accumulate where they are made -----===//
#include "compiler/Fuse/FusedSpec.h"
#include "compiler/Fuse/Passes.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace swamla {

#define GEN_PASS_DEF_ACCUMULATEGRADSPASS
#include "compiler/Fuse/Passes.h.inc"

namespace {

/// The operand that a result starts from, for an op that can add to a tensor.
struct Init {
  MutableOperandRange operand;
  unsigned result;
};

std::optional<Init> initOf(Operation *op) {
  return TypeSwitch<Operation *, std::optional<Init>>(op)
      .Case<MatmulOp, EmbeddingGradOp>([](auto adding) { return Init{adding.getInitMutable(), 0}; })
      .Case<LinearCrossEntropyGradOp>([](auto adding) {
        return Init{adding.getInitMutable(), cast<OpResult>(adding.getDweight()).getResultNumber()};
      })
      .Default([](Operation *) { return std::nullopt; });
}

/// The op that makes `value`, if it can add to a tensor instead and `value` has no other use.
Operation *addingOpOf(Value value) {
  auto result = dyn_cast<OpResult>(value);
  if (!result || !value.hasOneUse())
    return nullptr;
  std::optional<Init> init = initOf(result.getOwner());
  return init && init->result == result.getResultNumber() ? result.getOwner() : nullptr;
}

/// Replaces one add_grad.
class GradAccumulator {
public:
  explicit GradAccumulator(AddGradOp addGrad) : addGrad(addGrad), builder(addGrad) {}

  void run() {
    if (!accumulateInChain() && !accumulateInFused())
      addByItself();
    addGrad.erase();
  }

private:
  /// Handles a value that an op, or a chain of ops that start from each other, adds up.
  bool accumulateInChain();
  /// Handles a fresh result of a fused op.
  bool accumulateInFused();
  void addByItself();

  /// The gradient so far, read immediately before `op`.
  Value getGradBefore(Operation *op);
  /// Stores `value` immediately after the op that makes it.
  void setGradAfter(Value value);

  AddGradOp addGrad;
  OpBuilder builder;
};

} // namespace

Value GradAccumulator::getGradBefore(Operation *op) {
  builder.setInsertionPoint(op);
  auto get = GetGradOp::create(builder, addGrad.getLoc(), addGrad.getValue().getType(),
                               addGrad.getParamAttr());
  get->setDiscardableAttrs(addGrad->getDiscardableAttrDictionary());
  return get;
}

void GradAccumulator::setGradAfter(Value value) {
  builder.setInsertionPointAfterValue(value);
  auto set = SetGradOp::create(builder, addGrad.getLoc(), addGrad.getParamAttr(), value);
  set->setDiscardableAttrs(addGrad->getDiscardableAttrDictionary());
}

bool GradAccumulator::accumulateInChain() {
  SmallVector<Operation *> chain;
  for (Value value = addGrad.getValue(); value;) {
    Operation *op = addingOpOf(value);
    if (!op || op->getBlock() != addGrad->getBlock())
      return false;
    chain.push_back(op);
    MutableOperandRange init = initOf(op)->operand;
    value = init.empty() ? Value() : init[0].get();
  }
  // First to last: each op now starts from the buffer, where the one before has left its sum.
  for (Operation *op : llvm::reverse(chain)) {
    Init init = *initOf(op);
    init.operand.assign(getGradBefore(op));
    setGradAfter(op->getResult(init.result));
  }
  return true;
}

bool GradAccumulator::accumulateInFused() {
  auto result = dyn_cast<OpResult>(addGrad.getValue());
  auto fused = result ? dyn_cast<FusedOp>(result.getOwner()) : FusedOp();
  if (!fused || fused->getBlock() != addGrad->getBlock() || !result.hasOneUse())
    return false;
  unsigned i = result.getResultNumber();
  if (!isFresh(fused.getOuts()[i]))
    return false;
  Operation *empty = fused.getOuts()[i].getDefiningOp();
  fused.getOutsMutable()[i].set(getGradBefore(fused));
  if (empty->use_empty())
    empty->erase();
  // A sum over rows adds to its initial value by definition; another store has to be told.
  if (!isColumnReduction(fused.getOutMap(i), fused.getRowDims())) {
    Operation *yield = fused.getBody().front().getTerminator();
    builder.setInsertionPoint(yield);
    Value init = fused.getBody().front().getArgument(fused.getIns().size() + i);
    yield->setOperand(i,
                      arith::AddFOp::create(builder, fused.getLoc(), init, yield->getOperand(i)));
  }
  setGradAfter(result);
  return true;
}

void GradAccumulator::addByItself() {
  auto type = cast<RankedTensorType>(addGrad.getValue().getType());
  unsigned rank = type.getRank();
  FusedSpec spec;
  spec.domain.assign(type.getShape().begin(), type.getShape().end());
  if (rank == 1) // one row: a vector lies along the columns
    spec.domain.insert(spec.domain.begin(), 1);
  unsigned dims = spec.domain.size();
  spec.rowDims = dims - 1;
  AffineMap map = AffineMap::getMinorIdentityMap(dims, rank, builder.getContext());
  spec.addIn(addGrad.getValue(), map);
  spec.addOut(getGradBefore(addGrad), map);
  spec.label = builder.getStringAttr(addGrad.getParam() + ".add_grad");
  builder.setInsertionPoint(addGrad);
  FusedOp fused =
      createFused(builder, addGrad.getLoc(), spec, [&](OpBuilder &inner, ValueRange args) {
        if (isColumnReduction(map, spec.rowDims))
          return SmallVector<Value>{args[0]};
        Value sum = arith::AddFOp::create(inner, addGrad.getLoc(), args[1], args[0]);
        return SmallVector<Value>{sum};
      });
  fused->setDiscardableAttrs(addGrad->getDiscardableAttrDictionary());
  setGradAfter(fused->getResult(0));
}

namespace {

class AccumulateGradsPass : public impl::AccumulateGradsPassBase<AccumulateGradsPass> {
public:
  using AccumulateGradsPassBase::AccumulateGradsPassBase;

  void runOnOperation() override {
    SmallVector<AddGradOp> addGrads;
    getOperation().walk([&](AddGradOp op) { addGrads.push_back(op); });
    for (AddGradOp op : addGrads)
      GradAccumulator(op).run();
  }
};

} // namespace
} // namespace swamla
