//===- Blas.cpp - the part of cuBLAS that the fallback uses ---------------===//
#include "tests/fakecuda/Columns.h"
#include "tests/fakecuda/FakeCuda.h"

using namespace swamla::fake;

struct cublasContext {
  cudaStream_t stream;
};
using Handle = cublasHandle_t;

extern "C" {
// NOLINTBEGIN(readability-identifier-naming): the library's names
cublasStatus_t cublasCreate_v2(Handle *handle) {
  *handle = new cublasContext{};
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasDestroy_v2(Handle handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetStream_v2(Handle handle, cudaStream_t stream) {
  handle->stream = stream;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetWorkspace_v2(Handle, void *, size_t) { return CUBLAS_STATUS_SUCCESS; }

cublasStatus_t cublasGemmEx(Handle handle, cublasOperation_t opA, cublasOperation_t opB, int m,
                            int n, int k, const void *, const void *a, cudaDataType typeA, int lda,
                            const void *b, cudaDataType typeB, int ldb, const void *beta, void *c,
                            cudaDataType typeC, int ldc, cublasComputeType_t compute,
                            cublasGemmAlgo_t) {
  auto layout = [](cudaDataType type, bool transposed, int rows, int columns, int ld) {
    return Layout{type, uint64_t(transposed ? columns : rows),
                  uint64_t(transposed ? rows : columns), ld};
  };
  Desc desc = {compute, opA, opB};
  Layout la = layout(typeA, opA == CUBLAS_OP_T, m, k, lda),
         lb = layout(typeB, opB == CUBLAS_OP_T, k, n, ldb), lc = layout(typeC, false, m, n, ldc);
  handle->stream->enqueue(
      [=, beta = *static_cast<const float *>(beta)] { multiply(desc, la, a, lb, b, lc, c, beta); });
  return CUBLAS_STATUS_SUCCESS;
}
// NOLINTEND(readability-identifier-naming)
}
