//===- CudaMath.cpp - elementary functions on the GPU ---------------------===//
#include "compiler/Kernels/CUDA/CudaMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"

#include <numbers>

using namespace mlir;

namespace swamla {

namespace {

constexpr double kLog2E = std::numbers::log2e, kLn2 = std::numbers::ln2;

/// Arithmetic on scalars of one float type.
class MathBuilder : public ImplicitLocOpBuilder {
public:
  MathBuilder(Operation *op, RewriterBase &rewriter)
      : ImplicitLocOpBuilder(op->getLoc(), rewriter), type(op->getResult(0).getType()) {}

  Value number(double value) { return arith::ConstantOp::create(*this, getFloatAttr(type, value)); }
  Value integer(int64_t value) {
    return arith::ConstantOp::create(*this, getI64IntegerAttr(value));
  }
  Value intrinsic(StringRef name, ValueRange operands) {
    return LLVM::CallIntrinsicOp::create(*this, type, getStringAttr(name), operands).getResults();
  }
  Value add(Value lhs, Value rhs) { return arith::AddFOp::create(*this, lhs, rhs); }
  Value sub(Value lhs, Value rhs) { return arith::SubFOp::create(*this, lhs, rhs); }
  Value mul(Value lhs, Value rhs) { return arith::MulFOp::create(*this, lhs, rhs); }
  Value fma(Value a, Value b, Value c) { return LLVM::FMAOp::create(*this, a, b, c); }
  Value negate(Value value) { return arith::NegFOp::create(*this, value); }
  Value select(Value condition, Value yes, Value no) {
    return arith::SelectOp::create(*this, condition, yes, no);
  }
  Value less(Value lhs, double rhs) {
    return arith::CmpFOp::create(*this, arith::CmpFPredicate::OLT, lhs, number(rhs));
  }
  Value isSet(Value word, int64_t bit) {
    Value masked = arith::AndIOp::create(*this, word, integer(bit));
    return arith::CmpIOp::create(*this, arith::CmpIPredicate::ne, masked, integer(0));
  }

  /// c[0] + c[1] x + c[2] x^2 + ...
  Value polynomial(Value x, ArrayRef<double> c) {
    Value sum = number(c.back());
    for (double coefficient : llvm::reverse(c.drop_back()))
      sum = fma(sum, x, number(coefficient));
    return sum;
  }

  // f32.
  Value exp2(Value x) { return intrinsic("llvm.nvvm.ex2.approx.ftz.f", x); }
  Value exp(Value x) { return exp2(mul(x, number(kLog2E))); }
  Value log(Value x) { return mul(intrinsic("llvm.nvvm.lg2.approx.f", x), number(kLn2)); }
  Value sqrt(Value x) { return intrinsic("llvm.nvvm.sqrt.approx.f", x); }
  Value rsqrt(Value x) { return intrinsic("llvm.nvvm.rsqrt.approx.ftz.f", x); }
  Value divide(Value lhs, Value rhs) { return intrinsic("llvm.nvvm.div.full", {lhs, rhs}); }
  Value tanh(Value x);

  // f64.
  Value wideExp(Value x);
  Value wideSin(Value x) { return circular(x, /*quarterTurns=*/0); }
  Value wideCos(Value x) { return circular(x, /*quarterTurns=*/1); }

private:
  /// sin(x + quarterTurns * pi / 2).
  Value circular(Value x, int64_t quarterTurns);
  /// |x| < 2^51 rounded to the nearest integer, as f64 and i64: adding 1.5 * 2^52 leaves no bits
  /// for the fraction.
  std::pair<Value, Value> round(Value x) {
    constexpr double shift = 0x1.8p52;
    Value shifted = add(x, number(shift));
    Value bits = arith::BitcastOp::create(*this, getI64Type(), shifted);
    return {sub(shifted, number(shift)),
            arith::SubIOp::create(*this, bits, integer(0x4338000000000000))};
  }

