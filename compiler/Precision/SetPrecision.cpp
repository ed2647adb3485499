//===- SetPrecision.cpp - which tensors are bf16 --------------------------===//
#include "compiler/Precision/Passes.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

namespace swamla {

#define GEN_PASS_DEF_SETPRECISIONPASS
#include "compiler/Precision/Passes.h.inc"

namespace {

/// A matrix (or more) of f32: what may become narrower.
bool isWideMatrix(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.getRank() >= 2 && tensor.getElementType().isF32();
}

/// Whether an op takes its operands as f32: what leaves the function's own computation.
bool wantsWide(Operation *op) {
  return isa<AddGradOp, SetGradOp, SetFlatOp>(op) || op->hasTrait<OpTrait::ReturnLike>();
}

/// Retypes the values of one function.
class Narrower {
public:
  Narrower(func::FuncOp func, FloatType element)
      : body(func.getBody().front()), element(element), builder(func.getContext()) {}

  /// Fails, with a diagnostic, on an op whose types are not its to change.
  LogicalResult run();

  unsigned numNarrowed = 0, numCasts = 0;

private:
  void splitSums();
  void castArguments();
  LogicalResult narrowResults(Operation &op);
  void castOperands(Operation &op);
  ResultPrecision precisionOf(OpResult result) const;

  Value cast(Location loc, Value value, Type to) {
    ++numCasts;
    auto type = llvm::cast<RankedTensorType>(value.getType()).clone(to);
    return CastOp::create(builder, loc, type, value);
  }

  Block &body;
  FloatType element;
  OpBuilder builder;
};

} // namespace

ResultPrecision Narrower::precisionOf(OpResult result) const {
  Operation *op = result.getOwner();
  if (op->hasTrait<SetupTime>())
    return ResultPrecision::Wide;
  if (op->hasTrait<OpTrait::ConstantLike>())
    return ResultPrecision::AsUsed;
  auto precise = dyn_cast<PrecisionOpInterface>(op);
  return precise ? precise.getResultPrecision(result.getResultNumber()) : ResultPrecision::Narrow;
}

LogicalResult Narrower::narrowResults(Operation &op) {
  bool isOurs = isa_and_present<SwamlaDialect>(op.getDialect()) && op.getNumRegions() == 0;
  for (OpResult result : op.getResults()) {
    if (!isWideMatrix(result.getType()))
      continue;
    if (!isOurs && !isa<arith::ConstantOp>(op))
      return op.emitOpError() << "has a type that a precision cannot change; run "
                                 "--swamla-set-precision on primitives, before --swamla-form-fused";
    ResultPrecision precision = precisionOf(result);
    bool staysWide = precision == ResultPrecision::Wide ||
                     (precision == ResultPrecision::AsUsed &&
                      llvm::all_of(result.getUsers(), [](Operation *u) { return wantsWide(u); }));
    if (staysWide)
      continue;
    auto type = llvm::cast<RankedTensorType>(result.getType()).clone(element);
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      auto splat = dyn_cast<SplatElementsAttr>(constant.getValue());
      if (!splat)
        return op.emitOpError("is a tensor of different numbers, expected of one number");
      bool losesInfo;
      APFloat number = splat.getSplatValue<APFloat>();
      number.convert(element.getFloatSemantics(), APFloat::rmNearestTiesToEven, &losesInfo);
      constant.setValueAttr(DenseElementsAttr::get(type, number));
    }
    result.setType(type);
    ++numNarrowed;
  }
  return success();
}

/// A product is added in place to a gradient, which is wide, and to nothing else: rounding a sum of
/// activations is an add's business.
void Narrower::splitSums() {
  for (auto product : llvm::make_early_inc_range(body.getOps<MatmulOp>())) {
    if (!product.getInit() || product.getInit().getDefiningOp<GetGradOp>())
      continue;
    Value init = product.getInit();
    product.getInitMutable().clear();
    builder.setInsertionPointAfter(product);
    auto sum = AddOp::create(builder, product.getLoc(), product.getType(), init, product);
    sum->setDiscardableAttrs(product->getDiscardableAttrDictionary());
    product.getResult().replaceAllUsesExcept(sum, sum);
  }
}

void Narrower::castArguments() {
  builder.setInsertionPointToStart(&body);
  for (BlockArgument argument : body.getArguments()) {
    if (!isWideMatrix(argument.getType()) || argument.use_empty())
      continue;
    Value narrow = cast(argument.getLoc(), argument, element);
    argument.replaceAllUsesExcept(narrow, narrow.getDefiningOp());
  }
}

/// Gives an op its operands as it must have them: as f32 what leaves the function, in one type what
/// an op with one type for all reads.
void Narrower::castOperands(Operation &op) {
  Type wanted;
  if (wantsWide(&op))
    wanted = builder.getF32Type();
  else if (op.hasTrait<OpTrait::SameOperandsAndResultType>())
    wanted = getElementTypeOrSelf(op.getResult(0).getType());
  if (!wanted)
    return;
  builder.setInsertionPoint(&op);
  for (OpOperand &operand : op.getOpOperands()) {
    auto type = dyn_cast<RankedTensorType>(operand.get().getType());
    if (type && isa<FloatType>(type.getElementType()) && type.getElementType() != wanted)
      operand.set(cast(op.getLoc(), operand.get(), wanted));
  }
}

LogicalResult Narrower::run() {
  splitSums();
  castArguments();
  for (Operation &op : body)
    if (!isa<CastOp>(op) && failed(narrowResults(op)))
      return failure();
  for (Operation &op : llvm::make_early_inc_range(body))
    castOperands(op);
  return success();
}

namespace {

class SetPrecisionPass : public impl::SetPrecisionPassBase<SetPrecisionPass> {
public:
  using SetPrecisionPassBase::SetPrecisionPassBase;

  void runOnOperation() override {
    func::FuncOp func = getOperation();
    if (precision == Precision::Fp32 || func.isDeclaration())
      return;
    if (!func.getBody().hasOneBlock()) {
      func.emitOpError("expected a body of one block, found ") << func.getBody().getBlocks().size();
      return signalPassFailure();
    }
    Narrower narrower(func, BFloat16Type::get(&getContext()));
    if (failed(narrower.run()))
      return signalPassFailure();
    numNarrowed += narrower.numNarrowed;
    numCasts += narrower.numCasts;
  }
};

} // namespace
} // namespace swamla
