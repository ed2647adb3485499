//===- GemmFallback.h - matmuls that cuBLASLt has no algorithm for --------===//
//
// cuBLASLt's heuristic knows none for some odd alignments; cuBLAS's older
// interface takes every matrix but those in f8. Its library is loaded when the first such
// matmul comes.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/cuda/LtMatmul.h"

#include <cublas_v2.h>

#include <memory>

namespace swamla {

class GemmFallback {
public:
  /// Loads libcublas. `stream` is the one that matmuls are enqueued on; the workspace is the
  /// caller's and is used in that stream's order.
  static Result<std::unique_ptr<GemmFallback>> create(CUstream stream, CUdeviceptr workspace,
                                                      uint64_t workspaceBytes);
  ~GemmFallback();
  GemmFallback(const GemmFallback &) = delete;
  GemmFallback &operator=(const GemmFallback &) = delete;

  cublasStatus_t enqueue(const MatmulProblem &problem, const MatmulOperands &operands) const;

private:
  /// cublasGemmEx, which is overloaded in C++.
  using Gemm = cublasStatus_t(cublasHandle_t, cublasOperation_t, cublasOperation_t, int, int, int,
                              const void *, const void *, cudaDataType, int, const void *,
                              cudaDataType, int, const void *, void *, cudaDataType, int,
                              cublasComputeType_t, cublasGemmAlgo_t);

  GemmFallback() = default;

  cublasHandle_t handle = nullptr;
  decltype(&cublasDestroy) destroy = nullptr;
  Gemm *gemm = nullptr;
};

} // namespace swamla
