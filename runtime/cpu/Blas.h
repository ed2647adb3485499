//===- Blas.h - matrix multiplication through the system's library --------===//
#pragma once

#include "runtime/base/Status.h"

#include <atomic>
#include <cstdint>
#include <string>

namespace swamla {

/// C = op(A) op(B) + (accumulate ? C : 0), row-major; see Matmul in step.fbs. Elements are f32, or
/// bf16 where said.
struct MatmulCall {
  const void *a, *b;
  void *c;
  int64_t m, n, k, lda, ldb, ldc;
  bool transposeA, transposeB, accumulate;
  bool narrowAB = false, narrowC = false; ///< bf16; C only with A and B, and without accumulate
};

/// A matmul cut into blocks of C, each one call of the library on one thread. Its entry is called
/// like a kernel (UnitFunction), its only view is itself. The blocks follow from m, n and k alone:
/// the bits of the result do not depend on addresses or on the number of threads. bf16 is widened
/// to f32, which is exact, in panels of the thread's scratch memory, and a result rounded once.
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

  MatmulCall call;
  int64_t blockM, blockN;          ///< size of a block
  int64_t blockRows, blockColumns; ///< how many of them
  std::atomic<int> failure = 0;    ///< the library's status, 0: none
};

/// "oneDNN 2.6.3", or why there is none.
std::string describeBlas();

} // namespace swamla
