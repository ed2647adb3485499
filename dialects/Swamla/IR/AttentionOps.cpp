//===- AttentionOps.cpp - rotary embedding and attention ------------------===//
#include "dialects/Swamla/IR/SwamlaDialect.h"
#include "dialects/Swamla/IR/VerifyUtils.h"

#include <algorithm>

using namespace mlir;
using namespace swamla;

//===----------------------------------------------------------------------===//
// Tables, rope, scale_rows
//===----------------------------------------------------------------------===//

LogicalResult RopeTableOp::verify() {
  /*rope_table_c1*/
  RankedTensorType type = tensorType(getCos());
  if (type.getRank() != 2 || type.getDimSize(1) % 2 != 0)
    return emitOpError() << "expected tensor<T x D> with D even, found " << type;
  /*rope_table_c2*/
  if (failed(expectPositive(*this, "theta", getTheta())))
    return failure();
  return expectPositive(*this, "factor", getFactor());
}

LogicalResult RopeOp::verify() {
  RankedTensorType x = tensorType(getX()), table = tensorType(getCos());
  /*rope_c1*/
  if (failed(expectRank(*this, "x", x, 2, "tensor<M x (heads * W)>")) ||
      failed(expectDivides(*this, "heads", getHeads(), "the width of x", x.getDimSize(1))))
    return failure();
  /*rope_c2*/
  if (table.getRank() != 2 || table.getDimSize(1) % 2 != 0)
    return emitOpError() << "cos: expected tensor<T x D> with D even, found " << table;
  /*rope_c3*/
  int64_t headWidth = x.getDimSize(1) / static_cast<int64_t>(getHeads());
  int64_t begin = getOffset(), width = table.getDimSize(1);
  if (begin < 0 || begin > headWidth - width)
    return emitOpError() << "expected columns inside a head's [0, " << headWidth << "), found ["
                         << begin << ", " << begin + width << ")";
  /*rope_c4*/
  return expectDivides(*this, "the table's rows", table.getDimSize(0), "the rows of x",
                       x.getDimSize(0));
}

LogicalResult LogitScaleTableOp::verify() {
  /*logit_scale_table_c1*/
  if (failed(expectRank(*this, "result", tensorType(getResult()), 1, "tensor<T>")))
    return failure();
  /*logit_scale_table_c2*/
  if (!(getBase().convertToDouble() > 1.0))
    return emitOpError() << "base: expected a number > 1, found " << getBase().convertToDouble();
  if (failed(expectInt(*this, "window", getWindow(), 1)))
    return failure();
  /*logit_scale_table_c3*/
  if (getMax() && getMin().convertToDouble() > getMax()->convertToDouble())
    return emitOpError() << "expected min <= max, found " << getMin().convertToDouble() << " and "
                         << getMax()->convertToDouble();
  return success();
}

LogicalResult ScaleRowsOp::verify() {
  /*scale_rows_c1*/
  RankedTensorType x = tensorType(getX()), scale = tensorType(getScale());
  if (failed(expectRank(*this, "x", x, 2, "tensor<M x C>")) ||
      failed(expectRank(*this, "scale", scale, 1, "tensor<T>")))
    return failure();
  /*scale_rows_c2*/
  return expectDivides(*this, "the table's rows", scale.getDimSize(0), "the rows of x",
                       x.getDimSize(0));
}

//===----------------------------------------------------------------------===//
// attention and its gradient
//===----------------------------------------------------------------------===//

/// Statistics of a row are f32 whatever the element type of the operands.
static Type f32(Operation *op) { return Float32Type::get(op->getContext()); }

namespace {
/// The operands and attributes that attention and its gradient share, and the widths they imply.
struct AttentionShape {
  RankedTensorType q, k, v, shared;
  int64_t seq, heads, kvHeads;
  std::optional<int64_t> window;
  int64_t sink;

