//===- AccumulateGrads.cpp - gradients accumulate where they are made -----===//
#include "compiler/Fuse/FusedSpec.h"
#include "compiler/Fuse/Passes.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
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
  /// `overwrite`: the gradient has no value yet, so that it is stored and not added to.
  GradAccumulator(AddGradOp addGrad, bool overwrite)
      : addGrad(addGrad), builder(addGrad), overwrite(overwrite) {}

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
  bool overwrite;
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
    if (!overwrite)
      init.operand.assign(getGradBefore(op));
    overwrite = false;
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
  if (overwrite) {
    setGradAfter(result);
    return true;
  }
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
  if (overwrite)
    return setGradAfter(addGrad.getValue());
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
    if (overwrite && !addGrads.empty() && failed(checkAllWritten(addGrads)))
      return signalPassFailure();
    llvm::StringSet<> written;
    for (AddGradOp op : addGrads)
      GradAccumulator(op, overwrite && isFirst(op, written)).run();
  }

private:
  /// The parameters that a parameter or group stands for.
  SmallVector<StringRef> parametersOf(AddGradOp op) {
    if (auto group = SymbolTable::lookupNearestSymbolFrom<ParamGroupOp>(op, op.getParamAttr())) {
      auto members = group.getMembers().getAsValueRange<FlatSymbolRefAttr>();
      return SmallVector<StringRef>(members);
    }
    return {op.getParam()};
  }

  /// Whether nothing has been added to the op's parameters yet; marks them.
  bool isFirst(AddGradOp op, llvm::StringSet<> &written) {
    bool first = true;
    for (StringRef name : parametersOf(op))
      first &= written.insert(name).second;
    return first;
  }

  /// What no op stores would hold whatever was there before. And a gradient to which one op adds as
  /// part of a group, and another alone, has no first op.
  LogicalResult checkAllWritten(ArrayRef<AddGradOp> addGrads) {
    llvm::StringMap<StringRef> firstName;
    for (AddGradOp op : addGrads)
      for (StringRef name : parametersOf(op)) {
        StringRef first = firstName.try_emplace(name, op.getParam()).first->second;
        if (first != op.getParam())
          return op.emitOpError() << "adds to the gradient of @" << name << " as @" << op.getParam()
                                  << ", and an earlier op as @" << first
                                  << "; compile with --micro-steps=any";
      }
    for (ParamOp param : getOperation()->getParentOfType<ModuleOp>().getOps<ParamOp>())
      if (!firstName.contains(param.getSymName()))
        return param.emitOpError() << "has no gradient in @" << getOperation().getSymName()
                                   << "; compile with --micro-steps=any";
    return success();
  }
};

} // namespace
} // namespace swamla
