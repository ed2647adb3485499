//===- CudaFloat8.cpp - f8E4M3FN and f8E5M2 on the GPU --------------------===//
#include "compiler/Kernels/CUDA/CudaFloat8.h"

#include "dialects/Step/IR/ElementTypes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;

namespace swamla {

Value packF8(ImplicitLocOpBuilder &builder, Type element, Value low, Value high) {
  return NVVM::ConvertF32x2ToF8x2Op::create(
      builder, builder.getI16Type(), /*a=*/high, /*b=*/low, NVVM::FPRoundingMode::RN,
      NVVM::SaturationMode::SATFINITE, /*relu=*/false, element);
}

std::pair<Value, Value> unpackF8(ImplicitLocOpBuilder &builder, Type element, Value pair) {
  Value bytes = LLVM::BitcastOp::create(builder, VectorType::get({2}, builder.getI8Type()), pair);
  Value halves = NVVM::ConvertF8x2ToF16x2Op::create(
      builder, VectorType::get({2}, builder.getF16Type()), bytes, /*relu=*/false, element);
  auto wide = [&](int32_t index) -> Value {
    Value position = arith::ConstantOp::create(builder, builder.getI32IntegerAttr(index));
    Value half = LLVM::ExtractElementOp::create(builder, halves, position);
    return arith::ExtFOp::create(builder, builder.getF32Type(), half);
  };
  Value low = wide(0);
  return {low, wide(1)};
}

Type memoryType(Type element) {
  return isF8(element) ? IntegerType::get(element.getContext(), 8) : element;
}

namespace {

struct LowerTruncation : OpRewritePattern<arith::TruncFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::TruncFOp op, PatternRewriter &rewriter) const override {
    Value from = op.getIn();
    if (!isF8(op.getType()) || (!from.getType().isF32() && !from.getType().isBF16()))
      return failure();
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    if (from.getType().isBF16())
      from = arith::ExtFOp::create(b, b.getF32Type(), from);
    Value zero = arith::ConstantOp::create(b, b.getF32FloatAttr(0.0F));
    Value byte = arith::TruncIOp::create(b, b.getI8Type(), packF8(b, op.getType(), from, zero));
    rewriter.replaceOpWithNewOp<arith::BitcastOp>(op, op.getType(), byte);
    return success();
  }
};

struct LowerExtension : OpRewritePattern<arith::ExtFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::ExtFOp op, PatternRewriter &rewriter) const override {
    Type from = op.getIn().getType(), to = op.getType();
    if (!isF8(from) || (!to.isF32() && !to.isBF16()))
      return failure();
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value byte = arith::BitcastOp::create(b, b.getI8Type(), op.getIn());
    Value value = unpackF8(b, from, arith::ExtUIOp::create(b, b.getI16Type(), byte)).first;
    if (to.isBF16()) // exact: an f8 has fewer bits and exponents
      value = arith::TruncFOp::create(b, to, value);
    rewriter.replaceOp(op, value);
    return success();
  }
};

} // namespace

void populateCudaFloat8Patterns(RewritePatternSet &patterns) {
  patterns.add<LowerTruncation, LowerExtension>(patterns.getContext());
}

} // namespace swamla
