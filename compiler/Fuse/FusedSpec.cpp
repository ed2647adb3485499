//===- FusedSpec.cpp - building and asking swamla.fused -------------------===//
#include "compiler/Fuse/FusedSpec.h"

#include "mlir/IR/AffineExpr.h"

using namespace mlir;

namespace swamla {

unsigned FusedSpec::addIn(Value value, AffineMap map, int64_t source) {
  for (unsigned i = 0; i < ins.size(); ++i)
    if (ins[i] == value && inMaps[i] == map && gather[i] == source)
      return i;
  ins.push_back(value);
  inMaps.push_back(map);
  gather.push_back(source);
  return ins.size() - 1;
}

void FusedSpec::addOut(Value init, AffineMap map) {
  outs.push_back(init);
  outMaps.push_back(map);
}

FusedOp createFused(OpBuilder &builder, Location loc, const FusedSpec &spec,
                    function_ref<SmallVector<Value>(OpBuilder &, ValueRange)> body) {
  SmallVector<AffineMap> maps(spec.inMaps);
  llvm::append_range(maps, spec.outMaps);
  bool gathers = llvm::any_of(spec.gather, [](int64_t source) { return source >= 0; });
  auto op = FusedOp::create(
      builder, loc, TypeRange(ValueRange(spec.outs)), spec.ins, spec.outs,
      builder.getDenseI64ArrayAttr(spec.domain), builder.getI64IntegerAttr(spec.rowDims),
      builder.getAffineMapArrayAttr(maps),
      gathers ? builder.getDenseI64ArrayAttr(spec.gather) : DenseI64ArrayAttr(), spec.label);

  OpBuilder::InsertionGuard guard(builder);
  Block *block = builder.createBlock(&op.getBody());
  for (Value operand : op->getOperands())
    block->addArgument(cast<RankedTensorType>(operand.getType()).getElementType(), loc);
  YieldOp::create(builder, loc, body(builder, block->getArguments()));
  return op;
}

bool isColumnReduction(AffineMap map, unsigned rowDims) {
  bool groups = false;
  for (AffineExpr result : map.getResults())
    result.walk([&](AffineExpr e) { groups |= e.getKind() == AffineExprKind::FloorDiv; });
  if (groups)
    return true;
  for (unsigned d = 0; d < rowDims; ++d)
    if (!map.isFunctionOfDim(d))
      return true;
  return false;
}

bool isFresh(Value init) { return init.getDefiningOp<tensor::EmptyOp>() != nullptr; }

bool isConstant(FusedOp op) { return op.getIns().empty() && llvm::all_of(op.getOuts(), isFresh); }

bool isInBackward(Operation *op) { return op->hasAttr(backwardAttr) || op->hasAttr(recomputeAttr); }

} // namespace swamla
