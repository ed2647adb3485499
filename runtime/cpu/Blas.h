//===- Blas.h - matrix multiplication through the system's library --------===//
#pragma once

#include "runtime/base/Status.h"

#include <cstdint>
#include <string>

namespace swamla {

/// C = op(A) op(B) + (accumulate ? C : 0), row-major f32; see Matmul in step.fbs.
struct MatmulCall {
  const float *a, *b;
  float *c;
  int64_t m, n, k, lda, ldb, ldc;
  bool transposeA, transposeB, accumulate;
};

/// Uses the OpenMP threads of the caller. The result's bits depend on the call's numbers and the
/// thread count alone, not on addresses.
Status runMatmul(const MatmulCall &call);

/// "oneDNN 2.6.3".
std::string describeBlas();

} // namespace swamla
