//===- RowEmitterReduce.cpp - reductions along a row on the GPU -----------===//
//
// A thread reduces each of its chunks as a balanced tree, takes the chunks in
// order, and then the threads of the group meet: first the lanes of a warp, then
// the warps, each time in a butterfly. So the order depends on the row's width
// alone (RowKernelShape.h).
//
//===----------------------------------------------------------------------===//
#include "compiler/Kernels/CUDA/RowEmitter.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace swamla {

ReduceKind RowEmitter::kindOf(ReduceRowOp reduction) {
  return reduction.getKind() == RowReduction::max ? ReduceKind::Max : ReduceKind::Add;
}

//===----------------------------------------------------------------------===//
// Within a thread
//===----------------------------------------------------------------------===//

SmallVector<ReduceRowOp> RowEmitter::sumsOf(unsigned pass) const {
  SmallVector<ReduceRowOp> sums;
  for (ReduceRowOp reduction : plan.passes[pass])
    if (!pickOf(reduction))
      sums.push_back(reduction);
  return sums;
}

RowEmitter::Values RowEmitter::startPartials(unsigned pass) {
  Values partials;
  for (ReduceRowOp reduction : sumsOf(pass))
    partials.push_back(b.neutral(kindOf(reduction)));
  return partials;
}

void RowEmitter::addChunk(MutableArrayRef<Value> partials, unsigned pass, ChunkContext &chunk) {
  for (auto [partial, element] : llvm::zip_equal(partials, sumsOf(pass))) {
    ReduceRowOp reduction = element;
    ReduceKind kind = kindOf(reduction);
    Values lanes = lanesOf(chunk, reduction.getValue());
    for (; lanes.size() > 1; lanes.resize(lanes.size() / 2))
      for (size_t i = 0; i < lanes.size() / 2; ++i)
        lanes[i] = b.combine(kind, lanes[2 * i], lanes[2 * i + 1]);
    Value sum = lanes.front();
    if (chunk.valid)
      sum = b.select(chunk.valid, sum, b.neutral(kind));
    partial = b.combine(kind, partial, sum);
  }
}

//===----------------------------------------------------------------------===//
// Within the group
//===----------------------------------------------------------------------===//

int64_t RowEmitter::planPassScratch() {
  int64_t bytes = 0, barriers = 0;
  constexpr int64_t ticketBytes = 16;
  if (shape.kind != RowKernelShape::Kind::Rows || shape.group <= kWarpSize)
    return shape.splits > 1 ? ticketBytes : 0;
  for (unsigned pass = 0; pass < plan.passes.size(); ++pass) {
    passScratch.push_back(bytes);
    int64_t items = static_cast<int64_t>(sumsOf(pass).size()) * shape.atOnce;
    barriers += items > 0 ? 1 : 0;
    bytes += 4 * items * shape.rowsPerBlock * shape.warpsOfGroup();
  }
  bytes = static_cast<int64_t>(llvm::alignTo(bytes, 16));
  // With a single barrier an iteration, a fast warp may write the next iteration's values while a
  // slow one still reads: they take turns. With more, the other barriers keep them apart.
  bool alternates = barriers == 1 && shape.unitRows != 0;
  scratchParity = alternates ? bytes : 0;
  ticketAt = bytes + scratchParity;
  return ticketAt + (shape.splits > 1 ? ticketBytes : 0);
}

void RowEmitter::groupBarrier() {
  if (shape.group <= kWarpSize)
    return b.syncWarp();
  if (shape.rowsPerBlock == 1)
    return b.barrier();
  // Barrier 0 is the block's.
  NVVM::BarrierOp::create(b, TypeRange(), b.add(group, 1), b.i32(shape.group),
                          NVVM::BarrierReductionAttr(), Value());
}

