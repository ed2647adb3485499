//===- LtMatmul.cpp - a matmul as cuBLASLt has it -------------------------===//
#include "runtime/cuda/LtMatmul.h"

#include <cstring>

namespace swamla {

static_assert(sizeof(cublasLtMatmulAlgo_t) == sizeof(MatmulAlgorithm));

static cudaDataType_t dataType(schema::DType type) {
  return type == schema::DType::BF16 ? CUDA_R_16BF : CUDA_R_32F;
}

static cublasLtMatmulAlgo_t toLt(const MatmulAlgorithm &algorithm) {
  cublasLtMatmulAlgo_t result;
  std::memcpy(&result, algorithm.data(), sizeof(result));
  return result;
}

Result<std::unique_ptr<LtLibrary>> LtLibrary::create(CUstream stream) {
  std::unique_ptr<LtLibrary> result(new LtLibrary);
  SWAMLA_RETURN_IF_ERROR(toStatus(cublasLtCreate(&result->library), "cannot start cuBLASLt"));
  SWAMLA_TRY(result->memory,
             DeviceMemory::allocate(kWorkspaceBytes, "cuBLASLt's workspace", stream));
  return result;
}

LtLibrary::~LtLibrary() {
  if (library)
    (void)cublasLtDestroy(library);
}

//===----------------------------------------------------------------------===//
// Descriptions
//===----------------------------------------------------------------------===//

/// A row-major matrix is the transposed column-major one.
static Result<MatrixLayout> layout(schema::DType type, uint64_t rows, uint64_t columns,
                                   uint64_t ld) {
  MatrixLayout result;
  SWAMLA_RETURN_IF_ERROR(
      toStatus(cublasLtMatrixLayoutCreate(result.out(), dataType(type), columns, rows, int64_t(ld)),
               "cannot describe a matrix to cuBLASLt"));
  return result;
}

Result<LtMatmul> LtMatmul::create(const MatmulProblem &problem) {
  constexpr const char *kWhat = "cannot describe a matmul to cuBLASLt";
  LtMatmul result;
  const MatmulProblem &p = result.what = problem;
  cublasComputeType_t compute = p.tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
  SWAMLA_RETURN_IF_ERROR(
      toStatus(cublasLtMatmulDescCreate(result.desc.out(), compute, CUDA_R_32F), kWhat));
  cublasOperation_t first = p.transposeB ? CUBLAS_OP_T : CUBLAS_OP_N;
  cublasOperation_t second = p.transposeA ? CUBLAS_OP_T : CUBLAS_OP_N;
  SWAMLA_RETURN_IF_ERROR(
      toStatus(cublasLtMatmulDescSetAttribute(result.desc.get(), CUBLASLT_MATMUL_DESC_TRANSA,
                                              &first, sizeof(first)),
               kWhat));
  SWAMLA_RETURN_IF_ERROR(
      toStatus(cublasLtMatmulDescSetAttribute(result.desc.get(), CUBLASLT_MATMUL_DESC_TRANSB,
                                              &second, sizeof(second)),
               kWhat));
  SWAMLA_TRY(result.a, layout(p.abType, p.rowsA(), p.transposeA ? p.m : p.k, p.lda));
  SWAMLA_TRY(result.b, layout(p.abType, p.rowsB(), p.transposeB ? p.k : p.n, p.ldb));
  SWAMLA_TRY(result.c, layout(p.cType, p.m, p.n, p.ldc));
  return result;
}

//===----------------------------------------------------------------------===//
// Algorithms
//===----------------------------------------------------------------------===//

namespace {
using Preference = Handle<cublasLtMatmulPreference_t, cublasLtMatmulPreferenceDestroy>;
} // namespace

static Result<Preference> preferenceFor(const MatmulProblem &problem) {
  Preference preference;
  constexpr const char *kWhat = "cannot ask cuBLASLt for algorithms";
  SWAMLA_RETURN_IF_ERROR(toStatus(cublasLtMatmulPreferenceCreate(preference.out()), kWhat));
  auto set = [&](cublasLtMatmulPreferenceAttributes_t attribute, auto value) {
    return toStatus(
        cublasLtMatmulPreferenceSetAttribute(preference.get(), attribute, &value, sizeof(value)),
        kWhat);
  };
  uint32_t reductions = CUBLASLT_REDUCTION_SCHEME_NONE | CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
  SWAMLA_RETURN_IF_ERROR(set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, reductions));
  SWAMLA_RETURN_IF_ERROR(
      set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, uint64_t(LtLibrary::kWorkspaceBytes)));
  // cuBLASLt's A is B here.
  SWAMLA_RETURN_IF_ERROR(set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, uint32_t(problem.alignB)));
  SWAMLA_RETURN_IF_ERROR(set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, uint32_t(problem.alignA)));
  SWAMLA_RETURN_IF_ERROR(set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, uint32_t(problem.alignC)));
  SWAMLA_RETURN_IF_ERROR(set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, uint32_t(problem.alignC)));
  return preference;
}

Result<std::vector<MatmulAlgorithm>> LtMatmul::candidates(const LtLibrary &library,
                                                          unsigned most) const {
  SWAMLA_TRY(Preference preference, preferenceFor(what));
  std::vector<cublasLtMatmulHeuristicResult_t> found(most);
  int count = 0;
  cublasStatus_t status =
      cublasLtMatmulAlgoGetHeuristic(library.handle(), desc.get(), b.get(), a.get(), c.get(),
                                     c.get(), preference.get(), int(most), found.data(), &count);
  std::vector<MatmulAlgorithm> result;
  if (status == CUBLAS_STATUS_NOT_SUPPORTED)
    return result;
  SWAMLA_RETURN_IF_ERROR(toStatus(status, "cannot ask cuBLASLt for algorithms"));
  for (int i = 0; i < count; ++i) {
    if (found[size_t(i)].state != CUBLAS_STATUS_SUCCESS)
      continue;
    std::memcpy(result.emplace_back().data(), &found[size_t(i)].algo, sizeof(MatmulAlgorithm));
  }
  return result;
}

bool LtMatmul::accepts(const LtLibrary &library, const MatmulAlgorithm &algorithm) const {
  cublasLtMatmulAlgo_t algo = toLt(algorithm);
  cublasLtMatmulHeuristicResult_t result = {};
  return cublasLtMatmulAlgoCheck(library.handle(), desc.get(), b.get(), a.get(), c.get(), c.get(),
                                 &algo, &result) == CUBLAS_STATUS_SUCCESS &&
         result.workspaceSize <= LtLibrary::kWorkspaceBytes;
}

cublasStatus_t LtMatmul::enqueue(const LtLibrary &library, const MatmulAlgorithm &algorithm,
                                 const MatmulOperands &operands, CUstream stream) const {
  cublasLtMatmulAlgo_t algo = toLt(algorithm);
  float alpha = 1, beta = what.accumulate ? 1 : 0;
  return cublasLtMatmul(library.handle(), desc.get(), &alpha, pointerTo(operands.b), b.get(),
                        pointerTo(operands.a), a.get(), &beta, pointerTo(operands.c), c.get(),
                        pointerTo(operands.c), c.get(), &algo, pointerTo(library.workspace()),
                        LtLibrary::kWorkspaceBytes, stream);
}

} // namespace swamla
