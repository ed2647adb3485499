//===- ScalingLayout.h - where scales lie in the scaling state ------------===//
#pragma once

#include "compiler/Quantize/Linears.h"

#include "llvm/ADT/MapVector.h"

#include <map>

namespace swamla {

/// Gives every site its place. Weights come first, in the order in which they are met, then
/// activations, then cotangents. With `rowwise` only weights have places, one number
/// for each of their rows; with `tensorwise` only weights.
class ScalingLayout {
public:
  ScalingLayout(Recipe recipe, GradientFormat gradients, mlir::ModuleOp module)
      : recipe(recipe), gradients(gradients), module(module) {}

  /// Adds what a function needs; to be called for all functions before the rest.
  void add(llvm::ArrayRef<LinearProduct> products);
  /// Places everything and writes it into the module's and the parameters' attributes.
  void finish();

  /// The first element of a weight in the buffer `scale`.
  int64_t weightScale(mlir::StringAttr param) const;
  /// The element of an activation or cotangent in the buffer `scale`.
  int64_t siteScale(const Site &site) const;
  /// The number of an activation or cotangent.
  int64_t site(const Site &site) const { return sites.at(site); }
  /// Columns of the buffer `amax`: the most rows that a site has.
  int64_t rows() const { return mostRows; }
  Recipe getRecipe() const { return recipe; }
  mlir::Type cotangentFormat() const;

private:
  Recipe recipe;
  GradientFormat gradients;
  mlir::ModuleOp module;
  llvm::MapVector<mlir::StringAttr, int64_t> weights; ///< rows of each, then places
  std::map<Site, int64_t> sites;
  int64_t mostRows = 0;
};

} // namespace swamla
