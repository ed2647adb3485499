//===- RowBuilder.cpp - shorthand for rowwise domains and bodies ----------===//
#include "compiler/Fuse/Rowwise/RowBuilder.h"

#include "mlir/IR/AffineExpr.h"

#include <limits>

using namespace mlir;

namespace swamla {

int64_t extent(Value tensor, unsigned dim) {
  return cast<RankedTensorType>(tensor.getType()).getDimSize(dim);
}

//===----------------------------------------------------------------------===//
// DomainBuilder
//===----------------------------------------------------------------------===//

DomainBuilder::DomainBuilder(MLIRContext *context, int64_t rows, int64_t columns, int64_t heads)
    : context(context) {
  domain.extents = {rows};
  if (heads > 0)
    domain.extents.push_back(heads);
  domain.rowDims = domain.extents.size();
  domain.extents.push_back(columns);
}

AffineExpr DomainBuilder::rowDim() const { return getAffineDimExpr(0, context); }

AffineExpr DomainBuilder::headDim() const {
  return domain.rowDims == 2 ? getAffineDimExpr(1, context) : constant(0);
}

AffineExpr DomainBuilder::columnDim() const { return getAffineDimExpr(domain.rowDims, context); }

AffineExpr DomainBuilder::constant(int64_t value) const {
  return getAffineConstantExpr(value, context);
}

AffineMap DomainBuilder::map(ArrayRef<AffineExpr> results) const {
  return AffineMap::get(domain.extents.size(), /*symbolCount=*/0, results, context);
}

DomainBuilder &DomainBuilder::in(int64_t operand, AffineMap map) {
  domain.ins.push_back(operand);
  domain.inMaps.push_back(map);
  domain.gather.push_back(-1);
  return *this;
}

DomainBuilder &DomainBuilder::gather(int64_t operand, int64_t source) {
  domain.ins.push_back(operand);
  domain.inMaps.push_back(AffineMap::get(domain.extents.size(), /*symbolCount=*/1,
                                         {getAffineSymbolExpr(0, context), columnDim()}, context));
  domain.gather.push_back(source);
  return *this;
}

DomainBuilder &DomainBuilder::out(AffineMap map, int64_t init) {
  domain.outMaps.push_back(map);
  domain.outInits.push_back(init);
  return *this;
}

AffineExpr positionOf(AffineExpr row, int64_t rows, int64_t period) {
  return rows == period ? row : row % period;
}

//===----------------------------------------------------------------------===//
// RowBuilder
//===----------------------------------------------------------------------===//

Value RowBuilder::operator[](unsigned i) const {
  Value arg = args[i];
  auto type = dyn_cast<FloatType>(arg.getType());
  if (!type || type.getWidth() >= 32)
    return arg;
  return arith::ExtFOp::create(builder, loc, builder.getF32Type(), arg);
}

Value RowBuilder::constant(double value) const {
  return arith::ConstantOp::create(builder, loc,
                                   builder.getF32FloatAttr(static_cast<float>(value)));
}

Value RowBuilder::integer(int32_t value) const {
  return arith::ConstantOp::create(builder, loc, builder.getI32IntegerAttr(value));
}

Value RowBuilder::index(int64_t dim) const {
  return IndexOp::create(builder, loc, builder.getI32Type(), dim);
}

Value RowBuilder::add(Value a, Value b) const { return arith::AddFOp::create(builder, loc, a, b); }
Value RowBuilder::sub(Value a, Value b) const { return arith::SubFOp::create(builder, loc, a, b); }
Value RowBuilder::mul(Value a, Value b) const { return arith::MulFOp::create(builder, loc, a, b); }
Value RowBuilder::div(Value a, Value b) const { return arith::DivFOp::create(builder, loc, a, b); }
Value RowBuilder::neg(Value a) const { return arith::NegFOp::create(builder, loc, a); }
Value RowBuilder::exp(Value a) const { return math::ExpOp::create(builder, loc, a); }
Value RowBuilder::log(Value a) const { return math::LogOp::create(builder, loc, a); }
Value RowBuilder::sqrt(Value a) const { return math::SqrtOp::create(builder, loc, a); }
Value RowBuilder::rsqrt(Value a) const { return math::RsqrtOp::create(builder, loc, a); }
Value RowBuilder::tanh(Value a) const { return math::TanhOp::create(builder, loc, a); }
Value RowBuilder::floor(Value a) const { return math::FloorOp::create(builder, loc, a); }

Value RowBuilder::minimum(Value a, Value b) const {
  return arith::MinimumFOp::create(builder, loc, a, b);
}

Value RowBuilder::maximum(Value a, Value b) const {
  return arith::MaximumFOp::create(builder, loc, a, b);
}

Value RowBuilder::greater(Value a, Value b) const {
  return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OGT, a, b);
}

