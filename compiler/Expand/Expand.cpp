//===- Expand.cpp - a model becomes parameters and functions --------------===//
#include "compiler/Expand/ModelInfo.h"
#include "compiler/Expand/Passes.h"
#include "compiler/Expand/ProgramBuilder.h"
#include "dialects/Swamla/IR/VerifyUtils.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace swamla {
#define GEN_PASS_DEF_EXPANDPASS
#include "compiler/Expand/Passes.h.inc"

namespace {
class ExpandPass : public impl::ExpandPassBase<ExpandPass> {
public:
  void runOnOperation() override;

private:
  FailureOr<ModelOp> findModel();
};

/// Makes the functions of one model.
class ModelExpander {
public:
  ModelExpander(ModelOp model, ModuleOp module, OpBuilder &builder)
      : model(model), module(module), b(builder), body(model.getBody().front()) {
    auto tokens = cast<RankedTensorType>(body.getArgument(0).getType());
    batch = tokens.getDimSize(0);
    seq = tokens.getDimSize(1);
  }

  /// @loss or @eval: tokens and targets to the mean cross-entropy.
  LogicalResult makeLoss(StringRef name, bool withDropout);
  LogicalResult makeLogits();

private:
  func::FuncOp makeFunction(StringRef name, ArrayRef<StringRef> arguments, int64_t rows,
                            RankedTensorType result, StringRef resultName);
  LogicalResult expandBlock(Operation &block, IRMapping &values, ProgramBuilder &program);
  Operation *firstOfHead();

  ModelOp model;
  ModuleOp module;
  OpBuilder &b;
  Block &body;
  int64_t batch, seq;
};
} // namespace

/// Appends a function of i32 vectors with `rows` elements to the module; its one block is empty.
func::FuncOp ModelExpander::makeFunction(StringRef name, ArrayRef<StringRef> arguments,
                                         int64_t rows, RankedTensorType result,
                                         StringRef resultName) {
  auto named = [&](StringRef text) {
    return b.getDictionaryAttr(b.getNamedAttr("swamla.name", b.getStringAttr(text)));
  };
  SmallVector<Type> types(arguments.size(), RankedTensorType::get({rows}, b.getI32Type()));
  auto function = func::FuncOp::create(b, model.getLoc(), name, b.getFunctionType(types, result));
  function.addEntryBlock();
  for (auto [i, argument] : llvm::enumerate(arguments))
    function.setArgAttrs(i, named(argument));
  function.setResultAttrs(0, named(resultName));
  return function;
}

LogicalResult ModelExpander::expandBlock(Operation &block, IRMapping &values,
                                         ProgramBuilder &program) {
  for (Value operand : block.getOperands())
    if (!values.contains(operand))
      return block.emitOpError() << "reads the targets, which @logits does not have; expected "
                                    "swamla.lm_loss alone to read them";
  auto mapped = [&](Value value) { return values.lookup(value); };
  Value result =
      llvm::TypeSwitch<Operation &, Value>(block)
          .Case([&](EmbeddingOp op) {
            program.enter("embed", op.getLoc());
            Value tokens = mapped(op.getTokens()), table = program.param(op.getName() + ".weight");
            auto type = RankedTensorType::get(
                {tensorType(tokens).getDimSize(0), tensorType(table).getDimSize(1)},
                b.getF32Type());
            Value x =
                EmbeddingLookupOp::create(program.builder(), op.getLoc(), type, tokens, table);
            return program.dropout(x, op.getDropoutAttr());
          })
          .Case([&](SwaBlockOp op) { return expandSwaBlock(op, mapped(op.getX()), program); })
          .Case([&](MlaBlockOp op) { return expandMlaBlock(op, mapped(op.getX()), program); })
          .Case([&](NormOp op) {
            program.enter("head", op.getLoc());
            return program.norm(op.getName(), mapped(op.getX()), op.getNorm());
          })
          .Default([](Operation &) { return Value(); });
  if (!result)
    return block.emitOpError() << "has no expansion; add one to compiler/Expand/Expand.cpp";
  values.map(block.getResult(0), result);
  return success();
}

