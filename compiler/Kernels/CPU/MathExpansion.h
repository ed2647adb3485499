//===- MathExpansion.h - elementary functions as vector arithmetic --------===//
#pragma once

#include "mlir/IR/PatternMatch.h"

namespace swamla {

/// Rewrites math.exp, exp2, log and tanh on f32 (scalar or vector) to arithmetic, so that they stay
/// in vector registers. Within 2 units in the last place of the true value over the whole range,
/// subnormal results included; zeros, infinities and NaNs give what C's functions give.
/// Functions without a pattern become calls of libm, one lane at a time.
void populateMathExpansionPatterns(mlir::RewritePatternSet &patterns);

} // namespace swamla
