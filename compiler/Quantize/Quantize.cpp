//===- Quantize.cpp - the products of linear layers multiply fp8 ----------===//
#include "compiler/Quantize/Passes.h"
#include "compiler/Quantize/Scales.h"

#include "dialects/Swamla/IR/VerifyUtils.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace swamla {

#define GEN_PASS_DEF_QUANTIZEPASS
#include "compiler/Quantize/Passes.h.inc"

namespace {

/// Replaces the products of one function.
class Quantizer {
public:
  Quantizer(const ScalingLayout &layout, func::FuncOp func, bool weightsOnce)
      : layout(layout), weightsOnce(weightsOnce), place(func.getContext()),
        scales(layout, place, func), values(place, layout.getRecipe() != Recipe::Tensorwise) {}

  void replace(const LinearProduct &product);
  /// Ends the function and drops what has become useless.
  void finish(func::FuncOp func);
  unsigned numCopies() const { return values.count(); }

private:
  struct Quantized {
    Value value, scale;
  };
  Quantized quantize(const LinearProduct &product, const QuantizableOperand &operand);
  Quantized weight(const LinearProduct &product, const QuantizableOperand &operand);
  Value timesWeightScales(const LinearProduct &product, Value dy);

  bool isRowwise() const { return layout.getRecipe() == Recipe::Rowwise; }

  const ScalingLayout &layout;
  bool weightsOnce;
  BehindValue place;
  Scales scales;
  QuantizedValues values;
  llvm::DenseMap<Value, Value> scaled; ///< cotangents with their weight's scales in them
};

} // namespace

/// Reads a parameter's fp8 copy where the product stands.
Quantizer::Quantized Quantizer::weight(const LinearProduct &product,
                                       const QuantizableOperand &operand) {
  Operation *op = product.op;
  OpBuilder builder(op);
  RankedTensorType type = tensorType(product.value(operand));
  int64_t rows = type.getDimSize(0), columns = type.getDimSize(1);
  auto format = Float8E4M3FNType::get(op->getContext());
  auto straightType = RankedTensorType::get({rows, columns}, format),
       transposedType = RankedTensorType::get({columns, rows}, format);
  bool transposes = operand.transposed && weightsOnce;
  auto param = GetParamOp::create(builder, op->getLoc(),
                                  operand.transposed && !transposes ? transposedType : straightType,
                                  product.what.param);
  param.setTransposed(operand.transposed && !transposes);
  param->setDiscardableAttrs(op->getDiscardableAttrDictionary());
  Value get = param;
  if (transposes) {
    auto transpose = TransposeOp::create(builder, op->getLoc(), transposedType, get);
    transpose->setDiscardableAttrs(op->getDiscardableAttrDictionary());
    get = transpose;
    // Nothing says later which weight it was.
    op->setAttr("label", builder.getStringAttr(product.what.param.getValue() + ".dx"));
  }
  if (!isRowwise() || !operand.transposed)
    return {get, scales.ofWeight(op, product.what.param.getAttr(), rows)};
  // The scales of the rows are in dy.
  auto ones = RankedTensorType::get({columns}, builder.getF32Type());
  return {get,
          arith::ConstantOp::create(builder, op->getLoc(), DenseElementsAttr::get(ones, 1.0F))};
}

/// dy, each column times the scale of the weight's row that it is multiplied by.
Value Quantizer::timesWeightScales(const LinearProduct &product, Value dy) {
  Value &result = scaled[dy];
  if (result)
    return result;
  Value rows =
      scales.ofWeight(product.op, product.what.param.getAttr(), tensorType(dy).getDimSize(1));
  SmallVector<Value> parts = partsOf(dy);
  int64_t begin = 0, width = tensorType(parts[0]).getDimSize(1);
  Value joined = dy;
  for (Value &part : parts) {
    Value slice = rows;
    if (parts.size() > 1)
      slice = place.placed(
          dy, SliceRowsOp::create(place.at(dy), dy.getLoc(),
                                  RankedTensorType::get({width}, Float32Type::get(dy.getContext())),
                                  rows, begin));
    begin += width;
    part = place.placed(
        dy, ScaleColumnsOp::create(place.at(dy), dy.getLoc(), part.getType(), part, slice));
  }
  if (parts.size() == 1)
    return result = parts[0];
  joined = place.placed(dy, JoinOp::create(place.at(dy), dy.getLoc(), dy.getType(), parts, 1));
  return result = joined;
}

Quantizer::Quantized Quantizer::quantize(const LinearProduct &product,
                                         const QuantizableOperand &operand) {
  if (operand.role == OperandRole::Weight)
    return weight(product, operand);
  Value x = product.value(operand);
  bool isCotangent = operand.role == OperandRole::Cotangent;
  Type format = isCotangent ? layout.cotangentFormat() : Float8E4M3FNType::get(x.getContext());
  if (isCotangent && isRowwise())
    x = timesWeightScales(product, x);
  Value scale = scales.of(x, product.site(operand), format);
  return {values.get(x, scale, format, operand.transposed, product.op), scale};
}

void Quantizer::replace(const LinearProduct &product) {
  QuantizableOpInterface op = product.op;
  Quantized a = quantize(product, product.what.a), b = quantize(product, product.what.b);
  OpBuilder builder(op);
  op->replaceAllUsesWith(
      ValueRange(op.buildQuantized(builder, a.value, b.value, a.scale, b.scale)));
  op->erase();
}

void Quantizer::finish(func::FuncOp func) {
  scales.finish();
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(func.getBody().front())))
    if (isOpTriviallyDead(&op))
      op.erase();
}

namespace {

class QuantizePass : public impl::QuantizePassBase<QuantizePass> {
public:
  using QuantizePassBase::QuantizePassBase;

  void runOnOperation() override {
    LinearFinder finder({recipe, forward, head});
    ScalingLayout layout(recipe, gradients, getOperation());
    SmallVector<std::pair<func::FuncOp, SmallVector<LinearProduct>>> functions;
    for (auto func : getOperation().getOps<func::FuncOp>()) {
      if (func.isDeclaration())
        continue;
      FailureOr<SmallVector<LinearProduct>> products = finder.find(func);
      if (failed(products))
        return signalPassFailure();
      layout.add(*products);
      functions.emplace_back(func, std::move(*products));
    }
    if (llvm::all_of(functions, [](const auto &entry) { return entry.second.empty(); }))
      return;
    layout.finish();
    for (auto &[func, products] : functions) {
      Quantizer quantizer(layout, func, weightsOnce);
      for (const LinearProduct &product : products)
        quantizer.replace(product);
      quantizer.finish(func);
      numQuantized += products.size();
      numCopies += quantizer.numCopies();
    }
  }
};

} // namespace
} // namespace swamla
