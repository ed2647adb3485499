//===- RowEmitterValues.cpp - a row kernel's values on the GPU ------------===//
#include "compiler/Kernels/CUDA/RowEmitter.h"
#include "compiler/Kernels/Philox.h"

#include "dialects/Step/IR/ElementTypes.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace swamla {

//===----------------------------------------------------------------------===//
// What is needed
//===----------------------------------------------------------------------===//

RowEmitter::Values RowEmitter::outValues(bool points) const {
  Values values;
  for (const Out &out : plan.outs)
    if (out.perRow != points)
      values.push_back(out.value);
  return values;
}

SetVector<Value> RowEmitter::leavesOf(ArrayRef<Value> roots) const {
  SetVector<Value> leaves;
  DenseSet<Value> seen;
  Values work(roots);
  while (!work.empty()) {
    Value value = work.pop_back_val();
    if (!seen.insert(value).second)
      continue;
    Operation *definition = value.getDefiningOp();
    if (definition && (!isa<ReduceRowOp>(definition) || plan.hasSingleColumn())) {
      append_range(work, definition->getOperands());
    } else if (!definition) {
      leaves.insert(value);
      if (int64_t source = plan.views[cast<BlockArgument>(value).getArgNumber()].gather;
          source >= 0)
        work.push_back(value.getParentBlock()->getArgument(source));
    }
  }
  return leaves;
}

void RowEmitter::prefetch(ChunkContext &chunk, ArrayRef<Value> roots) {
  for (Value leaf : leavesOf(roots))
    if (plan.isVector(leaf))
      valueOf(chunk, leaf);
}

void RowEmitter::materialise(RowContext &row, ArrayRef<Value> roots, unsigned stage) {
  Values work(roots);
  DenseSet<Value> seen;
  while (!work.empty()) {
    Value value = work.pop_back_val();
    if (!seen.insert(value).second || row.scalars.contains(value))
      continue;
    if (plan.isUniform(value) && plan.stages.lookup(value) <= stage) {
      scalar(row, nullptr, value);
      continue;
    }
    if (Operation *definition = value.getDefiningOp())
      append_range(work, definition->getOperands());
    else if (int64_t source = plan.views[cast<BlockArgument>(value).getArgNumber()].gather;
             source >= 0)
      work.push_back(value.getParentBlock()->getArgument(source));
  }
}

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

Value RowEmitter::scalar(RowContext &row, ChunkContext *chunk, Value value) {
  auto &scope = plan.isUniform(value) ? row.scalars : chunk->scalars;
  if (Value known = scope.lookup(value))
    return known;
  Value result = emitScalar(row, chunk, value);
  scope[value] = result;
  return result;
}

Value RowEmitter::emitScalar(RowContext &row, ChunkContext *chunk, Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    unsigned view = argument.getArgNumber();
    Value pointer = plan.isUniform(value) ? rowPointer(view, row) : chunkPointer(view, *chunk);
    return b.load(plan.views[view].element, pointer, accesses[view].readOnly);
  }
  return llvm::TypeSwitch<Operation *, Value>(value.getDefiningOp())
      .Case([&](ReduceRowOp reduction) {
        assert(plan.hasSingleColumn() && "a reduction is known after its pass");
        return scalar(row, chunk, reduction.getValue());
      })
      .Case([&](PairSwapOp swap) { return scalar(row, chunk, swap.getValue()); })
      .Case([&](IndexOp index) -> Value {
        uint64_t dim = index.getDim();
        if (plan.extents[dim] == 1)
          return b.i32(0);
        return dim < plan.rowDims ? row.dims[dim] : chunk->columns[dim - plan.rowDims];
      })
      .Case([&](RandomUniformOp random) {
        return emitRandom(row, chunk, random, scalar(row, chunk, random.getKey())).front();
      })
      .Default([&](Operation *definition) {
        IRMapping operands;
        for (Value operand : definition->getOperands())
          operands.map(operand, scalar(row, chunk, operand));
        Operation *clone = b.clone(*definition, operands);
        clone->setLoc(b.getLoc());
        return clone->getResult(cast<OpResult>(value).getResultNumber());
      });
}

//===----------------------------------------------------------------------===//
// Chunks
//===----------------------------------------------------------------------===//

ChunkValue &RowEmitter::valueOf(ChunkContext &chunk, Value value) {
  if (auto known = chunk.values.find(value); known != chunk.values.end())
    return known->second;
  ChunkValue result;
  if (plan.isVector(value)) {
    result = emitChunk(chunk, value);
  } else {
    Value same = scalar(*chunk.row, &chunk, value);
    if (isNarrowFloat(same.getType()))
      same = arith::ExtFOp::create(b, b.getF32Type(), same);
    result.lanes.assign(chunk.vec, same);
  }
  return chunk.values[value] = std::move(result);
}

RowEmitter::Values RowEmitter::lanesOf(ChunkContext &chunk, Value value) {
  ChunkValue &held = valueOf(chunk, value);
  fillLanes(held);
  return held.lanes;
}