RowEmitter::Values RowEmitter::reduceInGroup(unsigned pass, Values values,
                                             ArrayRef<ReduceKind> kinds, Value iteration) {
  for (auto [value, kind] : llvm::zip_equal(values, kinds))
    value = b.warpReduce(kind, value, std::min(shape.group, kWarpSize));
  if (shape.group <= kWarpSize)
    return values;

  Type f32 = b.getF32Type();
  auto items = static_cast<int64_t>(values.size());
  int64_t warps = shape.warpsOfGroup();
  Value base = b.shared(passScratch[pass]);
  if (scratchParity != 0)
    base = b.pointer(base, b.getI8Type(), b.mul(b.bitAnd(iteration, 1), scratchParity));
  base = b.pointer(base, f32, b.mul(group, items * warps));
  Value lane = b.bitAnd(member, kWarpSize - 1), warp = b.shiftRight(member, 5);
  b.when(b.equal(lane, 0), [&] {
    Value own = b.pointer(base, f32, warp);
    for (auto [item, value] : llvm::enumerate(values))
      b.store(value, b.pointer(own, f32, static_cast<int64_t>(item) * warps));
  });
  groupBarrier();
  // Every warp reduces the warps' values itself: one barrier instead of two.
  auto width = static_cast<int64_t>(llvm::PowerOf2Ceil(warps));
  Value source = b.bitAnd(lane, width - 1);
  Value within = width == warps ? Value() : b.lessThan(source, warps);
  if (within)
    source = b.select(within, source, b.i32(0));
  Value own = b.pointer(base, f32, source);
  for (auto [item, value] : llvm::enumerate(values)) {
    value = b.load(f32, b.pointer(own, f32, static_cast<int64_t>(item) * warps));
    if (within)
      value = b.select(within, value, b.neutral(kinds[item]));
    value = b.warpReduce(kinds[item], value, width);
  }
  return values;
}

void RowEmitter::finishPass(unsigned pass, MutableArrayRef<RowContext> rows,
                            ArrayRef<Values> partials, Value iteration) {
  SmallVector<ReduceRowOp> sums = sumsOf(pass);
  if (sums.empty())
    return;
  Values values;
  SmallVector<ReduceKind> kinds;
  for (const Values &ofRow : partials)
    for (auto [reduction, value] : llvm::zip_equal(sums, ofRow)) {
      values.push_back(value);
      kinds.push_back(kindOf(reduction));
    }
  values = reduceInGroup(pass, values, kinds, iteration);
  for (auto [i, value] : llvm::enumerate(values))
    rows[i / sums.size()].scalars[sums[i % sums.size()].getResult()] = value;
}

//===----------------------------------------------------------------------===//
// Picks
//===----------------------------------------------------------------------===//

/// The condition's uniform side where it compares the column's number with it.
static Value columnIn(const RowKernelPlan &plan, Value condition) {
  auto compare = condition.getDefiningOp<arith::CmpIOp>();
  if (!compare || compare.getPredicate() != arith::CmpIPredicate::eq)
    return {};
  for (auto [index, column] : {std::pair(compare.getLhs(), compare.getRhs()),
                               std::pair(compare.getRhs(), compare.getLhs())})
    if (auto number = index.getDefiningOp<IndexOp>();
        number && number.getDim() == plan.lastDim() && plan.isUniform(column))
      return column;
  return {};
}

std::optional<RowEmitter::Pick> RowEmitter::pickOf(ReduceRowOp reduction) const {
  auto select = reduction.getValue().getDefiningOp<arith::SelectOp>();
  if (reduction.getKind() != RowReduction::add || plan.numDims() != plan.rowDims + 1 || !select ||
      !matchPattern(select.getFalseValue(), m_AnyZeroFloat()))
    return std::nullopt;
  Pick pick{columnIn(plan, select.getCondition()), select.getTrueValue()};
  if (!pick.column)
    return std::nullopt;
  // A single column has no neighbour to swap with.
  Values work = {pick.value};
  while (!work.empty()) {
    Operation *definition = work.pop_back_val().getDefiningOp();
    if (!definition || isa<ReduceRowOp>(definition))
      continue;
    if (isa<PairSwapOp>(definition))
      return std::nullopt;
    append_range(work, definition->getOperands());
  }
  return pick;
}

void RowEmitter::pickColumns(unsigned pass, RowContext &row) {
  for (ReduceRowOp reduction : plan.passes[pass]) {
    std::optional<Pick> pick = pickOf(reduction);
    if (!pick)
      continue;
    Value column = scalar(row, nullptr, pick->column);
    Value width = b.i32(plan.width());
    Value inRow = b.compare(arith::CmpIPredicate::ult, column, width);
    ChunkContext chunk;
    chunk.row = &row;
    chunk.first = b.select(inRow, column, b.i32(0));
    chunk.columns = {chunk.first};
    chunk.isPick = true;
    Value value = lanesOf(chunk, pick->value).front();
    row.scalars[reduction.getResult()] = b.select(inRow, value, b.f32(0.0));
  }
}

} // namespace swamla
