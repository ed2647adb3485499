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
    buildApply(*ranges);
    buildCast(*ranges);
    getOperation()->setAttr(optimizerAttr,
                            StringAttr::get(&getContext(), stringifyOptimizerKind(kind)));
  }

private:
  LogicalResult checkName(StringRef name);
  void buildApply(ArrayRef<FlatRange> ranges);
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
  ApplyBuilder cast(builder, loc, kind, keepGrads);
  for (const FlatRange &range : ranges)
    if (range.hasWorkingCopy)
      cast.buildCast(range);
  func::ReturnOp::create(builder, loc);
}

void BuildOptimizerPass::buildApply(ArrayRef<FlatRange> ranges) {
  OpBuilder builder = OpBuilder::atBlockEnd(getOperation().getBody());
  Location loc = getOperation().getLoc();
  auto normType = RankedTensorType::get({1}, builder.getF32Type());
  auto func =
      func::FuncOp::create(builder, loc, applyName, builder.getFunctionType({}, {normType}));
  func.setResultAttr(0, "swamla.name", builder.getStringAttr("grad_norm"));
  builder.setInsertionPointToEnd(func.addEntryBlock());

  ApplyBuilder apply(builder, loc, kind, keepGrads);
  FlatRange all{0, ranges.back().end() / flatRowWidth, flatRowWidth};
  ClipFactorOp clip = apply.buildClip(all);
  for (const FlatRange &range : ranges)
    apply.buildUpdate(range, clip);
  func::ReturnOp::create(builder, loc, clip.getNorm());
}

} // namespace swamla
