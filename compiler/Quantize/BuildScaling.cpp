//===- BuildScaling.cpp - the programs that make scales and fp8 weights ---===//
#include "compiler/Fuse/FusedSpec.h"
#include "compiler/Quantize/Passes.h"
#include "compiler/Quantize/WeightCopies.h"
#include "dialects/Swamla/IR/FlatLayout.h"

using namespace mlir;

namespace swamla {

#define GEN_PASS_DEF_BUILDSCALINGPASS
#include "compiler/Quantize/Passes.h.inc"

namespace {

class ScalingBuilder {
public:
  ScalingBuilder(ModuleOp module, const ScalingState &state, ArrayRef<QuantizedWeight> weights)
      : module(module), state(state), weights(weights), builder(module.getContext()) {}

  /// Scales before the update, copies after it.
  LogicalResult extendApply();
  /// @cast: scaling state and copies from the parameters as they are.
  void extendCast();
  /// @recast: copies from parameters and scaling state as a checkpoint has them.
  void buildRecast();
  /// @calibrate: scales from what a micro step has seen, whose gradients are dropped.
  LogicalResult buildCalibrate();

private:
  WeightCopier copier() { return {builder, module.getLoc(), state}; }
  /// Begins a function that ends here, or goes on before the end of one that is there.
  void enter(StringRef name);
  /// A buffer's range as zeros.
  Value zeros(Value range, StringRef label);
  LogicalResult clearGradients();

  ModuleOp module;
  const ScalingState &state;
  ArrayRef<QuantizedWeight> weights;
  OpBuilder builder;
};

} // namespace

void ScalingBuilder::enter(StringRef name) {
  auto func = module.lookupSymbol<func::FuncOp>(name);
  if (!func) {
    builder.setInsertionPointToEnd(module.getBody());
    func = func::FuncOp::create(builder, module.getLoc(), name, builder.getFunctionType({}, {}));
    builder.setInsertionPointToEnd(func.addEntryBlock());
    func::ReturnOp::create(builder, module.getLoc());
  }
  builder.setInsertionPoint(func.getBody().front().getTerminator());
}

/// Whether the update of a weight makes its copies, too.
static bool isCopiedIn(func::FuncOp apply, const QuantizedWeight &weight) {
  return llvm::any_of(apply.getOps<SetFlatOp>(), [&](SetFlatOp set) {
    bool isCopy = set.getBuffer() == kF8WorkingBuffer || set.getBuffer() == kF8TransposedBuffer;
    return isCopy && static_cast<int64_t>(set.getOffset()) == weight.offset;
  });
}

LogicalResult ScalingBuilder::extendApply() {
  auto apply = module.lookupSymbol<func::FuncOp>("apply");
  if (!apply)
    return module.emitError("has fp8 products and no function @apply; run "
                            "--swamla-build-optimizer before --swamla-build-scaling");
  builder.setInsertionPointToStart(&apply.getBody().front());
  copier().updateScales();
  enter("apply");
  for (const QuantizedWeight &weight : weights) {
    WeightCopier copier = this->copier();
    if (!isCopiedIn(apply, weight))
      copier.copy(weight, copier.read(weight));
  }
  return success();
}

void ScalingBuilder::extendCast() {
  enter("cast");
  WeightCopier copier = this->copier();
  copier.forget([&](Value range) { return zeros(range, "forget_scales"); });
  for (const QuantizedWeight &weight : weights)
    copier.storeAmax(weight, copier.read(weight));
  copier.updateScales();
  for (const QuantizedWeight &weight : weights)
    copier.copy(weight, copier.read(weight));
}

void ScalingBuilder::buildRecast() {
  enter("recast");
  for (const QuantizedWeight &weight : weights) {
    WeightCopier copier = this->copier();
    copier.copy(weight, copier.read(weight));
  }
}

Value ScalingBuilder::zeros(Value range, StringRef label) {
  FusedSpec spec;
  spec.domain = SmallVector<int64_t>(cast<RankedTensorType>(range.getType()).getShape());
  spec.addOut(range, AffineMap::getMultiDimIdentityMap(2, module.getContext()));
  spec.label = builder.getStringAttr("optimizer." + label);
  FusedOp fused = createFused(builder, module.getLoc(), spec, [&](OpBuilder &inner, ValueRange) {
    return SmallVector<Value>{
        arith::ConstantOp::create(inner, module.getLoc(), inner.getF32FloatAttr(0.0F))};
  });
  return fused->getResult(0);
}

LogicalResult ScalingBuilder::clearGradients() {
  auto total = module->getAttrOfType<IntegerAttr>(flatTotalAttr);
  if (!total)
    return module.emitError("expected the module attribute swamla.flat_total, found no layout; "
                            "run --swamla-layout-params before --swamla-build-scaling");
  auto type =
      RankedTensorType::get({total.getInt() / flatRowWidth, flatRowWidth}, builder.getF32Type());
  Value grads = GetFlatOp::create(builder, module.getLoc(), type, kGradsBuffer, 0);
  SetFlatOp::create(builder, module.getLoc(), kGradsBuffer, 0, zeros(grads, "clear_gradients"));
  return success();
}

LogicalResult ScalingBuilder::buildCalibrate() {
  enter("calibrate");
  copier().updateScales();
  return clearGradients();
}

namespace {

class BuildScalingPass : public impl::BuildScalingPassBase<BuildScalingPass> {
public:
  using BuildScalingPassBase::BuildScalingPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    FailureOr<std::optional<ScalingState>> state = ScalingState::readFrom(module);
    if (failed(state))
      return signalPassFailure();
    if (!*state)
      return;
    FailureOr<SmallVector<QuantizedWeight>> weights = findQuantizedWeights(module);
    if (failed(weights))
      return signalPassFailure();
    ScalingBuilder builder(module, **state, *weights);
    if (failed(builder.extendApply()))
      return signalPassFailure();
    builder.extendCast();
    if ((*state)->recipe != Recipe::Rowwise)
      builder.buildRecast();
    if ((*state)->recipe == Recipe::Delayed && failed(builder.buildCalibrate()))
      return signalPassFailure();
  }
};

} // namespace
} // namespace swamla
