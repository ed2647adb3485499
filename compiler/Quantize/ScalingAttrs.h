//===- ScalingAttrs.h - what the module says of the scaling state ---------===//
#pragma once

#include "compiler/Quantize/Recipe.h"

#include "mlir/IR/BuiltinOps.h"

#include <optional>

namespace swamla {

/// Of a parameter or group with fp8 copies: the first element of its scales in the buffer `scale`;
/// but for the recipe rowwise also its row in the buffer `amax`.
inline constexpr llvm::StringLiteral kScaleSiteAttr = "scale_site";

/// The module's attribute `swamla.scaling`, which the optimizer phase reads.
struct ScalingState {
  Recipe recipe;
  int64_t sites;    ///< elements of the buffer `scale`, and rows of `amax`
  int64_t rows;     ///< columns of `amax`
  int64_t e5m2From; ///< the first site of f8E5M2

  void writeTo(mlir::ModuleOp module) const;
  /// Nothing where the module has no fp8 products; fails, with a diagnostic, on an attribute that
  /// is not complete.
  static mlir::FailureOr<std::optional<ScalingState>> readFrom(mlir::ModuleOp module);
};

} // namespace swamla
