//===- F8Expansion.h - eight-bit floats as integer arithmetic -------------===//
#pragma once

#include "mlir/IR/PatternMatch.h"

namespace swamla {

/// Rewrites arith.truncf to f8E4M3FN and f8E5M2, and arith.extf from them, on scalars and vectors,
/// into arithmetic on their bits, which comes from i8 and goes there by arith.bitcast. Rounding is
/// to nearest, ties to even, subnormal numbers included; what is too large, infinities too, becomes
/// the largest number; NaN becomes 0x7F. These are the bits of a GPU's cvt.rn.satfinite.
void populateF8ExpansionPatterns(mlir::RewritePatternSet &patterns);

} // namespace swamla
