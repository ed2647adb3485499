//===- RowKernelPlan.cpp - what a row kernel computes where ---------------===//
#include "compiler/Kernels/RowKernelPlan.h"

#include "dialects/Step/IR/ElementTypes.h"
#include "dialects/Step/IR/OffsetMap.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace swamla {

FailureOr<RowKernelPlan> RowKernelPlan::create(step::RowKernelOp op) {
  RowKernelPlan plan;
  plan.op = op;
  plan.extents.assign(op.getDomain().begin(), op.getDomain().end());
  plan.rowDims = op.getRowDims();
  if (plan.rowDims == plan.extents.size())
    plan.extents.push_back(1);
  if (failed(plan.analyseViews()) || failed(plan.analyseValues()) || failed(plan.analyseOuts()))
    return failure();
  plan.collectPasses();
  return plan;
}

bool RowKernelPlan::hasSingleColumn() const {
  return llvm::all_of(ArrayRef(extents).drop_front(rowDims), [](int64_t e) { return e == 1; });
}

//===----------------------------------------------------------------------===//
// Views
//===----------------------------------------------------------------------===//

/// `offset` without the dims that have a single position.
static AffineExpr withoutUnitDims(AffineExpr offset, ArrayRef<int64_t> extents) {
  MLIRContext *context = offset.getContext();
  SmallVector<AffineExpr> dims;
  for (auto [dim, extent] : llvm::enumerate(extents))
    dims.push_back(extent == 1 ? getAffineConstantExpr(0, context)
                               : getAffineDimExpr(dim, context));
  return offset.replaceDims(dims);
}

/// Whether every floordiv and mod is of something non-negative, so that unsigned division does.
static bool dividesOnlyNaturals(AffineExpr offset, ArrayRef<int64_t> extents) {
  bool natural = true;
  offset.walk([&](AffineExpr e) {
    if (e.getKind() != AffineExprKind::FloorDiv && e.getKind() != AffineExprKind::Mod) {
      natural &= e.getKind() != AffineExprKind::CeilDiv;
      return;
    }
    std::optional<step::OffsetRange> range =
        step::offsetRange(cast<AffineBinaryOpExpr>(e).getLHS(), extents);
    natural &= range && range->min >= 0;
  });
  return natural;
}

