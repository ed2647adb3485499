//===- LayoutParams.cpp - places of parameters in the flat buffers --------===//
#include "compiler/Optimizer/Passes.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace swamla {

#define GEN_PASS_DEF_LAYOUTPARAMSPASS
#include "compiler/Optimizer/Passes.h.inc"

namespace {

/// Where a parameter or group may start, in elements: 256 bytes of f32.
constexpr int64_t paramAlignment = 64;

class Layout {
public:
  explicit Layout(ModuleOp module) : module(module), builder(module.getContext()) {}
  LogicalResult run();

private:
  LogicalResult findGroups();
  /// Places all parameters that have decay, or all that have none.
  void placeRange(bool decay);
  void place(ParamOp param);
  void placeGroup(ParamGroupOp group);

  ModuleOp module;
  Builder builder;
  llvm::StringMap<ParamOp> params;
  llvm::DenseMap<Operation *, ParamGroupOp> groupOf; ///< of a ParamOp
  int64_t end = 0;                                   ///< of what has been placed
};

} // namespace

LogicalResult Layout::findGroups() {
  for (auto param : module.getOps<ParamOp>())
    params[param.getSymName()] = param;
  for (auto group : module.getOps<ParamGroupOp>())
    for (auto member : group.getMembers().getAsRange<FlatSymbolRefAttr>()) {
      ParamOp param = params.lookup(member.getValue());
      if (!param)
        return group.emitOpError()
               << "has the member " << member << ", which is not a swamla.param of this module";
      auto [entry, isNew] = groupOf.try_emplace(param, group);
      if (isNew)
        continue;
      InFlightDiagnostic error =
          group.emitOpError() << "has the member " << member
                              << ", which is in another group already; a parameter can lie in one"
                                 " place only";
      error.attachNote(entry->second.getLoc()) << "the other group";
      return error;
    }
  return success();
}

void Layout::place(ParamOp param) {
  param.setOffset(end);
  end += cast<RankedTensorType>(param.getType()).getNumElements();
}

void Layout::placeGroup(ParamGroupOp group) {
  if (group.getOffset() && static_cast<int64_t>(*group.getOffset()) == end)
    return;
  group.setOffset(end);
  for (auto member : group.getMembers().getAsRange<FlatSymbolRefAttr>())
    place(params.lookup(member.getValue()));
}

void Layout::placeRange(bool decay) {
  for (auto param : module.getOps<ParamOp>()) {
    if (param.getDecay() != decay || param.getOffset())
      continue; // a group's members are all placed with the first
    end = llvm::alignTo(end, paramAlignment);
    if (ParamGroupOp group = groupOf.lookup(param))
      placeGroup(group);
    else
      place(param);
  }
  end = llvm::alignTo(end, flatRowWidth);
}

LogicalResult Layout::run() {
  if (failed(findGroups()))
    return failure();
  // Offsets of an earlier layout do not bind this one.
  for (auto param : module.getOps<ParamOp>())
    param.removeOffsetAttr();
  for (auto group : module.getOps<ParamGroupOp>())
    group.removeOffsetAttr();
  placeRange(/*decay=*/true);
  module->setAttr(flatDecayAttr, builder.getI64IntegerAttr(end));
  placeRange(/*decay=*/false);
  module->setAttr(flatTotalAttr, builder.getI64IntegerAttr(end));
  return success();
}

namespace {

class LayoutParamsPass : public impl::LayoutParamsPassBase<LayoutParamsPass> {
public:
  using LayoutParamsPassBase::LayoutParamsPassBase;

  void runOnOperation() override {
    if (failed(Layout(getOperation()).run()))
      signalPassFailure();
  }
};

} // namespace
} // namespace swamla