  template <typename AttentionLikeOp> static AttentionShape of(AttentionLikeOp op) {
    std::optional<int64_t> window;
    if (op.getWindow())
      window = static_cast<int64_t>(*op.getWindow());
    return {tensorType(op.getQ()),
            tensorType(op.getK()),
            tensorType(op.getV()),
            op.getShared() ? tensorType(op.getShared()) : RankedTensorType(),
            static_cast<int64_t>(op.getSeq()),
            static_cast<int64_t>(op.getHeads()),
            static_cast<int64_t>(op.getKvHeads()),
            window,
            static_cast<int64_t>(op.getSink())};
  }

  int64_t rows() const { return q.getDimSize(0); }
  int64_t qkWidth() const { return q.getDimSize(1) / heads; }
  int64_t sharedWidth() const { return shared ? shared.getDimSize(1) : 0; }
  int64_t vWidth() const { return v.getDimSize(1) / kvHeads; }

  /// Query i sees min(i + 1, window + 1 + min(sink, max(0, i - window))) keys.
  int64_t visiblePairs() const {
    if (!window)
      return seq * (seq + 1) / 2;
    int64_t pairs = 0;
    for (int64_t i = 0; i < seq; ++i)
      pairs += i <= *window ? i + 1 : *window + 1 + std::min(sink, i - *window);
    return pairs;
  }
  /// ... of all sequences and heads.
  uint64_t allPairs() const {
    return static_cast<uint64_t>(visiblePairs()) * (rows() / seq) * heads;
  }

  LogicalResult verify(Operation *op) const;
};
} // namespace

LogicalResult AttentionShape::verify(Operation *op) const {
  Type element = q.getElementType();
  if (failed(expectRank(op, "q", q, 2, "tensor<M x (H * Dqk)>")) ||
      failed(expectRank(op, "k", k, 2, "tensor<M x (Hkv * (Dqk - P))>")) ||
      failed(expectRank(op, "v", v, 2, "tensor<M x (Hkv * Dv)>")) ||
      (shared && failed(expectRank(op, "shared", shared, 2, "tensor<M x P>"))))
    return failure();
  /*attention_c1*/
  if (failed(expectDivides(op, "seq", seq, "the rows of q", rows())))
    return failure();
  /*attention_c2*/
  if (failed(expectInt(op, "heads", heads, 1)) ||
      failed(expectDivides(op, "kv_heads", kvHeads, "heads", heads)))
    return failure();
  /*attention_c3*/
  if (failed(expectDivides(op, "heads", heads, "the width of q", q.getDimSize(1))) ||
      failed(expectDivides(op, "kv_heads", kvHeads, "the width of v", v.getDimSize(1))))
    return failure();
  if (sharedWidth() > qkWidth())
    return op->emitOpError() << "shared: expected at most " << qkWidth()
                             << " columns, the width of a head of q, found " << shared;
  int64_t kWidth = kvHeads * (qkWidth() - sharedWidth());
  if (failed(expectTensor(op, "k", k, {rows(), kWidth}, element)) ||
      failed(expectTensor(op, "v", v, {rows(), v.getDimSize(1)}, element)) ||
      (shared && failed(expectTensor(op, "shared", shared, {rows(), sharedWidth()}, element))))
    return failure();
  /*attention_c4*/
  if (window && failed(expectInt(op, "window", *window, 0)))
    return failure();
  if (failed(expectInt(op, "sink", sink, 0)))
    return failure();
  if (!window && sink != 0)
    return op->emitOpError() << "sink: expected 0 without a window, found " << sink;
  return success();
}

int64_t AttentionOp::getQkWidth() { return AttentionShape::of(*this).qkWidth(); }
int64_t AttentionOp::getSharedWidth() { return AttentionShape::of(*this).sharedWidth(); }
int64_t AttentionOp::getVWidth() { return AttentionShape::of(*this).vWidth(); }
int64_t AttentionOp::getVisiblePairs() { return AttentionShape::of(*this).visiblePairs(); }

ResultPrecision AttentionOp::getResultPrecision(unsigned result) {
  return cast<OpResult>(getResult()).getResultNumber() == result ? ResultPrecision::Narrow
                                                                 : ResultPrecision::Wide;
}

