//===- Quant.cpp - fp8 numbers and their scales as rowwise computations ---===//
#include "compiler/Fuse/Rowwise/RowBuilder.h"

using namespace mlir;

namespace swamla {

namespace {
/// What is known of a format: its largest number is 1.75 * 2^maxExponent.
struct Fp8Format {
  double max;
  int32_t maxExponent;
  /// Of cotangents that have not been seen yet: wide enough for what comes. E4M3 holds 2^-27 to
  /// 2^-9.2 with it, E5M2 2^-40 to 2^-8.2; what is larger saturates, and its amax is found all the
  /// same, where zeros would hide what lies behind them.
  double firstCotangentScale;
};

constexpr Fp8Format kE4M3{448.0, 8, 0x1p-18};
constexpr Fp8Format kE5M2{57344.0, 15, 0x1p-24};
/// Of activations and weights that have not been seen yet, in E4M3: 2^-13 to 28.
constexpr double kFirstScale = 0x1p-4;

const Fp8Format &formatOf(Type type) { return isa<Float8E4M3FNType>(type) ? kE4M3 : kE5M2; }

/// Integer arithmetic on the bits of f32: powers of two without an approximation of log2 or exp2.
class ScaleBuilder {
public:
  ScaleBuilder(OpBuilder &builder, Location loc, const RowBuilder &row)
      : builder(builder), loc(loc), row(row) {}

  /// 2^ceil(log2(amax / (1.75 * 2^maxExponent))); `ifZero` where amax is 0, NaN where it is not
  /// finite.
  Value scaleOf(Value amax, Value maxExponent, Value ifZero) const {
    Value bits = arith::BitcastOp::create(builder, loc, builder.getI32Type(), amax);
    // A mantissa above that of 1.75 carries into the exponent.
    Value carried = arith::AddIOp::create(builder, loc, bits, row.integer(0x1fffff));
    Value exponent = arith::ShRUIOp::create(builder, loc, carried, row.integer(23));
    exponent = arith::SubIOp::create(builder, loc, exponent, maxExponent);
    exponent = arith::MaxSIOp::create(builder, loc, exponent, row.integer(1));
    Value power = arith::ShLIOp::create(builder, loc, exponent, row.integer(23));
    Value scale = arith::BitcastOp::create(builder, loc, builder.getF32Type(), power);
    scale = row.select(row.greater(amax, row.constant(0.0)), scale, ifZero);
    // 0 * amax is NaN where amax is not finite, and 0 where it is.
    return row.add(scale, row.mul(amax, row.constant(0.0)));
  }

private:
  OpBuilder &builder;
  Location loc;
  const RowBuilder &row;
};

Value absolute(const RowBuilder &row, Value x) { return row.maximum(x, row.neg(x)); }

/// The scale for a format, 1 where amax is 0.
Value scaleFor(OpBuilder &builder, Location loc, const RowBuilder &row, Value amax, Type type) {
  return ScaleBuilder(builder, loc, row)
      .scaleOf(amax, row.integer(formatOf(type).maxExponent), row.constant(1.0));
}
} // namespace

//===----------------------------------------------------------------------===//
// quantize, dequantize, transpose, scale_columns
//===----------------------------------------------------------------------===//

RowwiseDomain QuantizeOp::getRowwiseDomain() {
  DomainBuilder domain(getContext(), extent(getX(), 0), extent(getX(), 1));
  // With one row both are the same.
  AffineMap scale = extent(getScale(), 0) == 1 ? domain.first() : domain.row();
  AffineMap out =
      getTransposed() ? domain.map({domain.columnDim(), domain.rowDim()}) : domain.element();
  return domain.in(0, domain.element()).in(1, scale).out(out).take();
}

SmallVector<Value> QuantizeOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  double max = formatOf(cast<RankedTensorType>(getResult().getType()).getElementType()).max;
  // The inverse of a power of two is exact.
  Value inverse = row.div(row.constant(1.0), row[1]);
  Value scaled = row.mul(row[0], inverse);
  return row.results({row.minimum(row.maximum(scaled, row.constant(-max)), row.constant(max))});
}

RowwiseDomain DequantizeOp::getRowwiseDomain() {
  DomainBuilder domain(getContext(), extent(getQ(), 0), extent(getQ(), 1));
  AffineMap scale = extent(getScale(), 0) == 1 ? domain.first() : domain.row();
  return domain.in(0, domain.element()).in(1, scale).out(domain.element()).take();
}

