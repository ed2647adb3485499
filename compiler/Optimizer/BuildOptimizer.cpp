//===- BuildOptimizer.cpp - @apply: norm, clip, update --------------------===//
#include "compiler/Optimizer/Passes.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;

namespace swamla {

#define GEN_PASS_DEF_BUILDOPTIMIZERPASS
#include "compiler/Optimizer/Passes.h.inc"

StringRef stringifyOptimizerKind(OptimizerKind kind) {
  switch (kind) {
  case OptimizerKind::Adamw:
    return "adamw";
  case OptimizerKind::Lion:
    return "lion";
  }
  llvm_unreachable("unknown optimizer");
}

namespace {

constexpr llvm::StringLiteral applyName = "apply";

/// Elements [begin, end) of the flat buffers.
struct FlatRange {
  int64_t begin, end;
  RankedTensorType type(Builder &builder) const {
    return RankedTensorType::get({(end - begin) / flatRowWidth, flatRowWidth},
                                 builder.getF32Type());
  }
};

/// Emits the body of @apply.
class ApplyBuilder {
public:
  ApplyBuilder(OpBuilder &builder, Location loc, OptimizerKind kind)
      : builder(builder), loc(loc), kind(kind),
        numberType(RankedTensorType::get({1}, builder.getF32Type())) {}

  /// Computes the norm of all gradients, and the factor that every gradient is multiplied by.
  ClipFactorOp buildClip(FlatRange all);
  void buildUpdate(FlatRange range, bool decay, Value factor);

private:
  template <typename OpTy, typename... Args> OpTy create(Args &&...args) {
    auto op = OpTy::create(builder, loc, std::forward<Args>(args)...);
    op->setAttr("scope", builder.getStringAttr("optimizer"));
    return op;
  }

  Value scalar(StringRef name) { return create<ScalarOp>(numberType, name); }
  Value get(StringRef buffer, FlatRange range) {
    return create<GetFlatOp>(range.type(builder), buffer, range.begin);
  }

  OpBuilder &builder;
  Location loc;
  OptimizerKind kind;
  RankedTensorType numberType;
};

} // namespace

ClipFactorOp ApplyBuilder::buildClip(FlatRange all) {
  Value grads = get("grads", all);
  auto rowsType = RankedTensorType::get({all.type(builder).getDimSize(0)}, builder.getF32Type());
  Value rows = create<SquareSumOp>(rowsType, grads);
  Value sum = create<SumOp>(numberType, rows);
  return create<ClipFactorOp>(numberType, numberType, sum, scalar("grad_scale"), scalar("clip"));
}

void ApplyBuilder::buildUpdate(FlatRange range, bool decay, Value factor) {
  SmallVector<StringRef> buffers{"params", "grads"};
  SmallVector<Value> scalars{factor};
  auto addScalars = [&](ArrayRef<StringRef> names) {
    for (StringRef name : names)
      scalars.push_back(scalar(name));
  };
  SmallVector<Value> state;
  auto readState = [&] {
    for (StringRef buffer : buffers)
      state.push_back(get(buffer, range));
  };
  ValueRange updated;
  switch (kind) {
  case OptimizerKind::Adamw: {
    buffers.append({"adamw.m", "adamw.v"});
    addScalars(
        {"lr", "beta1", "beta2", "eps", "weight_decay", "bias_correction1", "bias_correction2"});
    readState();
    Type type = range.type(builder);
    updated = create<AdamwOp>(type, type, type, type, state[0], state[1], state[2], state[3],
                              scalars, decay)
                  ->getResults();
    break;
  }
  case OptimizerKind::Lion: {
    buffers.append({"lion.m"});
    addScalars({"lr", "beta1", "beta2", "weight_decay"});
    readState();
    Type type = range.type(builder);
    updated = create<LionOp>(type, type, type, state[0], state[1], state[2], scalars, decay)
                  ->getResults();
    break;
  }
  }
  for (auto [buffer, value] : llvm::zip_equal(buffers, updated))
    create<SetFlatOp>(buffer, range.begin, value);
}

namespace {

class BuildOptimizerPass : public impl::BuildOptimizerPassBase<BuildOptimizerPass> {
public:
  using BuildOptimizerPassBase::BuildOptimizerPassBase;

  void runOnOperation() override {
    FlatRange decayed{}, others{};
    if (failed(findRanges(decayed, others)) || failed(checkName()))
      return signalPassFailure();
    build(decayed, others);
    getOperation()->setAttr(optimizerAttr,
                            StringAttr::get(&getContext(), stringifyOptimizerKind(kind)));
  }

private:
  LogicalResult findRanges(FlatRange &decayed, FlatRange &others);
  LogicalResult checkName();
  void build(FlatRange decayed, FlatRange others);
};

} // namespace

LogicalResult BuildOptimizerPass::findRanges(FlatRange &decayed, FlatRange &others) {
  ModuleOp module = getOperation();
  auto decay = module->getAttrOfType<IntegerAttr>(flatDecayAttr);
  auto total = module->getAttrOfType<IntegerAttr>(flatTotalAttr);
  if (!decay || !total)
    return module.emitError("expected the module attributes ")
           << flatDecayAttr << " and " << flatTotalAttr
           << ", found no layout; run swamla-layout-params before swamla-build-optimizer";
  decayed = {0, decay.getInt()};
  others = {decay.getInt(), total.getInt()};
  bool isLayout = 0 <= decayed.end && decayed.end <= others.end &&
                  decayed.end % flatRowWidth == 0 && others.end % flatRowWidth == 0;
  if (!isLayout)
    return module.emitError("expected ")
           << flatDecayAttr << " <= " << flatTotalAttr << ", both multiples of " << flatRowWidth
           << ", found " << decayed.end << " and " << others.end;
  if (others.end == 0)
    return module.emitError("has no parameters: there is nothing to optimize");
  return success();
}

LogicalResult BuildOptimizerPass::checkName() {
  Operation *other = SymbolTable::lookupSymbolIn(getOperation(), applyName);
  if (!other)
    return success();
  InFlightDiagnostic error = getOperation().emitError("cannot build @")
                             << applyName << ": the module has one already";
  error.attachNote(other->getLoc()) << "see here";
  return error;
}

void BuildOptimizerPass::build(FlatRange decayed, FlatRange others) {
  ModuleOp module = getOperation();
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  Location loc = module.getLoc();
  auto normType = RankedTensorType::get({1}, builder.getF32Type());
  auto func =
      func::FuncOp::create(builder, loc, applyName, builder.getFunctionType({}, {normType}));
  func.setResultAttr(0, "swamla.name", builder.getStringAttr("grad_norm"));
  builder.setInsertionPointToEnd(func.addEntryBlock());

  ApplyBuilder apply(builder, loc, kind);
  ClipFactorOp clip = apply.buildClip({0, others.end});
  for (auto [range, decay] : {std::pair(decayed, true), std::pair(others, false)})
    if (range.begin < range.end)
      apply.buildUpdate(range, decay, clip.getFactor());
  func::ReturnOp::create(builder, loc, clip.getNorm());
}

} // namespace swamla
