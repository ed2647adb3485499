//===- MatmulProblem.h - what decides which algorithm is best -------------===//
#pragma once

#include "runtime/schema/step_generated.h"

#include <cstdint>
#include <string>

namespace swamla {

/// A matmul without its addresses: two with equal problems run the same algorithm, and so give the
/// same bits for the same operands.
struct MatmulProblem {
  uint64_t m = 0, n = 0, k = 0, lda = 0, ldb = 0, ldc = 0; ///< row-major, as Matmul in step.fbs
  bool transposeA = false, transposeB = false, accumulate = false, tf32 = false;
  schema::DType abType = schema::DType::F32, cType = schema::DType::F32;
  unsigned alignA = 0, alignB = 0, alignC = 0; ///< bytes, powers of two, at most kMaxAlignment

  /// Of device memory: no algorithm asks for more.
  static constexpr unsigned kMaxAlignment = 256;

  static MatmulProblem of(const schema::Matmul &matmul);
  /// One word that names the problem,
  /// "2048x6144x2048.ld2048,6144,6144.nt.bf16-f32.acc.a256,256,256".
  std::string key() const;
  double flops() const { return 2.0 * double(m) * double(n) * double(k); }
  /// Rows of the operands as they are stored, and the bytes from their first to their last element.
  uint64_t rowsA() const { return transposeA ? k : m; }
  uint64_t rowsB() const { return transposeB ? n : k; }
  uint64_t bytesA() const;
  uint64_t bytesB() const;
  uint64_t bytesC() const;

  bool operator==(const MatmulProblem &) const = default;
};

} // namespace swamla