LogicalResult AttentionOp::verify() {
  AttentionShape shape = AttentionShape::of(*this);
  if (failed(shape.verify(*this)))
    return failure();
  Type element = shape.q.getElementType();
  /*attention_c3*/
  if (failed(expectTensor(*this, "result", tensorType(getResult()),
                          {shape.rows(), shape.heads * shape.vWidth()}, element)))
    return failure();
  return expectTensor(*this, "lse", tensorType(getLse()), {shape.heads, shape.rows()}, f32(*this));
}

uint64_t AttentionOp::getFlops() {
  // Scores, and their product with v.
  AttentionShape shape = AttentionShape::of(*this);
  return 2 * shape.allPairs() * (shape.qkWidth() + shape.vWidth());
}

Value AttentionGradOp::getDshared() { return getShared() ? getOthers().front() : Value(); }
Value AttentionGradOp::getNewDelta() { return getOut() ? getOthers().back() : Value(); }

LogicalResult AttentionGradOp::verify() {
  AttentionShape shape = AttentionShape::of(*this);
  if (failed(shape.verify(*this)))
    return failure();
  Type element = shape.q.getElementType();
  int64_t rows = shape.rows(), heads = shape.heads;
  /*attention_grad_c5*/
  if (failed(expectTensor(*this, "dout", tensorType(getDout()), {rows, heads * shape.vWidth()},
                          element)) ||
      failed(expectTensor(*this, "lse", tensorType(getLse()), {heads, rows}, f32(*this))) ||
      (getDelta() &&
       failed(expectTensor(*this, "delta", tensorType(getDelta()), {heads, rows}, f32(*this)))) ||
      (getOut() && failed(expectTensor(*this, "out", tensorType(getOut()),
                                       {rows, heads * shape.vWidth()}, element))))
    return failure();
  /*attention_grad_c6*/
  auto sameAs = [&](StringRef what, Value value, RankedTensorType type) {
    return expectTensor(*this, what, tensorType(value), type.getShape(), type.getElementType());
  };
  if (failed(sameAs("dq", getDq(), shape.q)) || failed(sameAs("dk", getDk(), shape.k)) ||
      failed(sameAs("dv", getDv(), shape.v)))
    return failure();
  /*attention_grad_c7*/
  if (static_cast<bool>(getDelta()) == static_cast<bool>(getOut()))
    return emitOpError() << "expected delta or out, found " << (getOut() ? "both" : "neither");
  size_t others = (getShared() ? 1 : 0) + (getOut() ? 1 : 0);
  if (getOthers().size() != others)
    return emitOpError() << "expected " << 3 + others
                         << " results: dq, dk, dv, dshared if and only if shared, delta if and "
                            "only if out; found "
                         << getNumResults();
  if (getDshared() && failed(expectTensor(*this, "dshared", tensorType(getDshared()),
                                          {rows, heads * shape.sharedWidth()}, element)))
    return failure();
  if (!getOut())
    return success();
  return expectTensor(*this, "the result delta", tensorType(getNewDelta()), {heads, rows},
                      f32(*this));
}

uint64_t AttentionGradOp::getFlops() {
  // Five products: the scores again, dout v^T; then dv, dq, dk.
  AttentionShape shape = AttentionShape::of(*this);
  return 2 * shape.allPairs() * (3 * shape.qkWidth() + 2 * shape.vWidth());
}

ResultPrecision AttentionDeltaOp::getResultPrecision(unsigned) { return ResultPrecision::Wide; }

LogicalResult AttentionDeltaOp::verify() {
  /*attention_delta_c1*/
  RankedTensorType out = tensorType(getOut());
  if (failed(expectRank(*this, "out", out, 2, "tensor<M x (H * Dv)>")) ||
      failed(expectDivides(*this, "heads", getHeads(), "the width of out", out.getDimSize(1))))
    return failure();
  /*attention_delta_c2*/
  return expectTensor(*this, "result", tensorType(getResult()),
                      {static_cast<int64_t>(getHeads()), out.getDimSize(0)}, f32(*this));
}
