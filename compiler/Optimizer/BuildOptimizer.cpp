//===- BuildOptimizer.cpp - @apply: norm, clip, update --------------------===//
#include "compiler/Optimizer/ApplyBuilder.h"
#include "compiler/Optimizer/FlatRanges.h"
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

StringRef stringify(OptimizerState state) {
  switch (state) {
  case OptimizerState::Fp32:
    return "fp32";
  case OptimizerState::Bf16:
    return "bf16";
  case OptimizerState::Fp8:
    return "fp8";
  case OptimizerState::Int8:
    return "int8";
  case OptimizerState::Int4:
    return "int4";
  }
  llvm_unreachable("unknown format");
}

namespace {

constexpr llvm::StringLiteral applyName = "apply";
constexpr llvm::StringLiteral castName = "cast";

class BuildOptimizerPass : public impl::BuildOptimizerPassBase<BuildOptimizerPass> {
public:
  using BuildOptimizerPassBase::BuildOptimizerPassBase;

  void runOnOperation() override {
    FailureOr<SmallVector<FlatRange>> ranges = findFlatRanges(getOperation());
    if (failed(ranges) || failed(checkName(applyName)) || failed(checkName(castName)))
      return signalPassFailure();
    FailureOr<std::optional<ScalingState>> scaling = ScalingState::readFrom(getOperation());
    if (failed(scaling))
      return signalPassFailure();
    SmallVector<QuantizedWeight> weights;
    if (*scaling) {
      FailureOr<SmallVector<QuantizedWeight>> found = findQuantizedWeights(getOperation());
      if (failed(found))
        return signalPassFailure();
      weights = std::move(*found);
      // States in blocks have rows of their own; --swamla-build-scaling then makes the fp8 copies.
      if (state == OptimizerState::Fp32)
        *ranges = cutAtWeights(getOperation(), *ranges, weights);
    }
    buildApply(*ranges, *scaling, weights);
    buildCast(*ranges);
    Builder builder(&getContext());
    getOperation()->setAttr(optimizerAttr, builder.getStringAttr(stringifyOptimizerKind(kind)));
    if (state != OptimizerState::Fp32)
      getOperation()->setAttr(optimizerStateAttr, builder.getStringAttr(stringify(state)));
  }

private:
  OptimizerConfig config() const { return {kind, state, keepGrads}; }
  LogicalResult checkName(StringRef name);
  void buildApply(ArrayRef<FlatRange> ranges, const std::optional<ScalingState> &scaling,
                  ArrayRef<QuantizedWeight> weights);
  void buildCast(ArrayRef<FlatRange> ranges);
};

} // namespace

LogicalResult BuildOptimizerPass::checkName(StringRef name) {
  Operation *other = SymbolTable::lookupSymbolIn(getOperation(), name);
  if (!other)
    return success();
  InFlightDiagnostic error = getOperation().emitError("cannot build @")
                             << name << ": the module has one already";
  error.attachNote(other->getLoc()) << "see here";
  return error;
}

/// The runtime runs @cast when it has set parameters itself.
void BuildOptimizerPass::buildCast(ArrayRef<FlatRange> ranges) {
  if (llvm::none_of(ranges, [](const FlatRange &range) { return range.hasWorkingCopy; }))
    return;
  OpBuilder builder = OpBuilder::atBlockEnd(getOperation().getBody());
  Location loc = getOperation().getLoc();
  auto func = func::FuncOp::create(builder, loc, castName, builder.getFunctionType({}, {}));
  builder.setInsertionPointToEnd(func.addEntryBlock());
  ApplyBuilder cast(builder, loc, config());
  for (const FlatRange &range : ranges)
    if (range.hasWorkingCopy)
      cast.buildCast(range);
  func::ReturnOp::create(builder, loc);
}

void BuildOptimizerPass::buildApply(ArrayRef<FlatRange> ranges,
                                    const std::optional<ScalingState> &scaling,
                                    ArrayRef<QuantizedWeight> weights) {
  OpBuilder builder = OpBuilder::atBlockEnd(getOperation().getBody());
  Location loc = getOperation().getLoc();
  ApplyBuilder apply(builder, loc, config());
  std::optional<WeightCopier> copier;
  if (scaling) {
    copier.emplace(builder, loc, *scaling);
    apply.setCopier(&*copier, weights);
  }
  SmallVector<FlatRange> updates;
  for (const FlatRange &range : ranges)
    updates.push_back(scaling && state == OptimizerState::Fp32
                          ? range
                          : range.withCols(StateBuffers::blockOf(state)));
  int64_t total = getOperation()->getAttrOfType<IntegerAttr>(flatTotalAttr).getInt();
  FlatRange all{0, total / flatRowWidth, flatRowWidth};
  apply.declareStates(all.elements(), numberBlocks(updates));

  auto normType = RankedTensorType::get({1}, builder.getF32Type());
  auto func =
      func::FuncOp::create(builder, loc, applyName, builder.getFunctionType({}, {normType}));
  func.setResultAttr(0, "swamla.name", builder.getStringAttr("grad_norm"));
  builder.setInsertionPointToEnd(func.addEntryBlock());
  ClipFactorOp clip = apply.buildClip(all);
  for (const FlatRange &range : updates)
    apply.buildUpdate(range, clip);
  func::ReturnOp::create(builder, loc, clip.getNorm());
}

} // namespace swamla
