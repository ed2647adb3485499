//===- SplitReductions.cpp - reductions over rows in two steps ------------===//
#include "compiler/Fuse/FusedSpec.h"
#include "compiler/Fuse/Passes.h"

#include "mlir/IR/AffineExpr.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace swamla {

#define GEN_PASS_DEF_SPLITREDUCTIONSPASS
#include "compiler/Fuse/Passes.h.inc"

namespace {

/// Whether neighbouring rows are neighbours in an out.
bool hasTransposedOut(FusedOp op) {
  for (unsigned i = 0; i < op.getOuts().size(); ++i) {
    AffineMap map = op.getOutMap(i);
    if (map.getNumResults() == 0)
      continue;
    auto last = dyn_cast<AffineDimExpr>(map.getResult(map.getNumResults() - 1));
    if (last && last.getPosition() < op.getRowDims() && map.isFunctionOfDim(map.getNumDims() - 1))
      return true;
  }
  return false;
}

/// Rows of a unit where there is a transposed out are a multiple of so many: those that the widest
/// store to it takes.
constexpr int64_t kTransposedRows = 16;

/// Splits the reductions of one op.
class ReductionSplitter {
public:
  ReductionSplitter(FusedOp op, int64_t maxUnits, int64_t minRows) : op(op), builder(op) {
    int64_t rows = op.getDomain()[0];
    unitRows = std::max(minRows, static_cast<int64_t>(llvm::divideCeil(rows, maxUnits)));
    if (hasTransposedOut(op))
      unitRows = static_cast<int64_t>(llvm::alignTo(unitRows, kTransposedRows));
    units = llvm::divideCeil(rows, unitRows);
  }

  void run();

private:
  /// True for an out that sums all rows into a vector.
  bool isSplittable(unsigned out);
  /// Turns out `i` into partial sums; answers the initial value that it had.
  Value splitOut(unsigned i, SmallVectorImpl<AffineMap> &maps);
  /// Adds up the partial sums `outs` of `op`, all of the same width, onto `inits`.
  void combine(ArrayRef<unsigned> outs, ArrayRef<Value> inits);

  FusedOp op;
  OpBuilder builder;
  int64_t unitRows, units;
};

} // namespace

bool ReductionSplitter::isSplittable(unsigned out) {
  AffineMap map = op.getOutMap(out);
  if (map.getNumResults() != 1)
    return false;
  for (unsigned d = 0; d < op.getRowDims(); ++d)
    if (map.isFunctionOfDim(d))
      return false;
  return true;
}

void ReductionSplitter::run() {
  if (units <= 1)
    return;
  SmallVector<AffineMap> maps(op.getMaps().getAsValueRange<AffineMapAttr>());
  // Sums of the same width are added up together.
  llvm::MapVector<int64_t, std::pair<SmallVector<unsigned>, SmallVector<Value>>> byWidth;
  for (unsigned i = 0; i < op.getOuts().size(); ++i) {
    if (!isSplittable(i))
      continue;
    int64_t width = cast<RankedTensorType>(op.getOuts()[i].getType()).getDimSize(0);
    auto &[outs, inits] = byWidth[width];
    outs.push_back(i);
    inits.push_back(splitOut(i, maps));
  }
  if (byWidth.empty())
    return;
  op.setMapsAttr(builder.getAffineMapArrayAttr(maps));
  builder.setInsertionPointAfter(op);
  for (auto &[width, group] : byWidth)
    combine(group.first, group.second);
}

Value ReductionSplitter::splitOut(unsigned i, SmallVectorImpl<AffineMap> &maps) {
  OpOperand &out = op.getOutsMutable()[i];
  Value init = out.get();
  auto type = cast<RankedTensorType>(init.getType());
  auto partialType = RankedTensorType::get({units, type.getDimSize(0)}, type.getElementType());
  builder.setInsertionPoint(op);
  out.set(tensor::EmptyOp::create(builder, op.getLoc(), partialType.getShape(),
                                  partialType.getElementType()));
  op->getResult(i).setType(partialType);
  AffineMap &map = maps[op.getIns().size() + i];
  AffineExpr unit = getAffineDimExpr(0, builder.getContext()).floorDiv(unitRows);
  map = AffineMap::get(map.getNumDims(), 0, {unit, map.getResult(0)}, builder.getContext());
  return init;
}

void ReductionSplitter::combine(ArrayRef<unsigned> outs, ArrayRef<Value> inits) {
  AffineExpr unit, column;
  bindDims(builder.getContext(), unit, column);
  FusedSpec spec;
  spec.domain = {units, cast<RankedTensorType>(inits[0].getType()).getDimSize(0)};
  for (auto [out, init] : llvm::zip_equal(outs, inits)) {
    spec.ins.push_back(op->getResult(out));
    spec.inMaps.push_back(AffineMap::get(2, 0, {unit, column}, builder.getContext()));
    spec.gather.push_back(-1);
    spec.addOut(init, AffineMap::get(2, 0, column));
  }
  if (StringAttr label = op.getLabelAttr())
    spec.label = builder.getStringAttr(label.getValue() + ".combine");
  FusedOp sum = createFused(builder, op.getLoc(), spec, [&](OpBuilder &, ValueRange args) {
    return SmallVector<Value>(args.take_front(outs.size()));
  });
  sum->setDiscardableAttrs(op->getDiscardableAttrDictionary());
  for (auto [out, result] : llvm::zip_equal(outs, sum->getResults()))
    op->getResult(out).replaceAllUsesExcept(result, sum);
}

namespace {

/// True for what combine() has made: the pass may run again on its own output.
bool addsUpPartialSums(FusedOp op) {
  return !op.getIns().empty() && llvm::all_of(op.getIns(), [](Value in) {
    auto producer = in.getDefiningOp<FusedOp>();
    return producer && isColumnReduction(producer.getOutMap(cast<OpResult>(in).getResultNumber()),
                                         producer.getRowDims());
  });
}

class SplitReductionsPass : public impl::SplitReductionsPassBase<SplitReductionsPass> {
public:
  using SplitReductionsPassBase::SplitReductionsPassBase;

  void runOnOperation() override {
    if (maxUnits < 1 || minRows < 1) {
      getOperation().emitError("swamla-split-reductions: expected max-units and min-rows of at "
                               "least 1, found ")
          << maxUnits.getValue() << " and " << minRows.getValue();
      return signalPassFailure();
    }
    SmallVector<FusedOp> ops;
    getOperation().walk([&](FusedOp op) {
      if (!addsUpPartialSums(op))
        ops.push_back(op);
    });
    for (FusedOp op : ops)
      ReductionSplitter(op, maxUnits, minRows).run();
  }
};

} // namespace
} // namespace swamla
