//===- Matmuls.h - all matmuls of a program's file ------------------------===//
#pragma once

#include "runtime/cuda/GemmFallback.h"
#include "runtime/cuda/GpuTarget.h"
#include "runtime/cuda/MatmulTuner.h"

#include <memory>
#include <unordered_map>

namespace swamla {

/// The distinct matmul problems of a file, each with its algorithm.
class Matmuls {
public:
  /// `scratch` may be overwritten in a search of about `seconds` (0: none, see MatmulTuner).
  /// Without a matmul in the file no library is started. Fails where an f8 matmul has no algorithm.
  static Result<std::unique_ptr<Matmuls>> create(const schema::Step &step, const GpuInfo &gpu,
                                                 CUstream stream, MatmulTuner::Scratch scratch,
                                                 double seconds);
  /// Device memory that it takes.
  static uint64_t deviceBytes(const schema::Step &step);

  /// The number of a problem of the file.
  unsigned find(const MatmulProblem &problem) const { return numbers.at(problem.key()); }
  /// On the stream given to create.
  cublasStatus_t enqueue(unsigned problem, const MatmulOperands &operands) const;

private:
  explicit Matmuls(CUstream stream) : stream(stream) {}
  Status collect(const schema::Step &step);
  Status startFallback();
  Status tune(const GpuInfo &gpu, MatmulTuner::Scratch scratch, double seconds);

  CUstream stream;
  std::unique_ptr<LtLibrary> library;
  std::unique_ptr<GemmFallback> fallback; ///< where cuBLASLt has no algorithm for some problem
  std::vector<PlannedMatmul> planned;
  std::unordered_map<std::string, unsigned> numbers; ///< by MatmulProblem::key
};

} // namespace swamla
