//===- MatmulQuant.cpp - matmuls of linear layers, as fp8 -----------------===//
#include "dialects/Swamla/IR/SwamlaDialect.h"
#include "dialects/Swamla/IR/VerifyUtils.h"

using namespace mlir;
using namespace swamla;

/// The parameter whose gradient a product is, or is a term of.
static FlatSymbolRefAttr gradientOf(Value product) {
  for (Operation *user : product.getUsers()) {
    if (auto add = dyn_cast<AddGradOp>(user))
      return add.getParamAttr();
    if (auto next = dyn_cast<MatmulOp>(user); next && next.getInit() == product)
      return gradientOf(next);
  }
  return {};
}

std::optional<QuantizableProduct> MatmulOp::getQuantizableProduct() {
  RankedTensorType a = tensorType(getA()), result = tensorType(getResult());
  if (!a.getElementType().isBF16())
    return std::nullopt;
  QuantizableProduct product{};
  product.m = result.getDimSize(0);
  product.n = result.getDimSize(1);
  product.k = a.getDimSize(getTransposeA() ? 0 : 1);
  bool isWeightGrad = getTransposeA() && !getTransposeB();
  if (isWeightGrad) { // dW = dy^T x
    product.a = {0, OperandRole::Cotangent, true};
    product.b = {1, OperandRole::Activation, true};
    product.param = gradientOf(getResult());
  } else { // y = x W^T, dx = dy W
    auto weight = getB().getDefiningOp<GetParamOp>();
    if (getTransposeA() || getInit() || !weight)
      return std::nullopt;
    product.a = {0, getTransposeB() ? OperandRole::Activation : OperandRole::Cotangent, false};
    product.b = {1, OperandRole::Weight, !getTransposeB()};
    product.param = weight.getParamAttr();
  }
  return product.param ? std::optional(product) : std::nullopt;
}

/// Gradients are sums of many small terms. Only the forward, and gradients of activations that sum
/// up to so many, may add up with fewer bits: rounding the terms to fp8 then costs far more.
static constexpr int64_t kShortSum = 4096;

Value MatmulOp::buildQuantized(OpBuilder &builder, Value a, Value b, Value aScale, Value bScale) {
  bool isForward = !getTransposeA() && getTransposeB();
  bool isOfActivations = !getTransposeA() && !getTransposeB();
  bool isShort = cast<RankedTensorType>(a.getType()).getDimSize(1) <= kShortSum;
  auto product = MatmulOp::create(builder, getLoc(), getType(), a, b, getInit(), aScale, bScale,
                                  /*transpose_a=*/false, /*transpose_b=*/true,
                                  /*fast_accum=*/isForward || (isOfActivations && isShort));
  product->setDiscardableAttrs((*this)->getDiscardableAttrDictionary());
  return product;
}