SmallVector<Value> DequantizeOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  return row.results({row.mul(row[0], row[1])});
}

RowwiseDomain TransposeOp::getRowwiseDomain() {
  DomainBuilder domain(getContext(), extent(getX(), 0), extent(getX(), 1));
  return domain.in(0, domain.element())
      .out(domain.map({domain.columnDim(), domain.rowDim()}))
      .take();
}

SmallVector<Value> TransposeOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  return row.results({row[0]});
}

RowwiseDomain ScaleColumnsOp::getRowwiseDomain() {
  DomainBuilder domain(getContext(), extent(getX(), 0), extent(getX(), 1));
  return domain.in(0, domain.element()).in(1, domain.column()).out(domain.element()).take();
}

SmallVector<Value> ScaleColumnsOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  return row.results({row.mul(row[0], row[1])});
}

//===----------------------------------------------------------------------===//
// row_amax, row_scale, tensor_scale
//===----------------------------------------------------------------------===//

RowwiseDomain RowAmaxOp::getRowwiseDomain() {
  DomainBuilder domain(getContext(), extent(getX(), 0), extent(getX(), 1));
  return domain.in(0, domain.element()).out(domain.row(), getInit() ? 1 : -1).take();
}

SmallVector<Value> RowAmaxOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  Value amax = row.rowMax(absolute(row, row[0]));
  return row.results({getInit() ? row.maximum(row[1], amax) : amax});
}

RowwiseDomain RowScaleOp::getRowwiseDomain() {
  DomainBuilder domain(getContext(), extent(getRows(), 0), static_cast<int64_t>(getColumns()));
  return domain.in(0, domain.row()).out(domain.row()).take();
}

SmallVector<Value> RowScaleOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  return row.results({scaleFor(builder, getLoc(), row, row[0], getFormat())});
}

RowwiseDomain TensorScaleOp::getRowwiseDomain() {
  DomainBuilder domain(getContext(), 1, extent(getRows(), 0));
  return domain.in(0, domain.column()).out(domain.row()).take();
}

SmallVector<Value> TensorScaleOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  Value amax = row.rowMax(row[0]);
  return row.results({scaleFor(builder, getLoc(), row, amax, getFormat())});
}

//===----------------------------------------------------------------------===//
// update_scales
//===----------------------------------------------------------------------===//

RowwiseDomain UpdateScalesOp::getRowwiseDomain() {
  DomainBuilder domain(getContext(), extent(getAmax(), 0), extent(getAmax(), 1));
  domain.out(domain.element(), /*init=*/0);
  for (unsigned i = 1, n = getNumOperands(); i < n; ++i)
    domain.out(domain.row(), /*init=*/i);
  return domain.take();
}

SmallVector<Value> UpdateScalesOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  Value seen = row.rowMax(row[0]), zero = row.constant(0.0);
  // What a site holds, by its number.
  Value isCotangent =
      arith::CmpIOp::create(builder, getLoc(), arith::CmpIPredicate::sge, row.index(0),
                            row.integer(static_cast<int32_t>(getCotangentsFrom())));
  const Fp8Format &format = formatOf(getFormat());
  Value exponent =
      row.select(isCotangent, row.integer(format.maxExponent), row.integer(kE4M3.maxExponent));
  SmallVector<Value> history;
  Value ifZero = row.constant(1.0), top = seen;
  if (!getHistory().empty()) {
    // One number that is not finite must not spoil the scales of many steps.
    Value distance = row.sub(seen, seen);
    Value isFinite = row.greaterEqual(distance, zero);
    history.push_back(row.select(isFinite, seen, zero));
    for (unsigned i = 0, n = getHistory().size(); i + 1 < n; ++i)
      history.push_back(row[2 + i]);
    top = history[0];
    for (Value entry : ArrayRef(history).drop_front())
      top = row.maximum(top, entry);
    ifZero = row.select(isCotangent, row.constant(format.firstCotangentScale),
                        row.constant(kFirstScale));
  }
  Value scale = ScaleBuilder(builder, getLoc(), row).scaleOf(top, exponent, ifZero);
  SmallVector<Value> results{zero, scale};
  llvm::append_range(results, history);
  return row.results(results);
}

} // namespace swamla
