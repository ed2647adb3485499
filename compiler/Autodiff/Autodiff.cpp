//===- Autodiff.cpp - reverse-mode differentiation ------------------------===//
#include "compiler/Autodiff/Passes.h"
#include "compiler/Autodiff/Rules.h"

#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;

namespace swamla {

#define GEN_PASS_DEF_AUTODIFFPASS
#include "compiler/Autodiff/Passes.h.inc"

Value buildZero(OpBuilder &builder, Location loc, Type type) {
  return arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type));
}

namespace {

constexpr llvm::StringLiteral scopeAttr = "scope";
constexpr llvm::StringLiteral backwardAttr = "backward";
constexpr llvm::StringLiteral differentiateAttr = "swamla.differentiate";
constexpr llvm::StringLiteral slotNameAttr = "swamla.name";

bool isFloatTensor(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && isa<FloatType>(tensor.getElementType());
}

/// An op without operands that has a rule: a parameter. Its rule only has side effects.
bool isSource(Operation *op) {
  return op && op->getNumOperands() == 0 && isa<DifferentiableOpInterface>(op);
}

/// Marks the ops that rules emit: `backward`, and the scope of the forward op that they come from.
class BackwardMarker : public OpBuilder::Listener {
public:
  void setForwardOp(Operation *op) { scope = op ? op->getAttr(scopeAttr) : Attribute(); }

  void notifyOperationInserted(Operation *op, OpBuilder::InsertPoint previous) override {
    op->setAttr(backwardAttr, UnitAttr::get(op->getContext()));
    if (scope)
      op->setAttr(scopeAttr, scope);
  }

private:
  Attribute scope;
};

/// Turns one function into its forward and backward.
class Differentiator {
public:
  Differentiator(func::FuncOp func, bool wrtArgs)
      : func(func), wrtArgs(wrtArgs), builder(func.getContext(), &marker) {}

  LogicalResult run();

private:
  void findActiveValues();
  LogicalResult seedResults();
  LogicalResult differentiate(Operation *op);
  /// Calls the rule of `op` and checks the shape of its answer.
  OperandCotangents applyRule(Operation *op, ValueRange cotangents);
  LogicalResult accumulate(Value value, Value cotangent);
  LogicalResult returnArgCotangents(unsigned numArgs);
  void eraseDeadOps();

  /// "d_" + the slot name of an argument or result, as the slot name of its cotangent.
  DictionaryAttr cotangentAttrs(StringAttr slotName);

  func::FuncOp func;
  bool wrtArgs;
  BackwardMarker marker;
  OpBuilder builder;
  Block *body = nullptr;
  /// Values that a parameter (or argument) reaches: the only ones whose cotangents matter.
  DenseSet<Value> active;
  DenseMap<Value, Value> cotangentOf;
};

} // namespace

LogicalResult Differentiator::run() {
  if (!func.getBody().hasOneBlock())
    return func.emitOpError("cannot be differentiated: expected a body of one block, found ")
           << func.getBody().getBlocks().size();
  body = &func.getBody().front();
  unsigned numArgs = func.getNumArguments();
  findActiveValues();

  SmallVector<Operation *> forward;
  for (Operation &op : body->without_terminator())
    forward.push_back(&op);
  builder.setInsertionPoint(body->getTerminator());
  if (failed(seedResults()))
    return failure();
  for (Operation *op : llvm::reverse(forward))
    if (failed(differentiate(op)))
      return failure();
  if (wrtArgs && failed(returnArgCotangents(numArgs)))
    return failure();
  eraseDeadOps();
  return success();
}

void Differentiator::findActiveValues() {
  if (wrtArgs)
    for (BlockArgument arg : body->getArguments())
      if (isFloatTensor(arg.getType()))
        active.insert(arg);
  for (Operation &op : *body)
    if (isSource(&op) ||
        llvm::any_of(op.getOperands(), [&](Value v) { return active.contains(v); }))
      for (Value result : op.getResults())
        if (isFloatTensor(result.getType()))
          active.insert(result);
}

DictionaryAttr Differentiator::cotangentAttrs(StringAttr slotName) {
  if (!slotName)
    return builder.getDictionaryAttr({});
  return builder.getDictionaryAttr(
      builder.getNamedAttr(slotNameAttr, builder.getStringAttr("d_" + slotName.getValue())));
}

LogicalResult Differentiator::seedResults() {
  SmallVector<Value> results(body->getTerminator()->getOperands());
  auto scalarType = RankedTensorType::get({1}, builder.getF32Type());
  bool isLoss = results.size() == 1 && results[0].getType() == scalarType;
  for (auto [index, result] : llvm::enumerate(results)) {
    if (!isFloatTensor(result.getType()))
      continue;
    Value seed;
    if (isLoss) {
      marker.setForwardOp(result.getDefiningOp());
      seed = ScalarOp::create(builder, result.getLoc(), scalarType, "loss_scale");
    } else {
      unsigned position = func.getNumArguments();
      auto slotName = func.getResultAttrOfType<StringAttr>(index, slotNameAttr);
      if (failed(func.insertArgument(position, result.getType(), cotangentAttrs(slotName),
                                     result.getLoc())))
        return failure();
      seed = func.getArgument(position);
    }
    if (failed(accumulate(result, seed)))
      return failure();
  }
  return success();
}

