//===- RowKernelValues.cpp - the region's values as scalars and vectors ---===//
#include "compiler/Kernels/CPU/RowKernelEmitter.h"
#include "compiler/Kernels/EmitAffine.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace swamla {

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

void RowKernelEmitter::materialise(ValueRange roots, unsigned level, unsigned stage) {
  SmallVector<Value> work(roots);
  DenseSet<Value> seen;
  while (!work.empty()) {
    Value value = work.pop_back_val();
    if (!seen.insert(value).second || lookup(value))
      continue;
    if (plan.level(value) <= level && plan.stages.lookup(value) <= stage) {
      scalar(value);
      continue;
    }
    if (Operation *definition = value.getDefiningOp())
      work.append(definition->operand_begin(), definition->operand_end());
    else if (int64_t source = plan.views[cast<BlockArgument>(value).getArgNumber()].gather;
             source >= 0)
      work.push_back(value.getParentBlock()->getArgument(source));
  }
}

Value RowKernelEmitter::lookup(Value value) {
  for (const auto &scope : llvm::reverse(scopes))
    if (Value known = scope.lookup(value))
      return known;
  return {};
}

Value RowKernelEmitter::scalar(Value value) {
  if (Value known = lookup(value))
    return known;
  Value result = emitScalar(value);
  scopes.back()[value] = result;
  return result;
}

Value RowKernelEmitter::emitScalar(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    unsigned view = argument.getArgNumber();
    return b.load(plan.views[view].element, rowPointer(view));
  }
  return llvm::TypeSwitch<Operation *, Value>(value.getDefiningOp())
      .Case([&](ReduceRowOp reduction) {
        assert(plan.hasSingleColumn() && "a reduction is known after its pass");
        return scalar(reduction.getValue());
      })
      .Case([&](PairSwapOp swap) { return scalar(swap.getValue()); })
      .Case([&](IndexOp index) -> Value {
        if (plan.extents[index.getDim()] == 1)
          return b.i32(0);
        return arith::TruncIOp::create(b, b.getI32Type(), dims[index.getDim()]);
      })
      .Case([&](RandomUniformOp random) { return emitRandom(random, scalar(random.getKey())); })
      .Default([&](Operation *) { return cloneOf(value, /*asVector=*/false); });
}

/// The value's op on scalars or on vectors.
Value RowKernelEmitter::cloneOf(Value value, bool asVector) {
  Operation *definition = value.getDefiningOp();
  IRMapping operands;
  for (Value operand : definition->getOperands())
    operands.map(operand, asVector ? vector(operand) : scalar(operand));
  Operation *clone = b.clone(*definition, operands);
  clone->setLoc(b.getLoc());
  if (asVector)
    for (Value result : clone->getResults())
      result.setType(b.vectorOf(result.getType()));
  return clone->getResult(cast<OpResult>(value).getResultNumber());
}

//===----------------------------------------------------------------------===//
// Vectors
//===----------------------------------------------------------------------===//

void RowKernelEmitter::setColumn(Value column, Value columnMask) {
  dims[plan.lastDim()] = column;
  mask = columnMask;
  vectors.clear();
}

Value RowKernelEmitter::vector(Value value) {
  if (Value known = vectors.lookup(value))
    return known;
  Value result = plan.isVector(value) ? emitVector(value) : b.splat(scalar(value));
  vectors[value] = result;
  return result;
}

Value RowKernelEmitter::emitVector(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    unsigned view = argument.getArgNumber();
    int64_t source = plan.views[view].gather;
    if (source >= 0 && plan.views[source].level == plan.numDims())
      return gatherVector(view);
    return b.loadVector(plan.views[view].element, columnPointer(view), mask);
  }
  return llvm::TypeSwitch<Operation *, Value>(value.getDefiningOp())
      .Case([&](PairSwapOp swap) -> Value {
        SmallVector<int64_t> swapped;
        for (int64_t lane = 0; lane < b.lanes(); ++lane)
          swapped.push_back(lane ^ 1);
        Value operand = vector(swap.getValue());
        return vector::ShuffleOp::create(b, operand, operand, swapped);
      })
      .Case([&](IndexOp index) -> Value {
        Value column = arith::TruncIOp::create(b, b.getI32Type(), dims[index.getDim()]);
        return arith::AddIOp::create(b, b.splat(column), b.iota());
      })
      .Case([&](RandomUniformOp random) { return emitRandom(random, vector(random.getKey())); })
      .Default([&](Operation *) { return cloneOf(value, /*asVector=*/true); });
}