ChunkValue RowEmitter::emitChunk(ChunkContext &chunk, Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return loadChunk(argument.getArgNumber(), chunk);
  ChunkValue result;
  llvm::TypeSwitch<Operation *>(value.getDefiningOp())
      .Case([&](PairSwapOp swap) {
        result.lanes = lanesOf(chunk, swap.getValue());
        for (size_t i = 0; i + 1 < result.lanes.size(); i += 2)
          std::swap(result.lanes[i], result.lanes[i + 1]);
      })
      .Case([&](IndexOp) {
        for (int64_t i = 0; i < chunk.vec; ++i)
          result.lanes.push_back(b.add(chunk.columns.back(), i));
      })
      .Case([&](RandomUniformOp random) {
        result.lanes = emitRandom(*chunk.row, &chunk, random, lanesOf(chunk, random.getKey()));
      })
      .Default([&](Operation *) { result = emitElementwise(chunk, cast<OpResult>(value)); });
  return result;
}

/// What is rounded to `type`, an f8 type, without the bounds that rounding has itself: it
/// saturates, and keeps NaN.
static Value withoutBounds(Value value, Type type) {
  const llvm::fltSemantics &semantics = cast<FloatType>(type).getFloatSemantics();
  auto strip = [&](auto bound, bool negative) {
    APFloat most = APFloat::getLargest(semantics, negative), limit(0.0F);
    bool loses = false;
    most.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &loses);
    if (bound && matchPattern(bound.getRhs(), m_ConstantFloat(&limit)) && limit == most)
      value = bound.getLhs();
  };
  for (int i = 0; i < 2; ++i) {
    strip(value.getDefiningOp<arith::MinimumFOp>(), false);
    strip(value.getDefiningOp<arith::MaximumFOp>(), true);
  }
  return value;
}

ChunkValue RowEmitter::emitElementwise(ChunkContext &chunk, OpResult value) {
  Operation *definition = value.getOwner();
  ChunkValue result;
  bool fromF32 = definition->getNumOperands() == 1 && definition->getOperand(0).getType().isF32();
  if (isa<arith::TruncFOp>(definition) && isNarrowFloat(value.getType()) && fromF32) {
    Value source = definition->getOperand(0);
    if (isF8(value.getType()))
      source = withoutBounds(source, value.getType());
    result.lanes = lanesOf(chunk, source);
    if (chunk.vec > 1)
      fillPairs(result, value.getType());
    for (Value &lane : result.lanes)
      if (chunk.vec == 1)
        lane = b.roundTo(value.getType(), lane);
    if (chunk.vec > 1)
      result.lanes.clear(); // those are not rounded
    return result;
  }
  if (isa<arith::ExtFOp>(definition) && value.getType().isF32()) {
    result.lanes = lanesOf(chunk, definition->getOperand(0));
    return result;
  }
  SmallVector<Values> operands;
  for (Value operand : definition->getOperands())
    operands.push_back(lanesOf(chunk, operand));
  for (int64_t i = 0; i < chunk.vec; ++i) {
    IRMapping mapping;
    for (auto [operand, lanes] : llvm::zip_equal(definition->getOperands(), operands)) {
      Value lane = lanes[i];
      if (isNarrowFloat(operand.getType())) // exact: it is one
        lane = arith::TruncFOp::create(b, operand.getType(), lane);
      mapping.map(operand, lane);
    }
    Operation *clone = b.clone(*definition, mapping);
    clone->setLoc(b.getLoc());
    Value lane = clone->getResult(value.getResultNumber());
    if (isNarrowFloat(lane.getType()))
      lane = arith::ExtFOp::create(b, b.getF32Type(), lane);
    result.lanes.push_back(lane);
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Random numbers
//===----------------------------------------------------------------------===//

RowEmitter::Values RowEmitter::emitRandom(const RowContext &row, const ChunkContext *chunk,
                                          RandomUniformOp random, ValueRange keys) {
  Values position(row.dims);
  if (chunk)
    append_range(position, chunk->columns);
  int64_t points = 1;
  bool fits = true; // in one word
  for (int64_t extent : plan.extents)
    fits &= !llvm::MulOverflow(points, extent, points) && points <= (int64_t(1) << 32);
  // The point's number in the domain; one word of it wraps as it should.
  Value index = fits ? b.i32(0) : b.i64(0);
  for (auto [extent, dim] : llvm::zip(plan.extents, position)) // without a chunk: one column
    if (extent != 1)
      index = b.add(b.mul(index, extent), fits ? dim : b.toI64(dim));
  Value site = b.i32(static_cast<int32_t>(random.getSite()));
  Values numbers;
  for (auto [i, key] : llvm::enumerate(keys)) {
    Value point = b.add(index, static_cast<int64_t>(i)), high = site;
    if (!fits)
      high = arith::XOrIOp::create(b, site, b.toI32(b.shiftRight(point, 32)));
    numbers.push_back(emitUniform(b, emitPhilox(b, b.toI32(point), high, key)));
  }
  return numbers;
}

} // namespace swamla
