//===- CudaMath.h - elementary functions on the GPU -----------------------===//
#pragma once

#include "mlir/IR/PatternMatch.h"

namespace swamla {

/// Replaces ops of the math dialect, and division, on scalars by what the GPU has.
///
/// f32: exp, exp2, log, sqrt, rsqrt and division become the approximate instructions, which err by
/// at most 2 units in the last place of their argument's scale; results of exp below the smallest
/// normal number are zero. tanh errs by less than 1e-6 of its value, also near zero.
/// f64: exp, sin and cos, for tables, by range reduction and polynomials: within 1e-14 of the value
/// (of 1, for sin and cos) for |x| up to 1e6. Nothing is linked in.
void populateCudaMathPatterns(mlir::RewritePatternSet &patterns);

} // namespace swamla
