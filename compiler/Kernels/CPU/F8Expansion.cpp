//===- F8Expansion.cpp - eight-bit floats as integer arithmetic -----------===//
//
// A format of e exponent and m mantissa bits is the top of f32, but for the bias
// and for subnormal numbers. Normal numbers are f32's bits without the last
// 23 - m, the bias exchanged. Subnormal numbers are multiples of one step, 2^-9 or
// 2^-16: a float whose own last bit is worth that step is added, and rounds as
// asked.
//
//===----------------------------------------------------------------------===//
#include "compiler/Kernels/CPU/F8Expansion.h"

#include "dialects/Step/IR/ElementTypes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <bit>
#include <cmath>

using namespace mlir;

namespace swamla {

namespace {
constexpr int kF32Mantissa = 23, kF32Bias = 127;
constexpr int32_t kF32Infinity = 0x7F800000, kF32Nan = 0x7FC00000;
constexpr int32_t kSign = 0x80, kMagnitude = 0x7F, kNan = 0x7F;

/// What distinguishes the two formats.
struct F8Format {
  int mantissa, bias;
  float largest;
  int32_t infinity; ///< the code of infinity; of NaN where there is none

  int shift() const { return kF32Mantissa - mantissa; }
  /// What the exponent field of f32 has more, in place.
  int32_t rebias() const { return (kF32Bias - bias) << kF32Mantissa; }
  /// Bits, as f32, of the smallest normal number.
  int32_t smallestNormal() const { return (kF32Bias + 1 - bias) << kF32Mantissa; }
  /// The distance of subnormal numbers.
  float step() const { return std::ldexp(1.0F, 1 - bias - mantissa); }

  static F8Format of(Type type) {
    if (isa<Float8E4M3FNType>(type))
      return {.mantissa = 3, .bias = 7, .largest = 448.0F, .infinity = 0x7F};
    return {.mantissa = 2, .bias = 15, .largest = 57344.0F, .infinity = 0x7C};
  }
};

/// Arithmetic on i32 and f32, of the shape of one type.
class F8Builder {
public:
  F8Builder(Location loc, OpBuilder &builder, Type shape, F8Format format)
      : b(loc, builder), shape(shape), format(format) {}

  /// The code of an f32, as i8.
  Value encode(Value x);
  /// The f32 of a code, given as i8.
  Value decode(Value code);

private:
  Type like(Type element) const {
    auto vector = dyn_cast<VectorType>(shape);
    return vector ? Type(vector.clone(element)) : element;
  }
  Value constant(TypedAttr scalar) {
    Type type = like(scalar.getType());
    if (auto vector = dyn_cast<VectorType>(type))
      return arith::ConstantOp::create(b, DenseElementsAttr::get(vector, scalar));
    return arith::ConstantOp::create(b, scalar);
  }
  Value i(int32_t value) { return constant(b.getI32IntegerAttr(value)); }
  Value f(float value) { return constant(b.getF32FloatAttr(value)); }
  Value bits(Value value) { return arith::BitcastOp::create(b, like(b.getI32Type()), value); }
  Value number(Value value) { return arith::BitcastOp::create(b, like(b.getF32Type()), value); }
  Value add(Value lhs, Value rhs) { return arith::AddIOp::create(b, lhs, rhs); }
  Value sub(Value lhs, Value rhs) { return arith::SubIOp::create(b, lhs, rhs); }
  Value andWith(Value lhs, int32_t rhs) { return arith::AndIOp::create(b, lhs, i(rhs)); }
  Value right(Value value, int by) { return arith::ShRUIOp::create(b, value, i(by)); }
  Value left(Value value, int by) { return arith::ShLIOp::create(b, value, i(by)); }
  Value less(Value lhs, int32_t rhs) {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::slt, lhs, i(rhs));
  }
  Value greater(Value lhs, int32_t rhs) {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::sgt, lhs, i(rhs));
  }
  Value select(Value condition, Value yes, Value no) {
    return arith::SelectOp::create(b, condition, yes, no);
  }

  ImplicitLocOpBuilder b;
  Type shape;
  F8Format format;
};
} // namespace

