//===- ViewOps.cpp - parts of tensors -------------------------------------===//
#include "dialects/Swamla/IR/SwamlaDialect.h"
#include "dialects/Swamla/IR/VerifyUtils.h"

using namespace mlir;
using namespace swamla;

/// The rule that split and join share: `parts` side by side, head by head, make up `whole`.
static LogicalResult verifyColumns(Operation *op, RankedTensorType whole, ValueRange parts,
                                   int64_t heads, StringRef wholeName) {
  /*split_c1, join_c1*/
  if (parts.empty())
    return op->emitOpError() << "expected at least one part, found none";
  if (failed(expectRank(op, wholeName, whole, 2, "tensor<M x C>")))
    return failure();
  int64_t sum = 0;
  for (auto [i, part] : llvm::enumerate(parts)) {
    RankedTensorType type = tensorType(part);
    int64_t width = type.getRank() == 2 ? type.getDimSize(1) : 1;
    if (failed(expectTensor(op, "part " + Twine(i), type, {whole.getDimSize(0), width},
                            whole.getElementType())))
      return failure();
    /*split_c2, join_c2*/
    if (failed(expectDivides(op, "heads", heads, "a part's width", width)))
      return failure();
    sum += width;
  }
  if (sum != whole.getDimSize(1))
    return op->emitOpError() << "expected the parts' widths to add up to the " << wholeName << "'s "
                             << whole.getDimSize(1) << ", found " << sum;
  return success();
}

LogicalResult SplitOp::verify() {
  return verifyColumns(*this, tensorType(getSource()), getParts(), getHeads(), "source");
}

LogicalResult JoinOp::verify() {
  return verifyColumns(*this, tensorType(getResult()), getParts(), getHeads(), "result");
}

/// All dims but the first, and the element type.
static LogicalResult verifyRowType(Operation *op, const Twine &what, RankedTensorType type,
                                   RankedTensorType like) {
  SmallVector<int64_t> shape(like.getShape());
  if (type.getRank() > 0 && !shape.empty())
    shape[0] = type.getDimSize(0);
  return expectTensor(op, what, type, shape, like.getElementType());
}

LogicalResult SliceRowsOp::verify() {
  RankedTensorType source = tensorType(getSource()), result = tensorType(getResult());
  if (source.getRank() == 0)
    return emitOpError() << "source: expected at least one dim, found " << source;
  /*slice_rows_c2*/
  if (failed(verifyRowType(*this, "result", result, source)))
    return failure();
  /*slice_rows_c1*/
  int64_t begin = getBegin(), rows = result.getDimSize(0);
  if (begin < 0 || begin > source.getDimSize(0) - rows)
    return emitOpError() << "expected rows inside [0, " << source.getDimSize(0) << "), found ["
                         << begin << ", " << begin + rows << ")";
  return success();
}

LogicalResult JoinRowsOp::verify() {
  RankedTensorType result = tensorType(getResult());
  if (result.getRank() == 0)
    return emitOpError() << "result: expected at least one dim, found " << result;
  int64_t rows = 0;
  for (auto [i, part] : llvm::enumerate(getParts())) {
    /*join_rows_c2*/
    if (failed(verifyRowType(*this, "part " + Twine(i), tensorType(part), result)))
      return failure();
    rows += tensorType(part).getDimSize(0);
  }
  /*join_rows_c1*/
  if (getParts().empty() || rows != result.getDimSize(0))
    return emitOpError() << "expected parts with " << result.getDimSize(0) << " rows in all, found "
                         << rows;
  return success();
}