//===----------------------------------------------------------------------===//
// Addresses
//===----------------------------------------------------------------------===//

Value RowKernelEmitter::emitOffset(AffineExpr expr, Value symbol) {
  return emitAffine(b, expr, [&](AffineExpr leaf) -> Value {
    if (auto constant = dyn_cast<AffineConstantExpr>(leaf))
      return b.i64(constant.getValue());
    if (auto dim = dyn_cast<AffineDimExpr>(leaf))
      return dims[dim.getPosition()];
    return arith::ExtSIOp::create(b, b.getI64Type(), symbol);
  });
}

Value RowKernelEmitter::emitVectorOffset(AffineExpr expr, Value symbol) {
  VectorType type = b.vectorOf(b.getI64Type());
  return emitAffine(b, expr, [&](AffineExpr leaf) -> Value {
    if (auto constant = dyn_cast<AffineConstantExpr>(leaf))
      return b.constant(type, constant.getValue());
    if (isa<AffineSymbolExpr>(leaf))
      return arith::ExtSIOp::create(b, type, symbol);
    unsigned dim = cast<AffineDimExpr>(leaf).getPosition();
    Value position = b.splat(dims[dim]);
    if (dim != plan.lastDim())
      return position;
    return b.add(position, arith::ExtSIOp::create(b, type, b.iota()));
  });
}

Value RowKernelEmitter::rowPointer(unsigned view) {
  const RowKernelPlan::View &info = plan.views[view];
  MLIRContext *context = b.getContext();
  AffineExpr offset = info.offset.replace(getAffineDimExpr(plan.lastDim(), context),
                                          getAffineConstantExpr(0, context));
  Value symbol;
  if (info.gather >= 0)
    symbol = scalar(op.getBody().getArgument(info.gather));
  return b.pointer(bases[view], info.element, emitOffset(offset, symbol));
}

void RowKernelEmitter::preparePointers(ValueRange roots) {
  pointers.clear();
  SmallVector<Value> work(roots);
  DenseSet<Value> seen;
  while (!work.empty()) {
    Value value = work.pop_back_val();
    if (!seen.insert(value).second || !plan.isVector(value))
      continue;
    if (Operation *definition = value.getDefiningOp()) {
      work.append(definition->operand_begin(), definition->operand_end());
      continue;
    }
    unsigned view = cast<BlockArgument>(value).getArgNumber();
    int64_t source = plan.views[view].gather;
    if (source >= 0 && plan.views[source].level == plan.numDims())
      work.push_back(value.getParentBlock()->getArgument(source)); // no row has one address
    else
      pointers[view] = rowPointer(view);
  }
  for (const RowKernelPlan::Out &out : plan.outs)
    if (!out.perRow && llvm::is_contained(roots, out.value))
      pointers[out.view] = out.transposed ? tilePointer(out.view, rowsOfTiles[*out.transposed])
                                          : rowPointer(out.view);
}

Value RowKernelEmitter::columnPointer(unsigned view) {
  Value pointer = pointers.lookup(view);
  assert(pointer && "prepared before the loop");
  if (!plan.views[view].alongLast)
    return pointer;
  return b.pointer(pointer, plan.views[view].element, dims[plan.lastDim()]);
}

/// Each lane has its own index.
Value RowKernelEmitter::gatherVector(unsigned view) {
  const RowKernelPlan::View &info = plan.views[view];
  Value symbol = vector(op.getBody().getArgument(info.gather));
  Value offsets = emitVectorOffset(info.offset, symbol);
  Type pointerType = bases[view].getType();
  Value addresses = LLVM::GEPOp::create(b, b.vectorOf(pointerType), b.addressed(info.element),
                                        bases[view], ArrayRef<LLVM::GEPArg>{LLVM::GEPArg(offsets)});
  return b.gatherVector(info.element, addresses, mask);
}

} // namespace swamla
