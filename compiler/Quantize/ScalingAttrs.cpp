//===- ScalingAttrs.cpp - what the module says of the scaling state -------===//
#include "compiler/Quantize/ScalingAttrs.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace swamla {

static constexpr llvm::StringLiteral kScalingAttr = "swamla.scaling";

static StringRef stringify(Recipe recipe) {
  switch (recipe) {
  case Recipe::Tensorwise:
    return "tensorwise";
  case Recipe::Delayed:
    return "delayed";
  case Recipe::Rowwise:
    return "rowwise";
  }
  llvm_unreachable("unknown recipe");
}

void ScalingState::writeTo(ModuleOp module) const {
  Builder b(module.getContext());
  module->setAttr(
      kScalingAttr,
      b.getDictionaryAttr({b.getNamedAttr("cotangents", TypeAttr::get(cotangents)),
                           b.getNamedAttr("cotangents_from", b.getI64IntegerAttr(cotangentsFrom)),
                           b.getNamedAttr("recipe", b.getStringAttr(stringify(recipe))),
                           b.getNamedAttr("rows", b.getI64IntegerAttr(rows)),
                           b.getNamedAttr("sites", b.getI64IntegerAttr(sites))}));
}

FailureOr<std::optional<ScalingState>> ScalingState::readFrom(ModuleOp module) {
  Attribute attr = module->getAttr(kScalingAttr);
  if (!attr)
    return std::optional<ScalingState>();
  auto dictionary = dyn_cast<DictionaryAttr>(attr);
  auto number = [&](StringRef name) {
    auto value = dictionary ? dictionary.getAs<IntegerAttr>(name) : IntegerAttr();
    return value ? value.getInt() : -1;
  };
  auto name = dictionary ? dictionary.getAs<StringAttr>("recipe") : StringAttr();
  auto recipe = llvm::StringSwitch<std::optional<Recipe>>(name ? name.getValue() : "")
                    .Case("tensorwise", Recipe::Tensorwise)
                    .Case("delayed", Recipe::Delayed)
                    .Case("rowwise", Recipe::Rowwise)
                    .Default(std::nullopt);
  auto format = dictionary ? dictionary.getAs<TypeAttr>("cotangents") : TypeAttr();
  ScalingState state{recipe.value_or(Recipe::Tensorwise), number("sites"), number("rows"),
                     number("cotangents_from"), format ? format.getValue() : Type()};
  if (!recipe || state.sites < 1 || state.rows < 1 || state.cotangentsFrom < 0 ||
      !isa_and_present<Float8E4M3FNType, Float8E5M2Type>(state.cotangents))
    return module.emitError("attribute ")
           << kScalingAttr << " is not complete: expected recipe, sites, rows, cotangents and "
           << "cotangents_from as --swamla-quantize writes them, found " << attr;
  return std::optional(state);
}

} // namespace swamla
