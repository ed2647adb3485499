//===- StepKernels.cpp - verifiers of the kernel ops ----------------------===//
#include "dialects/Step/IR/OffsetMap.h"
#include "dialects/Step/IR/StepDialect.h"
#include "dialects/Step/IR/StepVerifiers.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace swamla::step;

//===----------------------------------------------------------------------===//
// Row kernels
//===----------------------------------------------------------------------===//

namespace {
LogicalResult verifyDomain(RowKernelOp op) {
  ArrayRef<int64_t> domain = op.getDomain();
  if (domain.empty() || llvm::any_of(domain, [](int64_t e) { return e < 1; }))
    return op.emitOpError() << "domain is [" << domain << "], expected extents of at least 1";
  auto rowDims = static_cast<int64_t>(op.getRowDims());
  if (rowDims < 1 || rowDims > static_cast<int64_t>(domain.size()))
    return op.emitOpError() << "row_dims is " << rowDims << ", expected 1 to " << domain.size();
  auto unitRows = static_cast<int64_t>(op.getUnitRows());
  if (unitRows < 1 || unitRows > domain[0])
    return op.emitOpError() << "unit_rows is " << unitRows << ", expected 1 to " << domain[0];
  auto ins = static_cast<int64_t>(op.getNumIns());
  if (ins < 0 || ins >= static_cast<int64_t>(op.getMaps().size()))
    return op.emitOpError() << "has " << op.getMaps().size() << " maps and " << ins
                            << " ins, expected at least one out after the ins";
  return success();
}

LogicalResult verifyBody(RowKernelOp op) {
  Block &body = op.getBody().front();
  if (body.getNumArguments() != op.getMaps().size())
    return op.emitOpError() << "has " << body.getNumArguments() << " block arguments, expected "
                            << op.getMaps().size() << ", one for each map";
  Operation *yield = body.getTerminator();
  if (yield->getNumOperands() != op.getNumOuts())
    return op.emitOpError() << "yields " << yield->getNumOperands() << " values, expected "
                            << op.getNumOuts() << ", one for each out";
  for (auto [i, value] : llvm::enumerate(yield->getOperands())) {
    Type expected = body.getArgument(op.getNumIns() + i).getType();
    if (value.getType() != expected)
      return op.emitOpError() << "yields " << value.getType() << " for out " << i << ", expected "
                              << expected;
  }
  return success();
}

LogicalResult verifyGather(RowKernelOp op, unsigned i) {
  bool isIn = i < op.getNumIns();
  int64_t source = isIn && op.getGather() ? (*op.getGather())[i] : -1;
  AffineMap map = op.getMap(i);
  if (source < 0) {
    if (map.getNumSymbols() != 0)
      return op.emitOpError() << "map " << i << " is " << op.getMaps()[i]
                              << ", whose symbol no entry of `gather` supplies";
    return success();
  }
  if (source >= static_cast<int64_t>(op.getNumIns()) ||
      !op.getBody().front().getArgument(source).getType().isInteger(32) ||
      op.getMap(source).getNumSymbols() != 0)
    return op.emitOpError() << "gather[" << i << "] is " << source
                            << ", expected an in of type i32 without a gather";
  if (map.getNumSymbols() != 1)
    return op.emitOpError() << "gather[" << i << "] is " << source << " but map " << i << " is "
                            << op.getMaps()[i] << ", expected one symbol";
  return success();
}

LogicalResult verifyMap(RowKernelOp op, unsigned i) {
  AffineMap map = op.getMap(i);
  ArrayRef<int64_t> domain = op.getDomain();
  if (map.getNumDims() != domain.size() || map.getNumResults() != 1)
    return op.emitOpError() << "map " << i << " is " << op.getMaps()[i] << ", expected "
                            << domain.size() << " dims and one linear offset";
  if (failed(verifyGather(op, i)))
    return failure();
  AffineExpr offset = map.getResult(0);
  std::optional<OffsetRange> range = offsetRange(offset, domain);
  if (!range || range->min < 0)
    return op.emitOpError() << "map " << i << " is " << op.getMaps()[i]
                            << ", expected offsets of 0 or more over the domain";
  bool isIn = i < op.getNumIns();
  std::optional<int64_t> stride = strideAlong(offset, domain.size() - 1, domain);
  bool streams = stride && (*stride == 0 || *stride == 1);
  if (!streams && (isIn || !transposedRowDim(offset, domain, op.getRowDims())))
    return op.emitOpError() << "map " << i << " is " << op.getMaps()[i]
                            << ", expected a stride of 0 or 1 along the last dim"
                            << (isIn ? "" : ", or of 1 along a row dim");
  if (isIn)
    return success();
  // An out that several units would add to.
  auto unitRows = static_cast<int64_t>(op.getUnitRows());
  if (!offset.isFunctionOfDim(0) && unitRows != domain[0])
    return op.emitOpError() << "out " << i - op.getNumIns()
                            << " is reduced over all rows, expected unit_rows " << domain[0]
                            << ", found " << unitRows;
  if (std::optional<int64_t> rows = floorDivisorOf(offset, 0); rows && *rows != unitRows)
    return op.emitOpError() << "out " << i - op.getNumIns() << " is reduced over " << *rows
                            << " rows, expected unit_rows to be that, found " << unitRows;
  return success();
}
} // namespace

