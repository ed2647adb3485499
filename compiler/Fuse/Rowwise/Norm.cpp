//===- Norm.cpp - normalisations as rowwise computations ------------------===//
// Row statistics are recomputed by the gradients: one more pass over data that is being read
// anyway.
//===----------------------------------------------------------------------===//
#include "compiler/Fuse/Rowwise/RowBuilder.h"

using namespace mlir;

namespace swamla {

/// The domain of x: tensor<M x C>.
static DomainBuilder domainOf(Value x) {
  return DomainBuilder(x.getContext(), extent(x, 0), extent(x, 1));
}

//===----------------------------------------------------------------------===//
// rms_norm
//===----------------------------------------------------------------------===//

/// rsqrt(mean(x^2) + eps)
static Value inverseRms(const RowBuilder &row, Value x, int64_t width, double eps) {
  return row.rsqrt(row.add(row.rowMean(row.mul(x, x), width), row.constant(eps)));
}

RowwiseDomain RmsNormOp::getRowwiseDomain() {
  DomainBuilder domain = domainOf(getX());
  return domain.in(0, domain.element()).in(1, domain.column()).out(domain.element()).take();
}

SmallVector<Value> RmsNormOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  Value x = row[0], weight = row[1];
  Value normal = row.mul(x, inverseRms(row, x, extent(getX(), 1), getEps().convertToDouble()));
  return row.results({row.mul(weight, normal)});
}

RowwiseDomain RmsNormGradOp::getRowwiseDomain() {
  DomainBuilder domain = domainOf(getX());
  return domain.in(0, domain.element())
      .in(1, domain.column())
      .in(2, domain.element())
      .out(domain.element())
      .out(domain.column())
      .take();
}

// With n = x r, r = rsqrt(mean(x^2) + eps) and g = weight dy: dx = r (g - n mean(g n)), dweight =
// dy n.
SmallVector<Value> RmsNormGradOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  int64_t width = extent(getX(), 1);
  Value x = row[0], weight = row[1], dy = row[2];
  Value r = inverseRms(row, x, width, getEps().convertToDouble());
  Value normal = row.mul(x, r);
  Value g = row.mul(weight, dy);
  Value along = row.rowMean(row.mul(g, normal), width);
  Value dx = row.mul(r, row.sub(g, row.mul(normal, along)));
  return row.results({dx, row.mul(dy, normal)});
}

//===----------------------------------------------------------------------===//
// layer_norm
//===----------------------------------------------------------------------===//

namespace {
/// The normalised value of one element, and the factor rsqrt(var + eps).
struct Standardised {
  Value normal, r;
};
} // namespace

/// The variance is the mean of (x - mean)^2, never mean(x^2) - mean^2, which cancels.
static Standardised standardise(const RowBuilder &row, Value x, int64_t width, double eps) {
  Value centred = row.sub(x, row.rowMean(x, width));
  Value variance = row.rowMean(row.mul(centred, centred), width);
  Value r = row.rsqrt(row.add(variance, row.constant(eps)));
  return {row.mul(centred, r), r};
}

RowwiseDomain LayerNormOp::getRowwiseDomain() {
  DomainBuilder domain = domainOf(getX());
  return domain.in(0, domain.element())
      .in(1, domain.column())
      .in(2, domain.column())
      .out(domain.element())
      .take();
}

SmallVector<Value> LayerNormOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  Value x = row[0], weight = row[1], bias = row[2];
  Standardised s = standardise(row, x, extent(getX(), 1), getEps().convertToDouble());
  return row.results({row.add(row.mul(weight, s.normal), bias)});
}

RowwiseDomain LayerNormGradOp::getRowwiseDomain() {
  DomainBuilder domain = domainOf(getX());
  return domain.in(0, domain.element())
      .in(1, domain.column())
      .in(2, domain.element())
      .out(domain.element())
      .out(domain.column())
      .out(domain.column())
      .take();
}

// With n the normalised value and g = weight dy: dx = r (g - mean(g) - n mean(g n)), dweight = dy
// n, dbias = dy.
SmallVector<Value> LayerNormGradOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  int64_t width = extent(getX(), 1);
  Value x = row[0], weight = row[1], dy = row[2];
  Standardised s = standardise(row, x, width, getEps().convertToDouble());
  Value g = row.mul(weight, dy);
  Value mean = row.rowMean(g, width);
  Value along = row.rowMean(row.mul(g, s.normal), width);
  Value dx = row.mul(s.r, row.sub(row.sub(g, mean), row.mul(s.normal, along)));
  return row.results({dx, row.mul(dy, s.normal), dy});
}

//===----------------------------------------------------------------------===//
// dyt
//===----------------------------------------------------------------------===//

RowwiseDomain DytOp::getRowwiseDomain() {
  DomainBuilder domain = domainOf(getX());
  return domain.in(0, domain.element())
      .in(1, domain.first())
      .in(2, domain.column())
      .in(3, domain.column())
      .out(domain.element())
      .take();
}

SmallVector<Value> DytOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  Value x = row[0], alpha = row[1], weight = row[2], bias = row[3];
  return row.results({row.add(row.mul(row.tanh(row.mul(alpha, x)), weight), bias)});
}

RowwiseDomain DytGradOp::getRowwiseDomain() {
  DomainBuilder domain = domainOf(getX());
  return domain.in(0, domain.element())
      .in(1, domain.first())
      .in(2, domain.column())
      .in(3, domain.element())
      .out(domain.element())
      .out(domain.row())
      .out(domain.column())
      .out(domain.column())
      .take();
}

// With t = tanh(alpha x) and g = weight dy (1 - t^2): dx = alpha g, dalpha = sum(x g), dweight = dy
// t, dbias = dy.
SmallVector<Value> DytGradOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  Value x = row[0], alpha = row[1], weight = row[2], dy = row[3];
  Value t = row.tanh(row.mul(alpha, x));
  Value slope = row.sub(row.constant(1.0), row.mul(t, t));
  Value g = row.mul(row.mul(weight, dy), slope);
  return row.results({row.mul(alpha, g), row.rowSum(row.mul(x, g)), row.mul(dy, t), dy});
}

} // namespace swamla
