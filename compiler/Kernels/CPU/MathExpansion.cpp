//===- MathExpansion.cpp - elementary functions as vector arithmetic ------===//
//
// Each function reduces its argument to a small interval and evaluates a
// polynomial there. The coefficients are minimax fits of the relative error
// (Lawson's iteration in double precision, coefficients rounded to f32 one by
// one from the lowest degree, the rest refitted after each).
//
//===----------------------------------------------------------------------===//
#include "compiler/Kernels/CPU/MathExpansion.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"

#include <limits>

using namespace mlir;

namespace swamla {

namespace {

/// f32 and i32 arithmetic on scalars, or on vectors of one shape.
class F32Builder {
public:
  F32Builder(Location loc, OpBuilder &builder, Type type) : b(loc, builder), type(type) {
    intType = b.getI32Type();
    if (auto vector = dyn_cast<VectorType>(type))
      intType = vector.clone(intType);
  }

  Value f(double value) { return constant(type, b.getF32FloatAttr(static_cast<float>(value))); }
  Value i(int32_t value) { return constant(intType, b.getI32IntegerAttr(value)); }
  Value add(Value lhs, Value rhs) { return arith::AddFOp::create(b, lhs, rhs); }
  Value sub(Value lhs, Value rhs) { return arith::SubFOp::create(b, lhs, rhs); }
  Value mul(Value lhs, Value rhs) { return arith::MulFOp::create(b, lhs, rhs); }
  Value div(Value lhs, Value rhs) { return arith::DivFOp::create(b, lhs, rhs); }
  Value fma(Value lhs, Value rhs, Value sum) { return math::FmaOp::create(b, lhs, rhs, sum); }
  Value abs(Value value) { return math::AbsFOp::create(b, value); }
  Value copySign(Value value, Value sign) { return math::CopySignOp::create(b, value, sign); }
  Value addI(Value lhs, Value rhs) { return arith::AddIOp::create(b, lhs, rhs); }
  Value subI(Value lhs, Value rhs) { return arith::SubIOp::create(b, lhs, rhs); }
  Value shl(Value value, int32_t by) { return arith::ShLIOp::create(b, value, i(by)); }
  Value sar(Value value, int32_t by) { return arith::ShRSIOp::create(b, value, i(by)); }
  Value bits(Value value) { return arith::BitcastOp::create(b, intType, value); }
  Value fromBits(Value value) { return arith::BitcastOp::create(b, type, value); }
  Value toFloat(Value value) { return arith::SIToFPOp::create(b, type, value); }
  Value compare(arith::CmpFPredicate predicate, Value lhs, Value rhs) {
    return arith::CmpFOp::create(b, predicate, lhs, rhs);
  }
  Value select(Value condition, Value yes, Value no) {
    return arith::SelectOp::create(b, condition, yes, no);
  }

  /// c[0] + c[1] x + c[2] x^2 + ...
  Value polynomial(Value x, ArrayRef<double> c) {
    Value sum = f(c.back());
    for (double coefficient : llvm::reverse(c.drop_back()))
      sum = fma(sum, x, f(coefficient));
    return sum;
  }

  /// A number rounded to the nearest integer, as float and as i32.
  struct Rounded {
    Value asFloat, asInt;
  };
  /// Rounds |x| < 2^22: adding 1.5 * 2^23 leaves no bits for the fraction. Any i32 for NaN.
  Rounded round(Value x) {
    constexpr double shift = 12582912.0;
    Value shifted = add(x, f(shift));
    return {sub(shifted, f(shift)), subI(bits(shifted), i(0x4B400000))};
  }

  /// x 2^n for n in [-252, 254], rounded once at the end, also where 2^n is no normal number: in
  /// two factors.
  Value scale(Value x, Value n) {
    Value half = sar(n, 1);
    Value rest = subI(n, half);
    return mul(mul(x, powerOfTwo(half)), powerOfTwo(rest));
  }

  /// x forced into [low, high]; NaN stays NaN.
  Value clamp(Value x, double low, double high) {
    x = select(compare(arith::CmpFPredicate::OLT, x, f(low)), f(low), x);
    return select(compare(arith::CmpFPredicate::OGT, x, f(high)), f(high), x);
  }

  Value exp(Value x);
  Value exp2(Value x);
  Value log(Value x);
  Value tanh(Value x);

private:
  Value powerOfTwo(Value n) { return fromBits(shl(addI(n, i(127)), 23)); }
  Value constant(Type valueType, TypedAttr scalar) {
    if (auto vector = dyn_cast<VectorType>(valueType))
      return arith::ConstantOp::create(b, DenseElementsAttr::get(vector, scalar));
    return arith::ConstantOp::create(b, scalar);
  }

