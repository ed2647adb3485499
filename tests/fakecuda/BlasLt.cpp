//===- BlasLt.cpp - cuBLASLt on the fake driver ---------------------------===//
//
// Column-major loops in double, behind the library's interface. It refuses what
// the library would refuse: operands that do not fit together, pointers less
// aligned than the algorithm was asked for, and f8 in any form that Hopper lacks.
//
//===----------------------------------------------------------------------===//
#include "tests/fakecuda/Columns.h"
#include "tests/fakecuda/FakeCuda.h"

#include <cstdlib>
#include <cstring>

using namespace swamla::fake;

namespace {
/// The alignment that algorithms are asked for, in the order A, B, C.
struct Preference {
  uint32_t alignment[3] = {256, 256, 256};
};
/// What stands in the 64 bytes of an algorithm.
struct Algorithm {
  uint64_t magic, number;
  uint32_t alignment[3];
};
constexpr uint64_t kMagic = 0xFA4E;

const Desc &of(cublasLtMatmulDesc_t desc) { return *reinterpret_cast<const Desc *>(desc); }
const Layout &of(cublasLtMatrixLayout_t layout) {
  return *reinterpret_cast<const Layout *>(layout);
}

bool fit(const Desc &desc, const Layout &a, const Layout &b, const Layout &c) {
  uint64_t m = desc.a == CUBLAS_OP_N ? a.rows : a.columns;
  uint64_t k = desc.a == CUBLAS_OP_N ? a.columns : a.rows;
  uint64_t n = desc.b == CUBLAS_OP_N ? b.columns : b.rows;
  uint64_t kOfB = desc.b == CUBLAS_OP_N ? b.rows : b.columns;
  return m == c.rows && n == c.columns && k == kOfB && a.ld >= int64_t(a.rows) &&
         b.ld >= int64_t(b.rows) && c.ld >= int64_t(c.rows);
}
/// What Hopper has in f8: "TN", sizes, rows and scales of whole chunks of 16 bytes, scales of one
/// kind.
bool isF8Product(const Desc &desc, const Layout &a, const Layout &b, const Layout &c) {
  auto isRagged = [](const Layout &layout) {
    uint64_t bytes = layout.type == CUDA_R_32F ? 4 : layout.type == CUDA_R_16BF ? 2 : 1;
    return layout.rows % 16 != 0 || layout.columns % 16 != 0 || uint64_t(layout.ld) * bytes % 16;
  };
  auto misplaced = [&](const float *scale) {
    return !scale || reinterpret_cast<uintptr_t>(scale) % 16 != 0;
  };
  return isF8(a.type) && isF8(b.type) && !(a.type == CUDA_R_8F_E5M2 && b.type == a.type) &&
         (c.type == CUDA_R_16BF || c.type == CUDA_R_32F) && desc.compute == CUBLAS_COMPUTE_32F &&
         desc.a == CUBLAS_OP_T && desc.b == CUBLAS_OP_N && !isRagged(a) && !isRagged(b) &&
         !isRagged(c) && desc.aMode == desc.bMode && !misplaced(desc.aScale) &&
         !misplaced(desc.bScale);
}

/// Whether there is a kernel for it. SWAMLA_FAKE_NO_F8 stands for a library that has none in f8.
bool isSupported(const Desc &desc, const Layout &a, const Layout &b, const Layout &c) {
  if (!isF8(a.type) && !isF8(b.type))
    return true;
  return isF8Product(desc, a, b, c) && !std::getenv("SWAMLA_FAKE_NO_F8");
}
} // namespace