LogicalResult ModelExpander::makeLoss(StringRef name, bool withDropout) {
  auto scalar = RankedTensorType::get({1}, b.getF32Type());
  func::FuncOp function = makeFunction(name, {"tokens", "targets"}, batch * seq, scalar, "loss");
  ProgramBuilder program(module, function, seq, withDropout);
  IRMapping values;
  values.map(body.getArguments(), function.getArguments());
  for (Operation &block : body.without_terminator())
    if (failed(expandBlock(block, values, program)))
      return failure();
  auto loss = cast<LmLossOp>(body.back());
  program.enter("head", loss.getLoc());
  Value weight = program.param(loss.getTied() + ".weight");
  Value result = LinearCrossEntropyOp::create(
      program.builder(), loss.getLoc(), scalar, values.lookup(loss.getX()), weight,
      values.lookup(loss.getTargets()), loss.getSmoothingAttr());
  OpBuilder end = OpBuilder::atBlockEnd(&function.getBody().front());
  func::ReturnOp::create(end, loss.getLoc(), result);
  return success();
}

/// The first of the norms that end the model, or the loss: from there on each row is a computation
/// of its own.
Operation *ModelExpander::firstOfHead() {
  Operation *first = &body.back();
  while (Operation *previous = first->getPrevNode()) {
    auto norm = dyn_cast<NormOp>(previous);
    if (!norm || !norm->hasOneUse() || *norm->user_begin() != first)
      break;
    first = previous;
  }
  return first;
}

LogicalResult ModelExpander::makeLogits() {
  auto loss = cast<LmLossOp>(body.back());
  auto type = RankedTensorType::get({1, static_cast<int64_t>(loss.getVocab())}, b.getF32Type());
  func::FuncOp function = makeFunction("logits", {"tokens"}, seq, type, "logits");
  ProgramBuilder program(module, function, seq, /*withDropout=*/false);
  IRMapping values;
  values.map(body.getArgument(0), function.getArgument(0));
  Operation *head = firstOfHead();
  for (Operation &block : body) {
    if (&block == head) {
      program.enter("head", block.getLoc());
      Value x = head->getOperand(0), rows = values.lookup(x);
      auto row = RankedTensorType::get({1, tensorType(rows).getDimSize(1)}, b.getF32Type());
      Value position = program.scalar("position", b.getI32Type());
      values.map(x, SelectRowOp::create(program.builder(), block.getLoc(), row, rows, position));
    }
    if (&block != loss.getOperation() && failed(expandBlock(block, values, program)))
      return failure();
  }
  program.enter("head", loss.getLoc());
  Value logits = program.linear(loss.getTied(), values.lookup(loss.getX()), /*bias=*/false);
  OpBuilder end = OpBuilder::atBlockEnd(&function.getBody().front());
  func::ReturnOp::create(end, loss.getLoc(), logits);
  return success();
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

/// Parameters before `model`, in the table's order.
static void declareParams(const std::vector<ParamSpec> &table, ModelOp model) {
  OpBuilder b(model);
  for (const ParamSpec &param : table) {
    auto type = RankedTensorType::get(param.shape, b.getF32Type());
    ParamOp::create(b, model.getLoc(), b.getStringAttr(param.name), TypeAttr::get(type),
                    b.getBoolAttr(param.initNormal), b.getF64FloatAttr(param.initValue),
                    param.decay ? b.getUnitAttr() : UnitAttr(), /*offset=*/IntegerAttr());
  }
}

FailureOr<ModelOp> ExpandPass::findModel() {
  ModuleOp module = getOperation();
  auto models = llvm::to_vector(module.getOps<ModelOp>());
  if (models.size() != 1)
    return module.emitError() << "expected one swamla.model, found " << models.size();
  ModelOp model = models.front();
  for (Operation &other : *module.getBody())
    if (&other != model.getOperation())
      return other.emitError() << "expected nothing beside the swamla.model, found '"
                               << other.getName() << "'";
  auto tokens = cast<RankedTensorType>(model.getBody().getArgument(0).getType());
  if (!tokens.hasStaticShape())
    return model.emitError() << "expected a static batch, found " << tokens
                             << "; run --swamla-specialize=batch=N first";
  return model;
}

void ExpandPass::runOnOperation() {
  FailureOr<ModelOp> model = findModel();
  if (failed(model))
    return signalPassFailure();
  FailureOr<std::vector<ParamSpec>> params = paramsOf(*model);
  if (failed(params))
    return signalPassFailure();
  ModuleOp module = getOperation();
  module->setAttr("swamla.model_info", modelInfo(*model, numElements(*params)));
  declareParams(*params, *model);
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  ModelExpander expander(*model, module, builder);
  if (failed(expander.makeLoss("loss", /*withDropout=*/true)) ||
      failed(expander.makeLoss("eval", /*withDropout=*/false)) || failed(expander.makeLogits()))
    return signalPassFailure();
  model->erase();
}

} // namespace swamla