Value F8Builder::encode(Value x) {
  Value all = bits(x), magnitude = andWith(all, 0x7FFFFFFF);
  Value isNan = greater(magnitude, kF32Infinity);
  magnitude = arith::MinSIOp::create(b, magnitude, i(std::bit_cast<int32_t>(format.largest)));

  // Half of the last kept bit, less one where that bit is even.
  Value isOdd = andWith(right(magnitude, format.shift()), 1);
  Value half = i((1 << (format.shift() - 1)) - 1 - format.rebias());
  Value normal = right(add(add(magnitude, half), isOdd), format.shift());

  float oneStepInLastBit = std::ldexp(format.step(), kF32Mantissa);
  Value aligned = arith::AddFOp::create(b, number(magnitude), f(oneStepInLastBit));
  Value subnormal = sub(bits(aligned), i(std::bit_cast<int32_t>(oneStepInLastBit)));

  Value code = select(less(magnitude, format.smallestNormal()), subnormal, normal);
  code = arith::OrIOp::create(b, code, andWith(right(all, 24), kSign));
  code = select(isNan, i(kNan), code);
  return arith::TruncIOp::create(b, like(b.getI8Type()), code);
}

Value F8Builder::decode(Value code) {
  Value all = arith::ExtUIOp::create(b, like(b.getI32Type()), code);
  Value magnitude = andWith(all, kMagnitude);
  Value sign = left(andWith(all, kSign), 24);

  Value normal = add(left(magnitude, format.shift()), i(format.rebias()));
  Value steps = arith::SIToFPOp::create(b, like(b.getF32Type()), magnitude);
  Value subnormal = bits(arith::MulFOp::create(b, steps, f(format.step())));
  Value result = select(less(magnitude, 1 << format.mantissa), subnormal, normal);
  if (format.infinity != kNan)
    result = select(less(magnitude, format.infinity), result, i(kF32Infinity));
  result = select(greater(magnitude, format.infinity - (format.infinity == kNan ? 1 : 0)),
                  i(kF32Nan), result);
  return number(arith::OrIOp::create(b, result, sign));
}

namespace {
Type withElement(Type shape, Type element) {
  auto vector = dyn_cast<VectorType>(shape);
  return vector ? Type(vector.clone(element)) : element;
}

struct EncodePattern : OpRewritePattern<arith::TruncFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::TruncFOp op, PatternRewriter &rewriter) const override {
    Type element = getElementTypeOrSelf(op.getType());
    Type from = getElementTypeOrSelf(op.getIn().getType());
    if (!isF8(element) || from.getIntOrFloatBitWidth() > 32)
      return failure();
    Value in = op.getIn();
    if (!from.isF32())
      in = arith::ExtFOp::create(rewriter, op.getLoc(),
                                 withElement(op.getType(), rewriter.getF32Type()), in);
    F8Builder builder(op.getLoc(), rewriter, op.getType(), F8Format::of(element));
    rewriter.replaceOpWithNewOp<arith::BitcastOp>(op, op.getType(), builder.encode(in));
    return success();
  }
};

struct DecodePattern : OpRewritePattern<arith::ExtFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::ExtFOp op, PatternRewriter &rewriter) const override {
    Type from = op.getIn().getType(), element = getElementTypeOrSelf(from);
    if (!isF8(element))
      return failure();
    Value code = arith::BitcastOp::create(rewriter, op.getLoc(),
                                          withElement(from, rewriter.getI8Type()), op.getIn());
    F8Builder builder(op.getLoc(), rewriter, from, F8Format::of(element));
    Value wide = builder.decode(code);
    Type to = getElementTypeOrSelf(op.getType());
    if (to.isF32())
      rewriter.replaceOp(op, wide);
    else if (to.getIntOrFloatBitWidth() > 32)
      rewriter.replaceOpWithNewOp<arith::ExtFOp>(op, op.getType(), wide);
    else
      rewriter.replaceOpWithNewOp<arith::TruncFOp>(op, op.getType(), wide);
    return success();
  }
};
} // namespace

void populateF8ExpansionPatterns(RewritePatternSet &patterns) {
  patterns.add<EncodePattern, DecodePattern>(patterns.getContext());
}

} // namespace swamla
