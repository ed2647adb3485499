//===- ScalingLayout.cpp - where scales lie in the scaling state ----------===//
#include "compiler/Quantize/ScalingLayout.h"

#include "compiler/Quantize/ScalingAttrs.h"

#include "mlir/IR/Builders.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace swamla {

/// Rows of the buffer `amax` start at multiples of this: 256 bytes.
static constexpr int64_t kRowAlignment = 64;

Type ScalingLayout::cotangentFormat() const {
  MLIRContext *context = ModuleOp(module).getContext();
  return gradients == GradientFormat::E5M2 ? Type(Float8E5M2Type::get(context))
                                           : Float8E4M3FNType::get(context);
}

void ScalingLayout::add(ArrayRef<LinearProduct> products) {
  for (const LinearProduct &product : products)
    for (const QuantizableOperand &operand : {product.what.a, product.what.b}) {
      auto type = cast<RankedTensorType>(product.value(operand).getType());
      int64_t rows = type.getDimSize(0);
      if (operand.role == OperandRole::Weight)
        weights.insert({product.what.param.getAttr(), rows});
      else if (recipe == Recipe::Delayed)
        sites[product.site(operand)] = 0;
      else
        continue;
      mostRows = std::max(mostRows, rows);
    }
}

int64_t ScalingLayout::weightScale(StringAttr param) const {
  return scaleOffset(recipe, weights.lookup(param));
}

int64_t ScalingLayout::siteScale(const Site &site) const {
  return scaleOffset(recipe, this->site(site));
}

void ScalingLayout::finish() {
  int64_t next = 0;
  for (auto &[param, place] : weights) {
    int64_t rows = place;
    place = next;
    next += recipe == Recipe::Rowwise ? rows : 1;
    SymbolTable::lookupSymbolIn(module, param)
        ->setAttr(kScaleSiteAttr, Builder(module).getI64IntegerAttr(place));
  }
  int64_t cotangentsFrom = 0;
  for (OperandRole role : {OperandRole::Activation, OperandRole::Cotangent}) {
    cotangentsFrom = next;
    for (auto &[site, place] : sites)
      if (site.role == role)
        place = next++;
  }
  mostRows = llvm::alignTo(mostRows, kRowAlignment);
  ScalingState{recipe, next, mostRows, cotangentsFrom, cotangentFormat()}.writeTo(module);
}

} // namespace swamla