size_t cublasLtGetVersion() { return 130000; }
size_t cublasLtGetCudartVersion() { return 13000; }
const char *cublasLtGetStatusName(cublasStatus_t) { return "an error of the fake cuBLASLt"; }
cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle) {
  *handle = reinterpret_cast<cublasLtHandle_t>(1);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtDestroy(cublasLtHandle_t) { return CUBLAS_STATUS_SUCCESS; }

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *desc, cublasComputeType_t compute,
                                        cudaDataType_t) {
  *desc = reinterpret_cast<cublasLtMatmulDesc_t>(new Desc{compute});
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t desc) {
  delete reinterpret_cast<Desc *>(desc);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t desc,
                                              cublasLtMatmulDescAttributes_t attribute,
                                              const void *value, size_t bytes) {
  auto &to = *reinterpret_cast<Desc *>(desc);
  auto take = [&](auto &field) {
    if (bytes != sizeof(field))
      return CUBLAS_STATUS_INVALID_VALUE;
    std::memcpy(&field, value, bytes);
    return CUBLAS_STATUS_SUCCESS;
  };
  switch (attribute) {
  case CUBLASLT_MATMUL_DESC_TRANSA:
    return take(to.a);
  case CUBLASLT_MATMUL_DESC_TRANSB:
    return take(to.b);
  case CUBLASLT_MATMUL_DESC_A_SCALE_POINTER:
    return take(to.aScale);
  case CUBLASLT_MATMUL_DESC_B_SCALE_POINTER:
    return take(to.bScale);
  case CUBLASLT_MATMUL_DESC_A_SCALE_MODE:
    return take(to.aMode);
  case CUBLASLT_MATMUL_DESC_B_SCALE_MODE:
    return take(to.bMode);
  case CUBLASLT_MATMUL_DESC_FAST_ACCUM: // sums are exact all the same
    return bytes == sizeof(int8_t) ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
  default:
    return CUBLAS_STATUS_INVALID_VALUE;
  }
}
cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *layout, cudaDataType type,
                                          uint64_t rows, uint64_t columns, int64_t ld) {
  *layout = reinterpret_cast<cublasLtMatrixLayout_t>(new Layout{type, rows, columns, ld});
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
  delete reinterpret_cast<Layout *>(layout);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *preference) {
  *preference = reinterpret_cast<cublasLtMatmulPreference_t>(new Preference);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
  delete reinterpret_cast<Preference *>(preference);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attribute,
                                                    const void *value, size_t) {
  int operand = int(attribute) - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES;
  if (operand >= 0 && operand < 3)
    std::memcpy(&reinterpret_cast<Preference *>(preference)->alignment[operand], value, 4);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t desc,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t,
                                              cublasLtMatmulPreference_t preference, int most,
                                              cublasLtMatmulHeuristicResult_t *results,
                                              int *count) {
  if (!fit(of(desc), of(a), of(b), of(c)))
    return CUBLAS_STATUS_INVALID_VALUE;
  if (!isSupported(of(desc), of(a), of(b), of(c)))
    return CUBLAS_STATUS_NOT_SUPPORTED;
  uint32_t least = isF8(of(a).type) ? 16 : 4;
  for (uint32_t alignment : reinterpret_cast<Preference *>(preference)->alignment)
    if (alignment < least) // none is known: the caller must go on without
      return CUBLAS_STATUS_NOT_SUPPORTED;
  *count = most < 3 ? most : 3;
  for (int i = 0; i < *count; ++i) {
    results[i] = {};
    Algorithm algorithm = {kMagic, uint64_t(i), {}};
    std::memcpy(algorithm.alignment, reinterpret_cast<Preference *>(preference)->alignment,
                sizeof(algorithm.alignment));
    std::memcpy(&results[i].algo, &algorithm, sizeof(algorithm));
  }
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulAlgoCheck(cublasLtHandle_t, cublasLtMatmulDesc_t desc,
                                       cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                       cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t,
                                       const cublasLtMatmulAlgo_t *algo,
                                       cublasLtMatmulHeuristicResult_t *result) {
  *result = {};
  bool known = algo->data[0] == kMagic && fit(of(desc), of(a), of(b), of(c)) &&
               isSupported(of(desc), of(a), of(b), of(c));
  return known ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}
cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t desc, const void *alpha,
                              const void *a, cublasLtMatrixLayout_t la, const void *b,
                              cublasLtMatrixLayout_t lb, const void *beta, const void *c,
                              cublasLtMatrixLayout_t lc, void *d, cublasLtMatrixLayout_t,
                              const cublasLtMatmulAlgo_t *algo, void *, size_t,
                              cudaStream_t stream) {
  Algorithm algorithm;
  std::memcpy(&algorithm, algo, sizeof(algorithm));
  auto misaligned = [&](const void *pointer, int operand) {
    return reinterpret_cast<uintptr_t>(pointer) % algorithm.alignment[operand] != 0;
  };
  if (algorithm.magic != kMagic || c != d || *static_cast<const float *>(alpha) != 1 ||
      misaligned(a, 0) || misaligned(b, 1) || misaligned(c, 2) ||
      !isSupported(of(desc), of(la), of(lb), of(lc)))
    return CUBLAS_STATUS_INVALID_VALUE;
  stream->enqueue(
      [=, desc = of(desc), la = of(la), lb = of(lb), lc = of(lc),
       beta = *static_cast<const float *>(beta)] { multiply(desc, la, a, lb, b, lc, d, beta); });
  return CUBLAS_STATUS_SUCCESS;
}