  Type type;
};

/// x - x^3 p(x^2) for |x| < 5/8, else sign(x) (1 - 2 / (exp(2 |x|) + 1)). The coefficients are a
/// minimax fit of the relative error.
Value MathBuilder::tanh(Value x) {
  Value square = mul(x, x);
  Value p = polynomial(square, {-0.333333313, 0.133332208, -0.0539481789, 0.021706894,
                                -0.00819001347, 0.00215268368});
  Value nearZero = fma(mul(x, square), p, x);
  Value magnitude = math::AbsFOp::create(*this, x);
  Value power = exp2(mul(magnitude, number(2 * kLog2E)));
  Value far = sub(number(1.0), divide(number(2.0), add(power, number(1.0))));
  return select(less(magnitude, 0.625), nearZero, math::CopySignOp::create(*this, far, x));
}

/// exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln 2 / 2.
Value MathBuilder::wideExp(Value x) {
  x = select(less(x, -708.0), number(-708.0), x);
  x = select(less(x, 709.0), x, number(709.0));
  auto [n, exponent] = round(mul(x, number(kLog2E)));
  // ln 2 in two parts; multiples of the first by an exponent are exact.
  Value r = fma(n, number(-0x1.62e42feep-1), x);
  r = fma(n, number(-0x1.a39ef35793c76p-33), r);
  SmallVector<double> inverseFactorials = {1.0};
  for (int i = 1; i <= 13; ++i)
    inverseFactorials.push_back(inverseFactorials.back() / i);
  Value p = polynomial(r, inverseFactorials);
  Value biased = arith::AddIOp::create(*this, exponent, integer(1023));
  Value bits = arith::ShLIOp::create(*this, biased, integer(52));
  return mul(p, arith::BitcastOp::create(*this, type, bits));
}

/// x = n pi / 2 + r, |r| <= pi / 4; the quarter turns decide between sin r and cos r, and the sign.
Value MathBuilder::circular(Value x, int64_t quarterTurns) {
  auto [n, quadrant] = round(mul(x, number(2 * std::numbers::inv_pi)));
  // pi / 2 in three parts, of 33 bits each (the last rounded).
  Value r = fma(n, number(-0x1.921fb544p+0), x);
  r = fma(n, number(-0x1.0b4611a6p-34), r);
  r = fma(n, number(-0x1.3198a2e037073p-69), r);
  Value square = mul(r, r);
  SmallVector<double> odd, even;
  double term = 1.0;
  for (int i = 0; i <= 17; ++i) {
    term = i == 0 ? 1.0 : term / i;
    (i % 2 ? odd : even).push_back(i / 2 % 2 ? -term : term);
  }
  Value sine = mul(r, polynomial(square, odd));
  Value cosine = polynomial(square, even);
  Value turns = arith::AddIOp::create(*this, quadrant, integer(quarterTurns));
  Value result = select(isSet(turns, 1), cosine, sine);
  return select(isSet(turns, 2), negate(result), result);
}

template <typename Op, Value (MathBuilder::*expand)(Value)> struct Expand : OpRewritePattern<Op> {
  Expand(MLIRContext *context, unsigned bits) : OpRewritePattern<Op>(context), bits(bits) {}
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (!op.getType().isIntOrFloat() || op.getType().getIntOrFloatBitWidth() != bits)
      return failure();
    MathBuilder builder(op, rewriter);
    rewriter.replaceOp(op, (builder.*expand)(op.getOperand()));
    return success();
  }
  unsigned bits;
};

struct ExpandDivision : OpRewritePattern<arith::DivFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::DivFOp op, PatternRewriter &rewriter) const override {
    if (!op.getType().isF32())
      return failure();
    MathBuilder builder(op, rewriter);
    rewriter.replaceOp(op, builder.divide(op.getLhs(), op.getRhs()));
    return success();
  }
};

} // namespace

void populateCudaMathPatterns(RewritePatternSet &patterns) {
  MLIRContext *context = patterns.getContext();
  patterns
      .add<Expand<math::ExpOp, &MathBuilder::exp>, Expand<math::Exp2Op, &MathBuilder::exp2>,
           Expand<math::LogOp, &MathBuilder::log>, Expand<math::SqrtOp, &MathBuilder::sqrt>,
           Expand<math::RsqrtOp, &MathBuilder::rsqrt>, Expand<math::TanhOp, &MathBuilder::tanh>>(
          context, 32U);
  patterns
      .add<Expand<math::ExpOp, &MathBuilder::wideExp>, Expand<math::SinOp, &MathBuilder::wideSin>,
           Expand<math::CosOp, &MathBuilder::wideCos>>(context, 64U);
  patterns.add<ExpandDivision>(context);
}

} // namespace swamla