Value RowBuilder::greaterEqual(Value a, Value b) const {
  return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OGE, a, b);
}

Value RowBuilder::equal(Value a, Value b) const {
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, a, b);
}

Value RowBuilder::notEqual(Value a, Value b) const {
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne, a, b);
}

Value RowBuilder::isFinite(Value a) const {
  Value infinity = constant(std::numeric_limits<double>::infinity());
  Value magnitude = maximum(a, neg(a));
  return greater(infinity, magnitude);
}

Value RowBuilder::select(Value condition, Value yes, Value no) const {
  return arith::SelectOp::create(builder, loc, condition, yes, no);
}

Value RowBuilder::toFloat(Value integer) const {
  return arith::SIToFPOp::create(builder, loc, builder.getF32Type(), integer);
}

Value RowBuilder::toInteger(Value number) const {
  return arith::FPToSIOp::create(builder, loc, builder.getI32Type(), number);
}

Value RowBuilder::extend(Value narrow, bool isSigned) const {
  Type i32 = builder.getI32Type();
  if (isSigned)
    return arith::ExtSIOp::create(builder, loc, i32, narrow);
  return arith::ExtUIOp::create(builder, loc, i32, narrow);
}

Value RowBuilder::truncate(Value integer, unsigned bits) const {
  return arith::TruncIOp::create(builder, loc, builder.getIntegerType(bits), integer);
}

Value RowBuilder::subtract(Value a, Value b) const {
  return arith::SubIOp::create(builder, loc, a, b);
}

Value RowBuilder::bitAnd(Value a, Value b) const {
  return arith::AndIOp::create(builder, loc, a, b);
}

Value RowBuilder::bitOr(Value a, Value b) const { return arith::OrIOp::create(builder, loc, a, b); }

Value RowBuilder::bitXor(Value a, Value b) const {
  return arith::XOrIOp::create(builder, loc, a, b);
}

Value RowBuilder::shiftLeft(Value a, Value b) const {
  return arith::ShLIOp::create(builder, loc, a, b);
}

Value RowBuilder::shiftRight(Value a, Value b) const {
  return arith::ShRUIOp::create(builder, loc, a, b);
}

Value RowBuilder::rowSum(Value a) const {
  return ReduceRowOp::create(builder, loc, RowReduction::add, a);
}

Value RowBuilder::rowMax(Value a) const {
  return ReduceRowOp::create(builder, loc, RowReduction::max, a);
}

Value RowBuilder::rowMean(Value a, int64_t width) const {
  return mul(rowSum(a), constant(1.0 / static_cast<double>(width)));
}

Value RowBuilder::sigmoid(Value a) const {
  Value one = constant(1.0);
  return div(one, add(one, exp(neg(a))));
}

SmallVector<Value> RowBuilder::results(ArrayRef<Value> values) const {
  SmallVector<Value> rounded;
  for (auto [value, result] : llvm::zip_equal(values, op->getResults())) {
    Type type = cast<RankedTensorType>(result.getType()).getElementType();
    rounded.push_back(value.getType() == type
                          ? value
                          : arith::TruncFOp::create(builder, loc, type, value).getResult());
  }
  return rounded;
}

} // namespace swamla
