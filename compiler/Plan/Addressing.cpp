//===- Addressing.cpp - which layouts an op can address -------------------===//
#include "compiler/Plan/Addressing.h"

#include "compiler/Plan/Liveness.h"
#include "dialects/Step/IR/OffsetMap.h"

using namespace mlir;

namespace swamla {

AffineMap rowKernelMap(FusedOp op, unsigned operand, const Layout &layout) {
  AffineMap map = cast<AffineMapAttr>(op.getMaps()[operand]).getValue();
  auto type = cast<RankedTensorType>(op->getOperand(operand).getType());
  ArrayRef<int64_t> domain = op.getDomain();
  AffineExpr zero = getAffineConstantExpr(0, op.getContext());
  AffineExpr offset =
      type.getRank() == 0 ? zero : linearOffset(layout, type.getShape(), map.getResults());
  offset = step::simplifyWithExtents(offset, domain);
  std::optional<int64_t> stride = step::strideAlong(offset, domain.size() - 1, domain);
  bool streams = stride && (*stride == 0 || *stride == 1);
  bool isOut = operand >= op.getIns().size();
  if (!streams && !(isOut && step::transposedRowDim(offset, domain, op.getRowDims())))
    return {};
  return AffineMap::get(map.getNumDims(), map.getNumSymbols(), offset);
}

step::HeadsAttr headsLayout(MLIRContext *context, int64_t heads, const Layout &layout) {
  if (heads < 1 || layout.cols % heads != 0)
    return {};
  int64_t width = layout.cols / heads;
  int64_t headStride = layout.isPlain() ? width : layout.headStride;
  if (!layout.isPlain() && layout.width != width)
    return {};
  // A single row has no pitch of its own; the attribute wants one that holds a row.
  int64_t row = (heads - 1) * headStride + width;
  return step::HeadsAttr::get(context, heads, width, std::max(layout.ld, row), headStride);
}

namespace {
template <typename Op> int64_t headsOf(Op op, Value operand) {
  if (operand == op.getK() || operand == op.getV())
    return op.getKvHeads();
  return operand == op.getShared() ? 1 : op.getHeads();
}
} // namespace

int64_t headsOfOperand(OpOperand &operand) {
  Value value = operand.get();
  if (auto op = dyn_cast<AttentionOp>(operand.getOwner()))
    return headsOf(op, value);
  if (auto op = dyn_cast<AttentionGradOp>(operand.getOwner()))
    return value == op.getDout() || value == op.getQ() || value == op.getOut() ? op.getHeads()
                                                                               : headsOf(op, value);
  return 1;
}

int64_t headsOfResult(OpResult result) {
  if (auto op = dyn_cast<AttentionOp>(result.getOwner()))
    return op.getHeads();
  if (auto op = dyn_cast<AttentionGradOp>(result.getOwner()))
    return result == op.getDk() || result == op.getDv() ? op.getKvHeads() : op.getHeads();
  return 1;
}

namespace {
/// lse and delta, an operand or a result, are matrices with one row a head, not tensors with heads.
bool isRowStatistic(Operation *op, Value value) {
  if (auto attention = dyn_cast<AttentionOp>(op))
    return value == attention.getLse();
  if (auto grad = dyn_cast<AttentionGradOp>(op))
    return value == grad.getLse() || value == grad.getDelta() || value == grad.getNewDelta();
  return false;
}

bool canAddressHeads(Operation *op, Value value, int64_t heads, const Layout &layout) {
  if (isRowStatistic(op, value))
    return layout.isPlain();
  return static_cast<bool>(headsLayout(op->getContext(), heads, layout));
}
} // namespace

/// Whether rows begin where Hopper's f8 products want them: at multiples of 16 bytes. The storage
/// of a value does.
static bool hasAlignedRows(Value value, const Layout &layout) {
  constexpr int64_t kAlignment = 16;
  int64_t bytes = cast<RankedTensorType>(value.getType()).getElementTypeBitWidth() / 8;
  return layout.offset * bytes % kAlignment == 0 &&
         (layout.rows == 1 || layout.ld * bytes % kAlignment == 0);
}

static bool canMultiply(MatmulOp op, Value value, const Layout &layout) {
  return layout.isPlain() && (!op.isScaled() || hasAlignedRows(value, layout));
}

bool canRead(OpOperand &operand, const Layout &layout) {
  Operation *op = operand.getOwner();
  if (auto fused = dyn_cast<FusedOp>(op))
    return static_cast<bool>(rowKernelMap(fused, operand.getOperandNumber(), layout));
  if (auto matmul = dyn_cast<MatmulOp>(op)) {
    bool isSingle = layout.rows * layout.cols == 1; // a scale may be one of many in a buffer
    return isSingle || canMultiply(matmul, operand.get(), layout);
  }
  if (isa<EmbeddingGradOp>(op))
    return operand.getOperandNumber() == 1 ? layout.isPlain() : layout.isDense();
  if (isa<AttentionOp, AttentionGradOp>(op))
    return canAddressHeads(op, operand.get(), headsOfOperand(operand), layout);
  return true; // views and stores make of it what they can
}

bool canWrite(OpResult result, const Layout &layout) {
  Operation *op = result.getOwner();
  if (auto fused = dyn_cast<FusedOp>(op))
    return static_cast<bool>(
        rowKernelMap(fused, fused.getIns().size() + result.getResultNumber(), layout));
  if (auto matmul = dyn_cast<MatmulOp>(op))
    return canMultiply(matmul, result, layout);
  if (isa<EmbeddingGradOp>(op))
    return layout.isDense();
  if (isa<AttentionOp, AttentionGradOp>(op))
    return canAddressHeads(op, result, headsOfResult(result), layout);
  return true;
}

} // namespace swamla
