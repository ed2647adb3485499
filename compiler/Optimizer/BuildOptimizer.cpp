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
constexpr llvm::StringLiteral castName = "cast";

/// Elements [begin, end) of the flat buffers.
struct FlatRange {
  int64_t begin, end;
  bool hasWorkingCopy = false; ///< a function reads parameters of the range as bf16
  RankedTensorType type(Type element) const {
    return RankedTensorType::get({(end - begin) / flatRowWidth, flatRowWidth}, element);
  }
};

/// Emits the bodies of @apply and @cast.
class ApplyBuilder {
public:
  ApplyBuilder(OpBuilder &builder, Location loc, OptimizerKind kind, bool keepGrads)
      : builder(builder), loc(loc), kind(kind), keepGrads(keepGrads),
        numberType(RankedTensorType::get({1}, builder.getF32Type())) {}

  /// Computes the norm of all gradients, and the factor that every gradient is multiplied by.
  ClipFactorOp buildClip(FlatRange all);
  void buildUpdate(FlatRange range, bool decay, Value factor);
  /// Rounds a range of parameters to its working copy.
  void buildCast(FlatRange range);

private:
  template <typename OpTy, typename... Args> OpTy create(Args &&...args) {
    auto op = OpTy::create(builder, loc, std::forward<Args>(args)...);
    op->setAttr("scope", builder.getStringAttr("optimizer"));
    return op;
  }

  Value castToWorking(FlatRange range, Value params) {
    return create<CastOp>(range.type(builder.getBF16Type()), params);
  }

  Value scalar(StringRef name) { return create<ScalarOp>(numberType, name); }
  Value get(StringRef buffer, FlatRange range) {
    return create<GetFlatOp>(range.type(builder.getF32Type()), buffer, range.begin);
  }

  OpBuilder &builder;
  Location loc;
  OptimizerKind kind;
  bool keepGrads;
  RankedTensorType numberType;
};

} // namespace

ClipFactorOp ApplyBuilder::buildClip(FlatRange all) {
  Value grads = get("grads", all);
  auto rowsType =
      RankedTensorType::get({all.type(builder.getF32Type()).getDimSize(0)}, builder.getF32Type());
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
    Type type = range.type(builder.getF32Type());
    updated = create<AdamwOp>(type, keepGrads ? Type() : type, type, type, state[0], state[1],
                              state[2], state[3], scalars, decay)
                  ->getResults();
    break;
  }
  case OptimizerKind::Lion: {
    buffers.append({"lion.m"});
    addScalars({"lr", "beta1", "beta2", "weight_decay"});
    readState();
    Type type = range.type(builder.getF32Type());
    updated = create<LionOp>(type, keepGrads ? Type() : type, type, state[0], state[1], state[2],
                             scalars, decay)
                  ->getResults();
    break;
  }
  }
  // Before the stores: next to the update, so that the two become one op.
  Value working = range.hasWorkingCopy ? castToWorking(range, updated[0]) : Value();
  if (keepGrads)
    buffers.erase(buffers.begin() + 1);
  for (auto [buffer, value] : llvm::zip_equal(buffers, updated))
    create<SetFlatOp>(buffer, range.begin, value);
  if (working)
    create<SetFlatOp>(kWorkingBuffer, range.begin, working);
}

void ApplyBuilder::buildCast(FlatRange range) {
  create<SetFlatOp>(kWorkingBuffer, range.begin, castToWorking(range, get("params", range)));
}

namespace {

class BuildOptimizerPass : public impl::BuildOptimizerPassBase<BuildOptimizerPass> {
public:
  using BuildOptimizerPassBase::BuildOptimizerPassBase;

  void runOnOperation() override {
    FlatRange decayed{}, others{};
    if (failed(findRanges(decayed, others)) || failed(checkName(applyName)) ||
        failed(checkName(castName)))
      return signalPassFailure();
    findWorkingCopies(decayed, others);
    build(decayed, others);
    getOperation()->setAttr(optimizerAttr,
                            StringAttr::get(&getContext(), stringifyOptimizerKind(kind)));
  }

private:
  LogicalResult findRanges(FlatRange &decayed, FlatRange &others);
  LogicalResult checkName(StringRef name);
  void findWorkingCopies(FlatRange &decayed, FlatRange &others);
  void build(FlatRange decayed, FlatRange others);
  void buildCast(ArrayRef<FlatRange> ranges);
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

LogicalResult BuildOptimizerPass::checkName(StringRef name) {
  Operation *other = SymbolTable::lookupSymbolIn(getOperation(), name);
  if (!other)
    return success();
  InFlightDiagnostic error = getOperation().emitError("cannot build @")
                             << name << ": the module has one already";
  error.attachNote(other->getLoc()) << "see here";
  return error;
}

/// A get_param with bf16 elements reads the working copy.
void BuildOptimizerPass::findWorkingCopies(FlatRange &decayed, FlatRange &others) {
  SymbolTable symbols(getOperation());
  getOperation().walk([&](GetParamOp get) {
    if (!cast<RankedTensorType>(get.getType()).getElementType().isBF16())
      return;
    Operation *symbol = symbols.lookup(get.getParam());
    auto group = dyn_cast<ParamGroupOp>(symbol);
    std::optional<uint64_t> offset = group ? group.getOffset() : cast<ParamOp>(symbol).getOffset();
    bool decays = static_cast<int64_t>(offset.value_or(0)) < decayed.end;
    (decays ? decayed : others).hasWorkingCopy = true;
  });
}

/// The runtime runs @cast when it has set parameters itself.
void BuildOptimizerPass::buildCast(ArrayRef<FlatRange> ranges) {
  if (llvm::none_of(ranges, [](FlatRange range) { return range.hasWorkingCopy; }))
    return;
  OpBuilder builder = OpBuilder::atBlockEnd(getOperation().getBody());
  Location loc = getOperation().getLoc();
  auto func = func::FuncOp::create(builder, loc, castName, builder.getFunctionType({}, {}));
  builder.setInsertionPointToEnd(func.addEntryBlock());
  ApplyBuilder cast(builder, loc, kind, keepGrads);
  for (FlatRange range : ranges)
    if (range.hasWorkingCopy)
      cast.buildCast(range);
  func::ReturnOp::create(builder, loc);
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

  ApplyBuilder apply(builder, loc, kind, keepGrads);
  ClipFactorOp clip = apply.buildClip({0, others.end});
  for (auto [range, decay] : {std::pair(decayed, true), std::pair(others, false)})
    if (range.begin < range.end)
      apply.buildUpdate(range, decay, clip.getFactor());
  func::ReturnOp::create(builder, loc, clip.getNorm());
  buildCast({decayed, others});
}

} // namespace swamla
