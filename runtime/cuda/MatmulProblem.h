//===- MatmulProblem.h - what decides which algorithm is best -------------===//
#pragma once

#include "runtime/schema/step_generated.h"

#include <cstdint>
#include <string>

namespace swamla {

/// What stands beside f8 operands: one scale each, or one for each row of op(A) and column of
/// op(B).
enum class MatmulScales { None, Single, Each };

/// A matmul without its addresses: two with equal problems run the same algorithm, and so give the
/// same bits for the same operands.
struct MatmulProblem {
  uint64_t m = 0, n = 0, k = 0, lda = 0, ldb = 0, ldc = 0; ///< row-major, as Matmul in step.fbs
  bool transposeA = false, transposeB = false, accumulate = false, tf32 = false;
  bool fastAccum = false;
  schema::DType aType = schema::DType::F32, bType = schema::DType::F32, cType = schema::DType::F32;
  MatmulScales scales = MatmulScales::None;
  unsigned alignA = 0, alignB = 0, alignC = 0; ///< bytes, powers of two, at most kMaxAlignment

  /// Of device memory: no algorithm asks for more.
  static constexpr unsigned kMaxAlignment = 256;

  static MatmulProblem of(const schema::Matmul &matmul);
  /// One word that names the problem,
  /// "2048x6144x2048.ld2048,6144,6144.nt.bf16-f32.acc.a256,256,256"; f8 operands:
  /// "...nt.e5m2*e4m3-bf16.each.fast.a256,256,256".
  std::string key() const;
  double flops() const { return 2.0 * double(m) * double(n) * double(k); }
  /// Rows of the operands as they are stored, and the bytes from their first to their last element.
  uint64_t rowsA() const { return transposeA ? k : m; }
  uint64_t rowsB() const { return transposeB ? n : k; }
  uint64_t bytesA() const;
  uint64_t bytesB() const;
  uint64_t bytesC() const;
  /// f32 numbers beside op(A), and beside op(B).
  uint64_t scalesA() const { return countScales(m); }
  uint64_t scalesB() const { return countScales(n); }

  bool operator==(const MatmulProblem &) const = default;

private:
  uint64_t countScales(uint64_t rows) const {
    return scales == MatmulScales::None ? 0 : scales == MatmulScales::Single ? 1 : rows;
  }
};

} // namespace swamla
