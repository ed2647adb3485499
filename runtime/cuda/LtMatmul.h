//===- LtMatmul.h - a matmul as cuBLASLt has it ---------------------------===//
//
// cuBLASLt is column-major: C = A B row-major is C' = B' A' to it, so A and B
// change places. Only algorithms that give the same bits every time are asked
// for: none that adds partial sums in place, none that rounds them to bf16.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/cuda/CudaHandles.h"
#include "runtime/cuda/MatmulProblem.h"
#include "runtime/cuda/TuningCache.h"

#include <memory>
#include <vector>

namespace swamla {

/// Addresses of a matmul's operands, and of their scales if they have any.
struct MatmulOperands {
  CUdeviceptr a = 0, b = 0, c = 0, aScale = 0, bScale = 0;
};

/// The library with its workspace. One stream at a time may use it.
class LtLibrary {
public:
  /// Fixed: another size would offer other algorithms, and so other bits.
  static constexpr uint64_t kWorkspaceBytes = uint64_t(64) << 20;

  static Result<std::unique_ptr<LtLibrary>> create(CUstream stream);
  ~LtLibrary();
  LtLibrary(const LtLibrary &) = delete;
  LtLibrary &operator=(const LtLibrary &) = delete;

  cublasLtHandle_t handle() const { return library; }
  CUdeviceptr workspace() const { return memory.address(); }

private:
  LtLibrary() = default;

  cublasLtHandle_t library = nullptr;
  DeviceMemory memory;
};

using MatmulDesc = Handle<cublasLtMatmulDesc_t, cublasLtMatmulDescDestroy>;
using MatrixLayout = Handle<cublasLtMatrixLayout_t, cublasLtMatrixLayoutDestroy>;

/// A problem in cuBLASLt's terms.
class LtMatmul {
public:
  static Result<LtMatmul> create(const MatmulProblem &problem);

  const MatmulProblem &problem() const { return what; }
  /// Up to `most` algorithms that can run it, the likeliest best first; none where cuBLASLt has
  /// none.
  Result<std::vector<MatmulAlgorithm>> candidates(const LtLibrary &library, unsigned most) const;
  /// Whether this version of the library, on this GPU, can run the algorithm.
  bool accepts(const LtLibrary &library, const MatmulAlgorithm &algorithm) const;
  cublasStatus_t enqueue(const LtLibrary &library, const MatmulAlgorithm &algorithm,
                         const MatmulOperands &operands, CUstream stream) const;

private:
  /// The scales' addresses are part of the description; it is the caller's until the next call.
  cublasStatus_t setScales(CUdeviceptr aScale, CUdeviceptr bScale) const;

  MatmulProblem what;
  MatmulDesc desc;
  MatrixLayout a, b, c; ///< as in the problem; cuBLASLt is given b first
};

} // namespace swamla
