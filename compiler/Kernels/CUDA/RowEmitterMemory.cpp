//===- RowEmitterMemory.cpp - how a row kernel reaches memory -------------===//
#include "compiler/Kernels/CUDA/RowEmitter.h"
#include "compiler/Kernels/EmitAffine.h"

#include "dialects/Step/IR/OffsetMap.h"

#include <numeric>

using namespace mlir;

namespace swamla {

static int64_t elementBytes(Type element) { return element.getIntOrFloatBitWidth() / 8; }

//===----------------------------------------------------------------------===//
// What may be assumed
//===----------------------------------------------------------------------===//

/// Whether two places have a byte in common.
static bool overlap(step::ViewAttr lhs, step::ViewAttr rhs) {
  return lhs.getBuffer() == rhs.getBuffer() && lhs.getOffset() < rhs.getOffset() + rhs.getBytes() &&
         rhs.getOffset() < lhs.getOffset() + lhs.getBytes();
}

/// The views that no launch of the kernel writes to.
static SmallVector<bool> findReadOnly(step::RowKernelOp op) {
  unsigned numIns = op.getNumIns();
  SmallVector<bool> readOnly(op.getMaps().size(), false);
  std::fill_n(readOnly.begin(), numIns, true);
  op->getParentOfType<ModuleOp>().walk([&](step::LaunchOp launch) {
    if (launch.getKernel() != op.getSymName())
      return;
    SmallVector<step::ViewAttr> views(launch.getViews().getAsRange<step::ViewAttr>());
    for (unsigned in = 0; in < numIns; ++in)
      for (step::ViewAttr out : ArrayRef(views).drop_front(numIns))
        readOnly[in] = readOnly[in] && !overlap(views[in], out);
  });
  return readOnly;
}

void RowEmitter::analyseAccesses() {
  SmallVector<bool> readOnly = findReadOnly(op);
  MLIRContext *context = op.getContext();
  AffineExpr last = getAffineDimExpr(plan.lastDim(), context);
  for (auto [i, view] : llvm::enumerate(plan.views)) {
    Access access;
    int64_t bytes = elementBytes(view.element);
    // Chunks begin at multiples of vec.
    int64_t divisor = view.offset.replace(last, last * shape.vec).getLargestKnownDivisor();
    int64_t common = std::gcd(divisor * bytes, std::gcd(viewAlignment(op, i), shape.vec * bytes));
    int64_t powerOfTwo = common & -common;
    access.bytes = std::max(bytes, std::min<int64_t>(powerOfTwo, 16));
    access.readOnly = readOnly[i];
    std::optional<step::OffsetRange> range = step::offsetRange(view.offset, plan.extents);
    access.wide = view.gather >= 0 || !range || range->max > std::numeric_limits<int32_t>::max();
    accesses.push_back(access);
  }
}

//===----------------------------------------------------------------------===//
// Addresses
//===----------------------------------------------------------------------===//

Value RowEmitter::emitOffset(unsigned view, const RowContext &row, ArrayRef<Value> columns,
                             Value symbol) {
  bool wide = accesses[view].wide;
  return emitAffine(b, plan.views[view].offset, [&](AffineExpr leaf) -> Value {
    if (auto constant = dyn_cast<AffineConstantExpr>(leaf))
      return wide ? b.i64(constant.getValue()) : b.i32(constant.getValue());
    Value position = symbol;
    if (auto dim = dyn_cast<AffineDimExpr>(leaf)) {
      unsigned number = dim.getPosition();
      if (number < plan.rowDims)
        position = row.dims[number];
      else
        position = columns.empty() ? b.i32(0) : columns[number - plan.rowDims];
    }
    return wide ? b.toI64(position) : position;
  });
}

Value RowEmitter::address(unsigned view, const RowContext &row, ArrayRef<Value> columns,
                          Value symbol) {
  return b.pointer(b.view(view), plan.views[view].element, emitOffset(view, row, columns, symbol));
}

Value RowEmitter::rowPointer(unsigned view, RowContext &row) {
  Value &pointer = row.pointers[view];
  if (!pointer) {
    Value symbol;
    if (int64_t source = plan.views[view].gather; source >= 0)
      symbol = scalar(row, nullptr, op.getBody().getArgument(source));
    pointer = address(view, row, {}, symbol);
  }
  return pointer;
}

Value RowEmitter::chunkPointer(unsigned view, ChunkContext &chunk) {
  const RowKernelPlan::View &info = plan.views[view];
  bool rowHasAddress = info.gather < 0 || plan.views[info.gather].level <= plan.rowDims;
  if (plan.numDims() == plan.rowDims + 1 && rowHasAddress) {
    Value pointer = rowPointer(view, *chunk.row);
    if (!info.alongLast)
      return pointer;
    pointer = b.pointer(pointer, info.element, b.mul(chunk.first, chunk.vec));
    return b.pointer(pointer, info.element, chunk.shift * chunk.vec);
  }
  Value symbol;
  if (info.gather >= 0)
    symbol = scalar(*chunk.row, &chunk, op.getBody().getArgument(info.gather));
  return address(view, *chunk.row, chunk.columns, symbol);
}

/// A place of the thread's own, even for a chunk that the row does not have.
Value RowEmitter::cachePointer(unsigned view, ChunkContext &chunk) {
  Type element = plan.views[view].element;
  Value first = chunk.unclamped ? chunk.unclamped : chunk.first;
  Value pointer = b.pointer(b.shared(accesses[view].cache), element, b.mul(first, chunk.vec));
  return b.pointer(pointer, element, chunk.shift * chunk.vec);
}

//===----------------------------------------------------------------------===//
// Chunks
//===----------------------------------------------------------------------===//

void RowEmitter::whenAll(ArrayRef<Value> conditions, function_ref<void()> body) {
  Value all;
  for (Value condition : conditions)
    if (condition)
      all = all ? b.both(all, condition) : condition;
  if (all)
    b.when(all, body);
  else
    body();
}

void RowEmitter::fillLanes(ChunkValue &value) {
  if (!value.lanes.empty())
    return;
  for (Value pair : value.pairs) {
    auto [low, high] = b.unpackPair(value.narrow, pair);
    value.lanes.append({low, high});
  }
}

void RowEmitter::fillPairs(ChunkValue &value, Type element) {
  if (!value.pairs.empty())
    return;
  value.narrow = element;
  for (size_t i = 0; i + 1 < value.lanes.size(); i += 2)
    value.pairs.push_back(b.packPair(element, value.lanes[i], value.lanes[i + 1]));
}

ChunkValue RowEmitter::loadVector(Type element, Value pointer, int64_t vec, int64_t accessBytes,
                                  bool readOnly) {
  ChunkValue value;
  int64_t count = std::min(accessBytes / elementBytes(element), vec);
  bool inPairs = isNarrowFloat(element) && count > 1;
  if (inPairs)
    value.narrow = element;
  for (int64_t i = 0; i < vec; i += count) {
    Value at = b.pointer(pointer, element, i);
    if (inPairs)
      append_range(value.pairs, b.loadPairs(element, count, at, readOnly));
    else if (element.isInteger(8))
      append_range(value.lanes, b.loadBytes(count, at, readOnly));
    else
      append_range(value.lanes, b.loadElements(element, count, at, readOnly));
  }
  return value;
}

void RowEmitter::storeVector(Type element, ChunkValue &value, Value pointer, int64_t vec,
                             int64_t accessBytes) {
  int64_t count = std::min(accessBytes / elementBytes(element), vec);
  bool inPairs = isNarrowFloat(element) && count > 1;
  inPairs ? fillPairs(value, element) : fillLanes(value);
  for (int64_t i = 0; i < vec; i += count) {
    Value at = b.pointer(pointer, element, i);
    if (inPairs)
      b.storePairs(element, ArrayRef(value.pairs).slice(i / 2, count / 2), at);
    else if (element.isInteger(8))
      b.storeBytes(ArrayRef(value.lanes).slice(i, count), at);
    else
      b.storeElements(element, ArrayRef(value.lanes).slice(i, count), at);
  }
}

/// Each element has an index of its own.
ChunkValue RowEmitter::gatherChunk(unsigned view, ChunkContext &chunk) {
  const RowKernelPlan::View &info = plan.views[view];
  Values symbols = lanesOf(chunk, op.getBody().getArgument(info.gather));
  ChunkValue value;
  Values columns(chunk.columns);
  for (int64_t i = 0; i < chunk.vec; ++i) {
    columns.back() = b.add(chunk.columns.back(), i);
    Value pointer = address(view, *chunk.row, columns, symbols[i]);
    append_range(value.lanes, b.loadElements(info.element, 1, pointer, accesses[view].readOnly));
  }
  return value;
}

ChunkValue RowEmitter::loadChunk(unsigned view, ChunkContext &chunk) {
  const RowKernelPlan::View &info = plan.views[view];
  const Access &access = accesses[view];
  if (info.gather >= 0 && plan.views[info.gather].level == plan.numDims())
    return gatherChunk(view, chunk);
  // A picked column is read where it lies: its thread may not have cached it yet.
  bool cached = access.cache >= 0 && !chunk.isPick;
  if (cached && currentPass > access.firstPass)
    return loadVector(info.element, cachePointer(view, chunk), chunk.vec, 16, false);
  Value pointer = chunkPointer(view, chunk);
  return loadVector(info.element, pointer, chunk.vec, access.bytes, access.readOnly);
}

void RowEmitter::fillCache(ChunkContext &chunk, ArrayRef<Value> leaves) {
  for (Value leaf : leaves) {
    unsigned view = cast<BlockArgument>(leaf).getArgNumber();
    if (accesses[view].cache < 0 || accesses[view].firstPass != currentPass)
      continue;
    storeVector(plan.views[view].element, valueOf(chunk, leaf), cachePointer(view, chunk),
                chunk.vec, 16);
  }
}

} // namespace swamla