LogicalResult Differentiator::differentiate(Operation *op) {
  SmallVector<Value> cotangents;
  for (Value result : op->getResults())
    cotangents.push_back(cotangentOf.lookup(result));
  if (llvm::none_of(cotangents, [](Value v) { return static_cast<bool>(v); }))
    return success();
  marker.setForwardOp(op);
  OperandCotangents answer = applyRule(op, cotangents);
  if (failed(answer))
    return failure();
  for (auto [operand, cotangent] : llvm::zip_equal(op->getOperands(), *answer))
    if (cotangent && failed(accumulate(operand, cotangent)))
      return failure();
  return success();
}

OperandCotangents Differentiator::applyRule(Operation *op, ValueRange cotangents) {
  auto differentiable = dyn_cast<DifferentiableOpInterface>(op);
  if (!differentiable) {
    op->emitOpError(
        "has no gradient rule; implement DifferentiableOpInterface in compiler/Autodiff");
    return failure();
  }
  OperandCotangents answer = differentiable.buildGradient(builder, cotangents);
  if (failed(answer))
    return failure();
  if (answer->size() != op->getNumOperands()) {
    op->emitOpError("has a wrong gradient rule: expected ")
        << op->getNumOperands() << " cotangents, found " << answer->size();
    return failure();
  }
  for (auto [operand, cotangent] : llvm::zip_equal(op->getOpOperands(), *answer))
    if (cotangent && cotangent.getType() != operand.get().getType()) {
      op->emitOpError("has a wrong gradient rule: expected a cotangent of type ")
          << operand.get().getType() << " for operand #" << operand.getOperandNumber() << ", found "
          << cotangent.getType();
      return failure();
    }
  return answer;
}

LogicalResult Differentiator::accumulate(Value value, Value cotangent) {
  if (!active.contains(value))
    return success();
  Operation *def = value.getDefiningOp();
  if (isSource(def)) {
    // Rules are linear: a parameter takes each contribution at once, and no gradient waits for
    // another.
    SmallVector<Value> cotangents(def->getNumResults());
    cotangents[cast<OpResult>(value).getResultNumber()] = cotangent;
    return applyRule(def, cotangents);
  }
  Value &sum = cotangentOf[value];
  sum = sum ? AddOp::create(builder, cotangent.getLoc(), sum, cotangent).getResult() : cotangent;
  return success();
}

LogicalResult Differentiator::returnArgCotangents(unsigned numArgs) {
  marker.setForwardOp(nullptr);
  Operation *terminator = body->getTerminator();
  for (unsigned i = 0; i < numArgs; ++i) {
    BlockArgument arg = body->getArgument(i);
    if (!isFloatTensor(arg.getType()))
      continue;
    Value cotangent = cotangentOf.lookup(arg);
    if (!cotangent)
      cotangent = buildZero(builder, arg.getLoc(), arg.getType());
    auto slotName = func.getArgAttrOfType<StringAttr>(i, slotNameAttr);
    if (failed(func.insertResult(func.getNumResults(), arg.getType(), cotangentAttrs(slotName))))
      return failure();
    terminator->insertOperands(terminator->getNumOperands(), cotangent);
  }
  return success();
}

void Differentiator::eraseDeadOps() {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(*body)))
    if (isOpTriviallyDead(&op))
      op.erase();
}

namespace {

class AutodiffPass : public impl::AutodiffPassBase<AutodiffPass> {
public:
  using AutodiffPassBase::AutodiffPassBase;

  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    for (auto func : getOperation().getOps<func::FuncOp>()) {
      bool isLoss = func.getName() == "loss";
      if (func.isDeclaration() || (!isLoss && !func->hasAttr(differentiateAttr)))
        continue;
      func->removeAttr(differentiateAttr);
      if (failed(Differentiator(func, wrtArgs).run()))
        return signalPassFailure();
      if (isLoss && failed(renameLoss(symbols, func)))
        return signalPassFailure();
    }
  }

private:
  LogicalResult renameLoss(SymbolTable &symbols, func::FuncOp func) {
    if (Operation *other = symbols.lookup("micro_step")) {
      InFlightDiagnostic diagnostic =
          func.emitOpError("cannot become @micro_step: the module has one already");
      diagnostic.attachNote(other->getLoc()) << "see here";
      return diagnostic;
    }
    return symbols.rename(func, "micro_step");
  }
};

} // namespace
} // namespace swamla
