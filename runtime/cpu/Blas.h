//===- Blas.h - matrix multiplication through the system's library --------===//
#pragma once

#include "runtime/base/Status.h"
#include "runtime/schema/step_generated.h"

#include <atomic>
#include <cstdint>
#include <string>

namespace swamla {

/// C = op(A) op(B) + (accumulate ? C : 0), row-major; see Matmul in step.fbs.
struct MatmulCall {
  const void *a, *b;
  void *c;
  int64_t m, n, k, lda, ldb, ldc;
  bool transposeA, transposeB, accumulate;
  schema::DType aType = schema::DType::F32, bType = schema::DType::F32, cType = schema::DType::F32;
  const float *aScale = nullptr, *bScale = nullptr; ///< with f8 operands
  bool scalesEach =
      false; ///< a scale for each row of op(A) and each column of op(B), else one each

  /// `addressOf(view)` is where a view lies.
  template <typename AddressOf>
  static MatmulCall of(const schema::Matmul &matmul, AddressOf addressOf) {
    auto scale = [&](const schema::View *view) {
      return view ? reinterpret_cast<const float *>(addressOf(*view)) : nullptr;
    };
    return {addressOf(*matmul.a()),  addressOf(*matmul.b()),
            addressOf(*matmul.c()),  int64_t(matmul.m()),
            int64_t(matmul.n()),     int64_t(matmul.k()),
            int64_t(matmul.lda()),   int64_t(matmul.ldb()),
            int64_t(matmul.ldc()),   matmul.transpose_a(),
            matmul.transpose_b(),    matmul.accumulate(),
            matmul.a_type(),         matmul.b_type(),
            matmul.c_type(),         scale(matmul.a_scale()),
            scale(matmul.b_scale()), matmul.a_scale() && matmul.a_scale()->bytes() > sizeof(float)};
  }
};

/// A matmul cut into blocks of C, each one call of the library on one thread. Its entry is called
/// like a kernel (UnitFunction), its only view is itself. The blocks follow from m, n and k alone:
/// the bits of the result do not depend on addresses or on the number of threads. bf16 and f8 are
/// widened to f32, which is exact, in panels of the thread's scratch memory; sums are scaled there,
/// and a result is rounded once.
class MatmulTask {
public:
  explicit MatmulTask(const MatmulCall &call);
  MatmulTask(const MatmulTask &other) : MatmulTask(other.call) {}
  MatmulTask &operator=(const MatmulTask &) = delete;

  int64_t units() const { return blockRows * blockColumns; }
  /// What run() needs of scratch memory.
  uint64_t scratchBytes() const;
  static void run(void *const *views, int64_t begin, int64_t end, void *scratch);
  /// The error of the first block that failed since the last call, if any.
  Status takeStatus();

private:
  /// A block of C: rows from i, columns from j.
  struct Block {
    int64_t i, j, rows, columns;
  };
  Block blockAt(int64_t index) const;
  int runBlock(const Block &block) const;
  int runNarrowBlock(const Block &block, float *scratch) const;
  void storeBlock(const Block &block, float *sums) const;
  bool isNarrow() const { return call.aType != schema::DType::F32; }
  /// Whether sums are made in scratch memory, and not where C lies.
  bool sumsApart() const { return call.aScale || call.cType != schema::DType::F32; }

  MatmulCall call;
  int64_t blockM, blockN;          ///< size of a block
  int64_t blockRows, blockColumns; ///< how many of them
  std::atomic<int> failure = 0;    ///< the library's status, 0: none
};

/// "oneDNN 2.6.3", or why there is none.
std::string describeBlas();

} // namespace swamla