LogicalResult RowKernelOp::verify() {
  if (failed(verifyDomain(*this)) || failed(verifyBody(*this)))
    return failure();
  if (getGather() && getGather()->size() != getNumIns())
    return emitOpError() << "gather has " << getGather()->size() << " entries, expected "
                         << getNumIns() << ", one for each in";
  if (getAccumulate() && getAccumulate()->size() != getNumOuts())
    return emitOpError() << "accumulate has " << getAccumulate()->size() << " entries, expected "
                         << getNumOuts() << ", one for each out";
  for (unsigned i = 0, e = getMaps().size(); i < e; ++i)
    if (failed(verifyMap(*this, i)))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

namespace {
LogicalResult verifyHeads(Operation *op, StringRef name, HeadsAttr heads) {
  if (heads.getHeads() < 1 || heads.getWidth() < 1)
    return op->emitOpError() << name << " has " << heads.getHeads() << " heads of width "
                             << heads.getWidth() << ", expected at least 1 each";
  if (heads.getHeads() > 1 && heads.getHeadStride() < heads.getWidth())
    return op->emitOpError() << name << " has head stride " << heads.getHeadStride()
                             << ", expected at least the width " << heads.getWidth();
  int64_t row = (heads.getHeads() - 1) * heads.getHeadStride() + heads.getWidth();
  if (heads.getRowStride() < row)
    return op->emitOpError() << name << " has row stride " << heads.getRowStride()
                             << ", expected at least " << row;
  return success();
}

LogicalResult verifySame(Operation *op, StringRef what, int64_t found, int64_t expected) {
  if (found == expected)
    return success();
  return op->emitOpError() << what << " is " << found << ", expected " << expected;
}

/// What forward and gradient have in common: sizes, mask, and the layouts of q, k, v, shared.
template <typename Op> LogicalResult verifyAttention(Op op) {
  if (!op.getElement().isF32() && !op.getElement().isBF16())
    return op.emitOpError() << "element is " << op.getElement() << ", expected f32 or bf16";
  for (auto [value, name] : {std::pair(op.getBatch(), "batch"), {op.getSeq(), "seq"}})
    if (static_cast<int64_t>(value) < 1)
      return op.emitOpError() << name << " is " << static_cast<int64_t>(value)
                              << ", expected at least 1";
  int64_t sink = op.getSink(), window = op.getWindow().value_or(0);
  if (sink < 0 || window < 0 || (sink > 0 && !op.getWindow()))
    return op.emitOpError() << "window is " << window << " and sink " << sink
                            << ", expected 0 or more, and a sink only with a window";
  for (auto [name, heads] : {std::pair("q", op.getQ()), {"k", op.getK()}, {"v", op.getV()}})
    if (failed(verifyHeads(op, name, heads)))
      return failure();
  int64_t shared = 0;
  if (HeadsAttr heads = op.getShared().value_or(HeadsAttr())) {
    if (failed(verifyHeads(op, "shared", heads)) ||
        failed(verifySame(op, "shared's heads", heads.getHeads(), 1)))
      return failure();
    shared = heads.getWidth();
  }
  int64_t kvHeads = op.getK().getHeads();
  if (op.getQ().getHeads() % kvHeads != 0)
    return op.emitOpError() << "q has " << op.getQ().getHeads()
                            << " heads, expected a multiple of k's " << kvHeads;
  return failure(
      failed(verifySame(op, "q's width", op.getQ().getWidth(), op.getK().getWidth() + shared)) ||
      failed(verifySame(op, "v's heads", op.getV().getHeads(), kvHeads)));
}

LogicalResult verifyLike(Operation *op, StringRef name, HeadsAttr found, int64_t heads,
                         int64_t width) {
  return failure(failed(verifyHeads(op, name, found)) ||
                 failed(verifySame(op, (name + "'s heads").str(), found.getHeads(), heads)) ||
                 failed(verifySame(op, (name + "'s width").str(), found.getWidth(), width)));
}

/// lse and delta: a row of the matrix holds the batch's sequences for one head.
template <typename Op> LogicalResult verifyStatistic(Op op, StringRef name, int64_t found) {
  int64_t rows = op.getBatch() * op.getSeq();
  if (found >= rows)
    return success();
  return op.emitOpError() << name << " is " << found << ", expected at least the " << rows
                          << " rows";
}

uint64_t statisticBytes(int64_t stride, int64_t heads, int64_t rows) {
  return sizeof(float) * ((heads - 1) * stride + rows);
}
} // namespace

LogicalResult AttentionKernelOp::verify() {
  if (failed(verifyAttention(*this)))
    return failure();
  int64_t heads = getQ().getHeads();
  return failure(failed(verifyLike(*this, "out", getOut(), heads, getV().getWidth())) ||
                 failed(verifyStatistic(*this, "lse_stride", getLseStride())));
}

LogicalResult AttentionGradKernelOp::verify() {
  if (failed(verifyAttention(*this)))
    return failure();
  HeadsAttr q = getQ(), k = getK(), v = getV();
  if (failed(verifyLike(*this, "dout", getDout(), q.getHeads(), v.getWidth())) ||
      (getOut() && failed(verifyLike(*this, "out", *getOut(), q.getHeads(), v.getWidth()))) ||
      failed(verifyLike(*this, "dq", getDq(), q.getHeads(), q.getWidth())) ||
      failed(verifyLike(*this, "dk", getDk(), k.getHeads(), k.getWidth())) ||
      failed(verifyLike(*this, "dv", getDv(), v.getHeads(), v.getWidth())))
    return failure();
  if (getShared().has_value() != getDshared().has_value())
    return emitOpError() << "has "
                         << (getShared() ? "shared without dshared" : "dshared without shared")
                         << ", expected both or neither";
  if (getDshared() &&
      failed(verifyLike(*this, "dshared", *getDshared(), q.getHeads(), getShared()->getWidth())))
    return failure();
  return failure(failed(verifyStatistic(*this, "lse_stride", getLseStride())) ||
                 failed(verifyStatistic(*this, "delta_stride", getDeltaStride())));
}

//===----------------------------------------------------------------------===//
// Scatter
//===----------------------------------------------------------------------===//

LogicalResult ScatterAddKernelOp::verify() {
  if (!getElement().isF32() && !getElement().isBF16())
    return emitOpError() << "element is " << getElement() << ", expected f32 or bf16";
  for (auto [value, name] : {std::pair(getRows(), "rows"),
                             {getCols(), "cols"},
                             {getVocab(), "vocab"},
                             {getUnitCols(), "unit_cols"}})
    if (static_cast<int64_t>(value) < 1)
      return emitOpError() << name << " is " << static_cast<int64_t>(value)
                           << ", expected at least 1";
  if (getDyStride() < getCols())
    return emitOpError() << "dy_stride is " << getDyStride() << ", expected at least the "
                         << getCols() << " columns";
  return success();
}

//===----------------------------------------------------------------------===//
// Footprints
//===----------------------------------------------------------------------===//

namespace {
uint64_t bytesOf(Type type) { return type.getIntOrFloatBitWidth() / 8; }

uint64_t headsBytes(HeadsAttr heads, int64_t rows, Type element) {
  return bytesOf(element) * ((rows - 1) * heads.getRowStride() +
                             (heads.getHeads() - 1) * heads.getHeadStride() + heads.getWidth());
}

KernelFootprint rowFootprint(RowKernelOp op) {
  KernelFootprint footprint;
  footprint.units = op.getUnits();
  for (auto [i, argument] : llvm::enumerate(op.getBody().front().getArguments())) {
    uint64_t element = (argument.getType().getIntOrFloatBitWidth() + 7) / 8;
    std::optional<OffsetRange> range = offsetRange(op.getMap(i).getResult(0), op.getDomain());
    footprint.bytes.push_back(range ? (range->max + 1) * element : 0);
    footprint.elementBytes.push_back(element);
  }
  return footprint;
}

KernelFootprint attentionFootprint(AttentionKernelOp op) {
  int64_t rows = op.getBatch() * op.getSeq();
  KernelFootprint footprint;
  for (HeadsAttr heads : {op.getQ(), op.getK(), op.getV()})
    footprint.bytes.push_back(headsBytes(heads, rows, op.getElement()));
  if (op.getShared())
    footprint.bytes.push_back(headsBytes(*op.getShared(), rows, op.getElement()));
  footprint.bytes.push_back(headsBytes(op.getOut(), rows, op.getElement()));
  footprint.bytes.push_back(statisticBytes(op.getLseStride(), op.getQ().getHeads(), rows));
  return footprint;
}

KernelFootprint attentionGradFootprint(AttentionGradKernelOp op) {
  int64_t rows = op.getBatch() * op.getSeq(), heads = op.getQ().getHeads();
  KernelFootprint footprint;
  footprint.units = op.getBatch() * op.getK().getHeads();
  for (HeadsAttr in : {op.getQ(), op.getK(), op.getV()})
    footprint.bytes.push_back(headsBytes(in, rows, op.getElement()));
  if (op.getShared())
    footprint.bytes.push_back(headsBytes(*op.getShared(), rows, op.getElement()));
  footprint.bytes.push_back(headsBytes(op.getDout(), rows, op.getElement()));
  footprint.bytes.push_back(statisticBytes(op.getLseStride(), heads, rows));
  uint64_t delta = statisticBytes(op.getDeltaStride(), heads, rows);
  footprint.bytes.push_back(op.getOut() ? headsBytes(*op.getOut(), rows, op.getElement()) : delta);
  for (HeadsAttr out : {op.getDq(), op.getDk(), op.getDv()})
    footprint.bytes.push_back(headsBytes(out, rows, op.getElement()));
  if (op.getDshared())
    footprint.bytes.push_back(headsBytes(*op.getDshared(), rows, op.getElement()));
  if (op.getOut())
    footprint.bytes.push_back(delta);
  return footprint;
}

KernelFootprint scatterFootprint(ScatterAddKernelOp op) {
  KernelFootprint footprint;
  footprint.units = (op.getCols() + op.getUnitCols() - 1) / op.getUnitCols();
  footprint.bytes = {4 * op.getRows(),
                     bytesOf(op.getElement()) *
                         ((op.getRows() - 1) * op.getDyStride() + op.getCols()),
                     4 * op.getVocab() * op.getCols()};
  return footprint;
}
} // namespace

std::optional<KernelFootprint> swamla::step::kernelFootprint(Operation *op) {
  return llvm::TypeSwitch<Operation *, std::optional<KernelFootprint>>(op)
      .Case<RowKernelOp>(rowFootprint)
      .Case<AttentionKernelOp>(attentionFootprint)
      .Case<AttentionGradKernelOp>(attentionGradFootprint)
      .Case<ScatterAddKernelOp>(scatterFootprint)
      .Default(std::nullopt);
}
