//===- ScalingAttrs.h - what the module says of the scaling state ---------===//
#pragma once

#include "compiler/Quantize/Recipe.h"

#include "runtime/schema/Scaling.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"

#include <optional>

namespace swamla {

/// Of a parameter or group with fp8 copies: its site, which is its row in the buffer `amax`, too;
/// with the recipe rowwise the first element of its rows' scales in the buffer `scale`.
inline constexpr llvm::StringLiteral kScaleSiteAttr = "scale_site";

/// Where a site's scale lies in the buffer `scale`.
constexpr int64_t scaleOffset(Recipe recipe, int64_t site) {
  return recipe == Recipe::Rowwise ? site : site * kScaleStride;
}

/// The module's attribute `swamla.scaling`, which the optimizer phase reads.
struct ScalingState {
  Recipe recipe;
  int64_t sites;          ///< scales in the buffer `scale`, and rows of `amax`
  int64_t rows;           ///< columns of `amax`
  int64_t cotangentsFrom; ///< the first site of a cotangent
  mlir::Type cotangents;  ///< their format

  void writeTo(mlir::ModuleOp module) const;
  /// Nothing where the module has no fp8 products; fails, with a diagnostic, on an attribute that
  /// is not complete.
  static mlir::FailureOr<std::optional<ScalingState>> readFrom(mlir::ModuleOp module);
};

} // namespace swamla