  ImplicitLocOpBuilder b;
  Type type, intType;
};

// ln 2 in two parts; the first has 15 significant bits, so that its multiples by an exponent are
// exact.
constexpr double kLn2High = 0x1.62e4p-1, kLn2Low = 1.42860682e-06;

/// exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln 2 / 2.
Value F32Builder::exp(Value x) {
  // Beyond these the result is 0 or infinity anyway, and n stays within `scale`.
  x = clamp(x, -104.0, 89.0);
  Rounded n = round(mul(x, f(1.4426950408889634)));
  Value r = fma(n.asFloat, f(-kLn2High), x);
  r = fma(n.asFloat, f(-kLn2Low), r);
  Value p = polynomial(r, {0.49999994, 0.166665211, 0.0416682661, 0.00836867746, 0.00138207339});
  p = add(fma(mul(r, r), p, r), f(1.0));
  return scale(p, n.asInt);
}

/// 2^x = 2^n 2^r, n = round(x), |r| <= 1/2.
Value F32Builder::exp2(Value x) {
  x = clamp(x, -151.0, 129.0);
  Rounded n = round(x);
  Value r = sub(x, n.asFloat);
  Value p = polynomial(r, {1.0, 0.693147182, 0.240226507, 0.0555040501, 0.00961808674,
                           0.00133379619, 0.000154521374, 1.4324818e-05});
  return scale(p, n.asInt);
}

/// log(x) = e ln 2 + log(1 + f), x = 2^e (1 + f), sqrt(1/2) <= 1 + f < sqrt(2).
Value F32Builder::log(Value x) {
  constexpr int32_t sqrtHalf = 0x3F3504F3;
  Value tiny = compare(arith::CmpFPredicate::OLT, x, f(std::numeric_limits<float>::min()));
  Value normal = select(tiny, mul(x, f(0x1p23)), x);
  Value offset = subI(bits(normal), i(sqrtHalf));
  Value exponent = toFloat(sar(offset, 23));
  exponent = sub(exponent, select(tiny, f(23.0), f(0.0)));
  Value fraction = fromBits(subI(bits(normal), shl(sar(offset, 23), 23)));
  Value r = sub(fraction, f(1.0));
  Value square = mul(r, r);
  Value p = polynomial(r, {0.333333135, -0.250000089, 0.200020716, -0.166679889, 0.142203584,
                           -0.124062337, 0.118835486, -0.116700977, 0.0674926788});
  // Smallest terms first: e ln2Low + r^3 p - r^2 / 2 + r + e ln2High.
  Value sum = fma(exponent, f(kLn2Low), mul(mul(square, r), p));
  sum = fma(square, f(-0.5), sum);
  sum = add(r, sum);
  sum = fma(exponent, f(kLn2High), sum);

  Value infinity = f(std::numeric_limits<double>::infinity());
  sum = select(compare(arith::CmpFPredicate::OEQ, x, f(0.0)),
               f(-std::numeric_limits<double>::infinity()), sum);
  sum = select(compare(arith::CmpFPredicate::OEQ, x, infinity), infinity, sum);
  Value invalid = compare(arith::CmpFPredicate::ULT, x, f(0.0)); // negative or NaN
  return select(invalid, f(std::numeric_limits<double>::quiet_NaN()), sum);
}

/// tanh(x) = x + x^3 p(x^2) for |x| < 5/8, else sign(x) (1 - 2 / (exp(2 |x|) + 1)).
Value F32Builder::tanh(Value x) {
  Value square = mul(x, x);
  Value p = polynomial(square, {-0.333333313, 0.133332208, -0.0539481789, 0.021706894,
                                -0.00819001347, 0.00215268368});
  Value nearZero = fma(mul(x, square), p, x);
  Value magnitude = abs(x);
  Value power = exp(add(magnitude, magnitude));
  Value far = sub(f(1.0), div(f(2.0), add(power, f(1.0))));
  Value isNear = compare(arith::CmpFPredicate::OLT, magnitude, f(0.625));
  return select(isNear, nearZero, copySign(far, x));
}

template <typename Op, Value (F32Builder::*expand)(Value)>
struct ExpandPattern : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    Type type = op.getType();
    if (!getElementTypeOrSelf(type).isF32())
      return failure();
    F32Builder builder(op.getLoc(), rewriter, type);
    rewriter.replaceOp(op, (builder.*expand)(op.getOperand()));
    return success();
  }
};

} // namespace

void populateMathExpansionPatterns(RewritePatternSet &patterns) {
  patterns.add<
      ExpandPattern<math::ExpOp, &F32Builder::exp>, ExpandPattern<math::Exp2Op, &F32Builder::exp2>,
      ExpandPattern<math::LogOp, &F32Builder::log>, ExpandPattern<math::TanhOp, &F32Builder::tanh>>(
      patterns.getContext());
}

} // namespace swamla
