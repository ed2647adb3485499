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

Value MatmulOp::buildQuantized(OpBuilder &builder, Value a, Value b, Value aScale, Value bScale) {
  // Gradients are sums of many small terms; only the forward may add up with fewer bits.
  bool isForward = !getTransposeA() && getTransposeB();
  auto product = MatmulOp::create(builder, getLoc(), getType(), a, b, getInit(), aScale, bScale,
                                  /*transpose_a=*/false, /*transpose_b=*/true,
                                  /*fast_accum=*/isForward);
  product->setDiscardableAttrs((*this)->getDiscardableAttrDictionary());
  return product;
}
