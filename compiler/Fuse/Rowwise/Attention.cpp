//===- Attention.cpp - tables, rope and delta as rowwise computations -----===//
#include "compiler/Fuse/Rowwise/RowBuilder.h"

#include <cmath>

using namespace mlir;

namespace swamla {

//===----------------------------------------------------------------------===//
// rope
//===----------------------------------------------------------------------===//

RowwiseDomain RopeTableOp::getRowwiseDomain() {
  DomainBuilder domain(getContext(), extent(getCos(), 0), extent(getCos(), 1));
  return domain.out(domain.element()).out(domain.element()).take();
}

// The angles reach T radians, of which f32 keeps too few digits: everything is f64 up to the last
// rounding.
SmallVector<Value> RopeTableOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  Location loc = getLoc();
  auto f64 = [&](double value) -> Value {
    return arith::ConstantOp::create(builder, loc, builder.getF64FloatAttr(value));
  };
  auto toF64 = [&](Value integer) -> Value {
    return arith::SIToFPOp::create(builder, loc, builder.getF64Type(), integer);
  };
  int64_t width = extent(getCos(), 1);
  Value column = row.index(1);
  Value pair = arith::ShRSIOp::create(builder, loc, column, row.integer(1));
  Value odd = arith::AndIOp::create(builder, loc, column, row.integer(1));
  // theta^(-2k / D) = exp(-k 2 log(theta) / D)
  double rate = -2.0 * std::log(getTheta().convertToDouble()) / static_cast<double>(width);
  Value frequency = math::ExpOp::create(
      builder, loc, arith::MulFOp::create(builder, loc, toF64(pair), f64(rate)));
  Value time =
      arith::DivFOp::create(builder, loc, toF64(row.index(0)), f64(getFactor().convertToDouble()));
  Value angle = arith::MulFOp::create(builder, loc, time, frequency);
  Value cos = math::CosOp::create(builder, loc, angle);
  Value sin = math::SinOp::create(builder, loc, angle);
  Value isOdd = row.notEqual(odd, row.integer(0));
  Value signedSin = row.select(isOdd, sin, arith::NegFOp::create(builder, loc, sin));
  return row.results({cos, signedSin});
}

// Updates x in place: the columns that no head rotates keep their values. A single head is no dim
// of its own, so that rope has the domain of the ops around it.
RowwiseDomain RopeOp::getRowwiseDomain() {
  int64_t rows = extent(getX(), 0), heads = getHeads(), offset = getOffset();
  int64_t headWidth = extent(getX(), 1) / heads;
  DomainBuilder domain(getContext(), rows, extent(getCos(), 1), heads > 1 ? heads : 0);
  AffineMap table =
      domain.map({positionOf(domain.rowDim(), rows, extent(getCos(), 0)), domain.columnDim()});
  AffineMap place =
      domain.map({domain.rowDim(), domain.headDim() * headWidth + domain.columnDim() + offset});
  return domain.in(1, table).in(2, table).out(place, /*init=*/0).take();
}

SmallVector<Value> RopeOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  Value cos = row[0], sin = row[1], x = row[2];
  Value swapped = PairSwapOp::create(builder, getLoc(), x);
  Value along = row.mul(x, cos), across = row.mul(swapped, sin);
  return row.results({getInverse() ? row.sub(along, across) : row.add(along, across)});
}

//===----------------------------------------------------------------------===//
// Scaling of queries
//===----------------------------------------------------------------------===//

// One column: the table is a vector.
RowwiseDomain LogitScaleTableOp::getRowwiseDomain() {
  DomainBuilder domain(getContext(), extent(getResult(), 0), 1);
  return domain.out(domain.row()).take();
}

SmallVector<Value> LogitScaleTableOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  double base = getBase().convertToDouble();
  auto window = static_cast<int32_t>(std::max<int64_t>(1, getWindow()));
  Value shifted = arith::AddIOp::create(builder, getLoc(), row.index(0),
                                        row.integer(static_cast<int32_t>(getOffset())));
  Value step = arith::FloorDivSIOp::create(builder, getLoc(), shifted, row.integer(window));
  Value scale = row.mul(row.log(row.add(row.constant(base), row.toFloat(step))),
                        row.constant(1.0 / std::log(base)));
  scale = row.maximum(scale, row.constant(getMin().convertToDouble()));
  if (std::optional<APFloat> max = getMax(); max && !max->isInfinity())
    scale = row.minimum(scale, row.constant(max->convertToDouble()));
  return row.results({scale});
}

RowwiseDomain ScaleRowsOp::getRowwiseDomain() {
  int64_t rows = extent(getX(), 0);
  DomainBuilder domain(getContext(), rows, extent(getX(), 1));
  AffineMap table = domain.map(positionOf(domain.rowDim(), rows, extent(getScale(), 0)));
  return domain.in(0, domain.element()).in(1, table).out(domain.element()).take();
}

SmallVector<Value> ScaleRowsOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  return row.results({row.mul(row[0], row[1])});
}

//===----------------------------------------------------------------------===//
// attention_delta
//===----------------------------------------------------------------------===//

RowwiseDomain AttentionDeltaOp::getRowwiseDomain() {
  int64_t heads = getHeads(), width = extent(getOut(), 1) / heads;
  DomainBuilder domain(getContext(), extent(getOut(), 0), width, heads);
  AffineMap element = domain.map({domain.rowDim(), domain.headDim() * width + domain.columnDim()});
  return domain.in(0, element)
      .in(1, element)
      .out(domain.map({domain.headDim(), domain.rowDim()}))
      .take();
}

SmallVector<Value> AttentionDeltaOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  return row.results({row.rowSum(row.mul(row[0], row[1]))});
}

} // namespace swamla