LogicalResult RowKernelPlan::analyseViews() {
  for (auto [i, argument] : llvm::enumerate(op.getBody().getArguments())) {
    View view;
    view.offset =
        step::simplifyWithExtents(withoutUnitDims(op.getMap(i).getResult(0), extents), extents);
    view.element = argument.getType();
    Type element = view.element;
    bool isFloat = element.isF32() || element.isBF16() || element.isF64() || isF8(element);
    if (!isFloat && !element.isInteger(32) && !element.isInteger(8))
      return op.emitOpError() << "block argument " << i << " is of type " << element
                              << ", expected f32, bf16, f8E4M3FN, f8E5M2, f64, i32 or i8";
    if (i < op.getNumIns() && op.getGather())
      view.gather = (*op.getGather())[i];
    for (unsigned dim = 0; dim < numDims(); ++dim)
      if (view.offset.isFunctionOfDim(dim))
        view.level = dim + 1;
    std::optional<int64_t> stride = step::strideAlong(view.offset, lastDim(), extents);
    bool isOut = i >= op.getNumIns();
    bool transposed = isOut && step::transposedRowDim(view.offset, extents, rowDims);
    if (!transposed && (!stride || (*stride != 0 && *stride != 1)))
      return op.emitOpError() << "map " << i << " is " << op.getMaps()[i]
                              << ", expected a stride of 0 or 1 along the last dim";
    view.alongLast = *stride == 1;
    if (!dividesOnlyNaturals(view.offset, extents))
      return op.emitOpError() << "map " << i << " is " << op.getMaps()[i]
                              << ", expected floordiv and mod of values that are never negative";
    views.push_back(view);
  }
  for (View &view : views)
    if (view.gather >= 0)
      view.level = std::max(view.level, views[view.gather].level);
  return success();
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

/// Eight-bit floats are made by truncf and read by extf; nothing computes with them.
LogicalResult RowKernelPlan::checkNarrowFloats(Operation &inner) {
  auto isNarrow = [](Value value) { return isF8(value.getType()); };
  if (llvm::none_of(inner.getOperands(), isNarrow) && llvm::none_of(inner.getResults(), isNarrow))
    return success();
  bool fromF64 = isa<arith::TruncFOp>(inner) && inner.getOperand(0).getType().isF64();
  bool moves = isa<arith::ExtFOp, arith::TruncFOp, arith::SelectOp, arith::ConstantOp, PairSwapOp,
                   arith::BitcastOp>(inner);
  if (moves && !fromF64)
    return success();
  return inner.emitOpError()
         << "computes with eight-bit floats, expected f32: extend operands with "
            "arith.extf, round the result with arith.truncf from f32";
}

LogicalResult RowKernelPlan::analyseOp(Operation &inner) {
  if (failed(checkNarrowFloats(inner)))
    return failure();
  unsigned level = 0, stage = 0;
  for (Value operand : inner.getOperands()) {
    level = std::max(level, levels.lookup(operand));
    stage = std::max(stage, stages.lookup(operand));
  }
  auto known =
      llvm::TypeSwitch<Operation *, LogicalResult>(&inner)
          .Case([&](ReduceRowOp) {
            // One column: the value is its own sum, and stays where it is.
            if (!hasSingleColumn()) {
              level = rowDims;
              ++stage;
            }
            return success();
          })
          .Case([&](PairSwapOp) {
            if (width() % 2 == 0)
              return success();
            return LogicalResult(inner.emitOpError()
                                 << "needs an even number of columns, found " << width());
          })
          .Case([&](IndexOp index) {
            uint64_t dim = index.getDim();
            if (dim >= numDims())
              return LogicalResult(inner.emitOpError()
                                   << "dim is " << dim << ", expected less than " << numDims());
            if (extents[dim] != 1)
              level = dim + 1;
            return success();
          })
          .Case([&](RandomUniformOp) {
            for (unsigned dim = 0; dim < numDims(); ++dim)
              if (extents[dim] != 1)
                level = std::max(level, dim + 1);
            return success();
          })
          .Case([&](arith::ConstantOp) { return success(); })
          .Default([&](Operation *) {
            if (OpTrait::hasElementwiseMappableTraits(&inner) && inner.getNumRegions() == 0)
              return success();
            return LogicalResult(inner.emitOpError()
                                 << "is not elementwise, so a row kernel cannot contain it");
          });
  for (Value result : inner.getResults()) {
    levels[result] = level;
    stages[result] = stage;
  }
  return known;
}

LogicalResult RowKernelPlan::analyseValues() {
  Block &body = op.getBody().front();
  for (auto [argument, view] : llvm::zip_equal(body.getArguments(), views))
    levels[argument] = view.level;
  for (Operation &inner : body.without_terminator())
    if (failed(analyseOp(inner)))
      return failure();
  return success();
}

void RowKernelPlan::collectPasses() {
  SetVector<Value> reached;
  for (const Out &out : outs)
    reached.insert(out.value);
  for (size_t i = 0; i < reached.size(); ++i)
    if (Operation *definition = reached[i].getDefiningOp())
      reached.insert(definition->operand_begin(), definition->operand_end());
  if (hasSingleColumn())
    return;
  for (Operation &inner : op.getBody().front())
    if (auto reduction = dyn_cast<ReduceRowOp>(inner); reduction && reached.contains(reduction)) {
      unsigned pass = stages.lookup(reduction.getValue());
      if (passes.size() <= pass)
        passes.resize(pass + 1);
      passes[pass].push_back(reduction);
    }
}

//===----------------------------------------------------------------------===//
// Outs
//===----------------------------------------------------------------------===//

LogicalResult RowKernelPlan::analyseTransposed(Out &out) {
  AffineExpr offset = views[out.view].offset;
  out.transposed = step::transposedRowDim(offset, extents, rowDims);
  if (!out.transposed)
    return success();
  out.columnStride = *step::strideAlong(offset, lastDim(), extents);
  if (!out.reduces && !out.accumulate && op.getBody().getArgument(out.view).use_empty())
    return success();
  return op.emitOpError() << "out " << out.view - op.getNumIns() << " has map "
                          << op.getMaps()[out.view]
                          << ": a transposed out is written only, expected no sum over rows and no "
                             "use of its initial value";
}

LogicalResult RowKernelPlan::analyseOuts() {
  Operation *yield = op.getBody().front().getTerminator();
  for (auto [i, value] : llvm::enumerate(yield->getOperands())) {
    Out out;
    out.view = op.getNumIns() + i;
    out.value = value;
    out.accumulate = op.getAccumulate() && (*op.getAccumulate())[i];
    AffineExpr offset = views[out.view].offset;
    auto where = [&]() -> InFlightDiagnostic {
      return op.emitOpError() << "out " << i << " has map " << op.getMaps()[out.view] << ": ";
    };

    unsigned missing = 0, present = 0;
    for (unsigned dim = 0; dim < numDims(); ++dim) {
      if (extents[dim] == 1)
        continue;
      bool has = offset.isFunctionOfDim(dim);
      if (dim >= rowDims)
        ++(has ? present : missing);
      else if (!has)
        out.summedDims.push_back(dim);
    }
    if (missing != 0 && present != 0)
      return where() << "expected all column dims in it, or none";
    out.perRow = present == 0;
    if (out.perRow && !isUniform(value))
      return where() << "one element a row, but its value differs between the row's columns";

    bool isSum = true;
    offset.walk([&](AffineExpr e) {
      if (e.getKind() == AffineExprKind::Mod || e.getKind() == AffineExprKind::CeilDiv)
        isSum = false;
      if (auto divided = dyn_cast<AffineBinaryOpExpr>(e);
          divided && e.getKind() == AffineExprKind::FloorDiv)
        isSum &= divided.getLHS() == getAffineDimExpr(0, op.getContext());
    });
    if (!isSum)
      return where() << "expected a sum of dims times constants and `d0 floordiv unit_rows`";
    out.rowsPerSum = step::floorDivisorOf(offset, 0).value_or(0);
    out.reduces = out.rowsPerSum > 1 || !out.summedDims.empty();
    if (out.reduces && !op.getBody().getArgument(out.view).use_empty())
      return where() << "the initial value of a sum over rows cannot be used in the region; set "
                        "`accumulate` to add to it";
    Type element = views[out.view].element;
    if (out.reduces && !element.isF32() && !element.isF64())
      return where() << "a sum over rows needs f32 or f64, found " << element;
    if (failed(analyseTransposed(out)))
      return failure();
    outs.push_back(std::move(out));
  }
  return success();
}

} // namespace swamla
