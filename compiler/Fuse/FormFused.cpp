//===- FormFused.cpp - row-wise primitives become swamla.fused ------------===//
#include "compiler/Fuse/FusedSpec.h"
#include "compiler/Fuse/Passes.h"

using namespace mlir;

namespace swamla {

#define GEN_PASS_DEF_FORMFUSEDPASS
#include "compiler/Fuse/Passes.h.inc"

namespace {

/// "h.0.attn" and swamla.rms_norm: "h.0.attn.rms_norm".
StringAttr labelOf(Operation *op) {
  StringRef name = op->getName().stripDialect();
  auto scope = op->getAttrOfType<StringAttr>(scopeAttr);
  if (!scope)
    return StringAttr::get(op->getContext(), name);
  return StringAttr::get(op->getContext(), scope.getValue() + "." + name);
}

FusedSpec specOf(OpBuilder &builder, Operation *op, const RowwiseDomain &domain) {
  FusedSpec spec;
  spec.domain.assign(domain.extents.begin(), domain.extents.end());
  spec.rowDims = domain.rowDims;
  for (auto [operand, map, source] : llvm::zip_equal(domain.ins, domain.inMaps, domain.gather)) {
    spec.ins.push_back(op->getOperand(operand));
    spec.inMaps.push_back(map);
    spec.gather.push_back(source);
  }
  for (auto [result, map, init] :
       llvm::zip_equal(op->getResults(), domain.outMaps, domain.outInits)) {
    auto type = cast<RankedTensorType>(result.getType());
    spec.addOut(init >= 0 ? op->getOperand(init)
                          : tensor::EmptyOp::create(builder, op->getLoc(), type.getShape(),
                                                    type.getElementType())
                                .getResult(),
                map);
  }
  spec.label = labelOf(op);
  return spec;
}

void formFused(RowwiseOpInterface rowwise) {
  Operation *op = rowwise;
  OpBuilder builder(op);
  FusedSpec spec = specOf(builder, op, rowwise.getRowwiseDomain());
  FusedOp fused = createFused(builder, op->getLoc(), spec, [&](OpBuilder &inner, ValueRange args) {
    return rowwise.buildRowwiseBody(inner, args);
  });
  fused->setDiscardableAttrs(op->getDiscardableAttrDictionary());
  if (op->hasTrait<SetupTime>())
    fused->setAttr(setupAttr, builder.getUnitAttr());
  op->replaceAllUsesWith(fused);
  op->erase();
}

/// A tensor of one value, such as the zeros that a gradient rule makes for a part that nobody uses,
/// is a table like any other: computed once, at load.
void formSplat(arith::ConstantOp op) {
  auto value = dyn_cast<SplatElementsAttr>(op.getValue());
  auto type = dyn_cast<RankedTensorType>(op.getType());
  if (!value || !type || type.getRank() == 0)
    return;
  OpBuilder builder(op);
  FusedSpec spec;
  spec.domain.assign(type.getShape().begin(), type.getShape().end());
  if (type.getRank() == 1)
    spec.domain.push_back(1); // a vector's elements are rows of one column
  spec.rowDims = spec.domain.size() - 1;
  spec.addOut(tensor::EmptyOp::create(builder, op.getLoc(), type.getShape(), type.getElementType()),
              AffineMap::getMultiDimIdentityMap(spec.domain.size(), op.getContext())
                  .getMajorSubMap(type.getRank()));
  spec.label = labelOf(op);
  FusedOp fused = createFused(builder, op.getLoc(), spec, [&](OpBuilder &inner, ValueRange) {
    auto element = value.getSplatValue<TypedAttr>();
    return SmallVector<Value>{arith::ConstantOp::create(inner, op.getLoc(), element)};
  });
  fused->setDiscardableAttrs(op->getDiscardableAttrDictionary());
  fused->setAttr(setupAttr, builder.getUnitAttr());
  op->replaceAllUsesWith(fused);
  op->erase();
}

class FormFusedPass : public impl::FormFusedPassBase<FormFusedPass> {
public:
  using FormFusedPassBase::FormFusedPassBase;

  void runOnOperation() override {
    SmallVector<RowwiseOpInterface> ops;
    getOperation().walk([&](RowwiseOpInterface op) { ops.push_back(op); });
    for (RowwiseOpInterface op : ops)
      formFused(op);
    for (auto op : llvm::make_early_inc_range(getOperation().getOps<arith::ConstantOp>()))
      formSplat(op);
  }
};

} // namespace
} // namespace swamla
