//===- Pointwise.cpp - elementwise ops and sums as rowwise computations ---===//
#include "compiler/Fuse/Rowwise/RowBuilder.h"

using namespace mlir;

namespace swamla {

/// The domain of x: tensor<M x C>, or of a vector as one column.
static DomainBuilder domainOf(Value x) {
  bool isVector = cast<RankedTensorType>(x.getType()).getRank() == 1;
  return DomainBuilder(x.getContext(), extent(x, 0), isVector ? 1 : extent(x, 1));
}

/// Every element of x in the domain of x.
static AffineMap everyElement(const DomainBuilder &domain, Value x) {
  bool isVector = cast<RankedTensorType>(x.getType()).getRank() == 1;
  return isVector ? domain.row() : domain.element();
}

//===----------------------------------------------------------------------===//
// add, bias_add
//===----------------------------------------------------------------------===//

RowwiseDomain AddOp::getRowwiseDomain() {
  DomainBuilder domain = domainOf(getResult());
  AffineMap map = everyElement(domain, getResult());
  return domain.in(0, map).in(1, map).out(map).take();
}

SmallVector<Value> AddOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  return row.results({row.add(row[0], row[1])});
}

RowwiseDomain BiasAddOp::getRowwiseDomain() {
  DomainBuilder domain = domainOf(getX());
  return domain.in(0, domain.element()).in(1, domain.column()).out(domain.element()).take();
}

SmallVector<Value> BiasAddOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  return row.results({row.add(row[0], row[1])});
}

//===----------------------------------------------------------------------===//
// cast
//===----------------------------------------------------------------------===//

RowwiseDomain CastOp::getRowwiseDomain() {
  DomainBuilder domain = domainOf(getX());
  AffineMap map = everyElement(domain, getX());
  return domain.in(0, map).out(map).take();
}

SmallVector<Value> CastOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  return row.results({row[0]});
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

RowwiseDomain ColumnSumOp::getRowwiseDomain() {
  DomainBuilder domain = domainOf(getX());
  return domain.in(0, domain.element()).out(domain.column()).take();
}

SmallVector<Value> ColumnSumOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  return row.results({row[0]});
}

RowwiseDomain SumOp::getRowwiseDomain() {
  DomainBuilder domain(getContext(), 1, extent(getX(), 0));
  return domain.in(0, domain.column()).out(domain.row()).take();
}

SmallVector<Value> SumOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  return row.results({row.rowSum(row[0])});
}

RowwiseDomain HeadSumOp::getRowwiseDomain() {
  int64_t width = extent(getResult(), 1);
  DomainBuilder domain(getContext(), extent(getX(), 0), width);
  for (int64_t head = 0, heads = getHeads(); head < heads; ++head)
    domain.in(0, domain.map({domain.rowDim(), domain.columnDim() + head * width}));
  return domain.out(domain.element()).take();
}

SmallVector<Value> HeadSumOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  Value sum = row[0];
  for (int64_t head = 1, heads = getHeads(); head < heads; ++head)
    sum = row.add(sum, row[head]);
  return row.results({sum});
}

//===----------------------------------------------------------------------===//
// swiglu
//===----------------------------------------------------------------------===//

RowwiseDomain SwigluOp::getRowwiseDomain() {
  DomainBuilder domain = domainOf(getValue());
  return domain.in(0, domain.element()).in(1, domain.element()).out(domain.element()).take();
}

SmallVector<Value> SwigluOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  Value value = row[0], gate = row[1];
  Value silu = row.mul(gate, row.sigmoid(gate));
  return row.results({row.mul(silu, value)});
}

RowwiseDomain SwigluGradOp::getRowwiseDomain() {
  DomainBuilder domain = domainOf(getValue());
  return domain.in(0, domain.element())
      .in(1, domain.element())
      .in(2, domain.element())
      .out(domain.element())
      .out(domain.element())
      .take();
}

// With s = sigmoid(gate): silu = gate s and silu' = s (1 + gate (1 - s)).
SmallVector<Value> SwigluGradOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  Value value = row[0], gate = row[1], dy = row[2];
  Value s = row.sigmoid(gate), one = row.constant(1.0);
  Value silu = row.mul(gate, s);
  Value slope = row.mul(s, row.add(one, row.mul(gate, row.sub(one, s))));
  return row.results({row.mul(dy, silu), row.mul(row.mul(dy, value), slope)});
}

//===----------------------------------------------------------------------===//
// dropout
//===----------------------------------------------------------------------===//

RowwiseDomain DropoutOp::getRowwiseDomain() {
  DomainBuilder domain = domainOf(getX());
  AffineMap map = everyElement(domain, getX());
  return domain.in(0, map).in(1, domain.first()).out(map).take();
}

SmallVector<Value> DropoutOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  double p = getP().convertToDouble();
  Value uniform =
      RandomUniformOp::create(builder, getLoc(), builder.getF32Type(), row[1], getSiteAttr());
  Value kept = row.greaterEqual(uniform, row.constant(p));
  Value scaled = row.mul(row[0], row.constant(1.0 / (1.0 - p)));
  return row.results({row.select(kept, scaled, row.constant(0.0))});
}

} // namespace swamla
