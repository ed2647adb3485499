//===- LtMatmul.cpp - a matmul as cuBLASLt has it -------------------------===//
#include "runtime/cuda/LtMatmul.h"

#include <cstring>

namespace swamla {

static_assert(sizeof(cublasLtMatmulAlgo_t) == sizeof(MatmulAlgorithm));

static cudaDataType_t dataType(schema::DType type) {
  switch (type) {
  case schema::DType::BF16:
    return CUDA_R_16BF;
  case schema::DType::F8E4M3:
    return CUDA_R_8F_E4M3;
  case schema::DType::F8E5M2:
    return CUDA_R_8F_E5M2;
  default:
    return CUDA_R_32F;
  }
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

template <typename T>
static cublasStatus_t set(const MatmulDesc &desc, cublasLtMatmulDescAttributes_t attribute,
                          T value) {
  return cublasLtMatmulDescSetAttribute(desc.get(), attribute, static_cast<const void *>(&value),
                                        sizeof(value));
}

Result<LtMatmul> LtMatmul::create(const MatmulProblem &problem) {
  constexpr const char *kWhat = "cannot describe a matmul to cuBLASLt";
  LtMatmul result;
  const MatmulProblem &p = result.what = problem;
  cublasComputeType_t compute = p.tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
  SWAMLA_RETURN_IF_ERROR(
      toStatus(cublasLtMatmulDescCreate(result.desc.out(), compute, CUDA_R_32F), kWhat));
  auto op = [](bool transpose) { return transpose ? CUBLAS_OP_T : CUBLAS_OP_N; };
  SWAMLA_RETURN_IF_ERROR(
      toStatus(set(result.desc, CUBLASLT_MATMUL_DESC_TRANSA, op(p.transposeB)), kWhat));
  SWAMLA_RETURN_IF_ERROR(
      toStatus(set(result.desc, CUBLASLT_MATMUL_DESC_TRANSB, op(p.transposeA)), kWhat));
  if (p.scales == MatmulScales::Each) {
    auto mode = int32_t(CUBLASLT_MATMUL_MATRIX_SCALE_OUTER_VEC_32F);
    for (auto attribute : {CUBLASLT_MATMUL_DESC_A_SCALE_MODE, CUBLASLT_MATMUL_DESC_B_SCALE_MODE})
      SWAMLA_RETURN_IF_ERROR(toStatus(set(result.desc, attribute, mode), kWhat));
  }
  if (p.fastAccum)
    SWAMLA_RETURN_IF_ERROR(
        toStatus(set(result.desc, CUBLASLT_MATMUL_DESC_FAST_ACCUM, int8_t(1)), kWhat));
  SWAMLA_TRY(result.a, layout(p.aType, p.rowsA(), p.transposeA ? p.m : p.k, p.lda));
  SWAMLA_TRY(result.b, layout(p.bType, p.rowsB(), p.transposeB ? p.k : p.n, p.ldb));
  SWAMLA_TRY(result.c, layout(p.cType, p.m, p.n, p.ldc));
  return result;
}

cublasStatus_t LtMatmul::setScales(CUdeviceptr aScale, CUdeviceptr bScale) const {
  if (what.scales == MatmulScales::None)
    return CUBLAS_STATUS_SUCCESS;
  // cuBLASLt's A is B here.
  const void *first = pointerTo(bScale), *second = pointerTo(aScale);
  cublasStatus_t status = set(desc, CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, first);
  return status == CUBLAS_STATUS_SUCCESS ? set(desc, CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, second)
                                         : status;
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
  // That there are scales decides what can run; where they are does not.
  SWAMLA_RETURN_IF_ERROR(toStatus(setScales(library.workspace(), library.workspace()),
                                  "cannot describe a matmul to cuBLASLt"));
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
  if (setScales(library.workspace(), library.workspace()) != CUBLAS_STATUS_SUCCESS)
    return false;
  return cublasLtMatmulAlgoCheck(library.handle(), desc.get(), b.get(), a.get(), c.get(), c.get(),
                                 &algo, &result) == CUBLAS_STATUS_SUCCESS &&
         result.workspaceSize <= LtLibrary::kWorkspaceBytes;
}

cublasStatus_t LtMatmul::enqueue(const LtLibrary &library, const MatmulAlgorithm &algorithm,
                                 const MatmulOperands &operands, CUstream stream) const {
  cublasLtMatmulAlgo_t algo = toLt(algorithm);
  float alpha = 1, beta = what.accumulate ? 1 : 0;
  if (cublasStatus_t status = setScales(operands.aScale, operands.bScale);
      status != CUBLAS_STATUS_SUCCESS)
    return status;
  return cublasLtMatmul(library.handle(), desc.get(), &alpha, pointerTo(operands.b), b.get(),
                        pointerTo(operands.a), a.get(), &beta, pointerTo(operands.c), c.get(),
                        pointerTo(operands.c), c.get(), &algo, pointerTo(library.workspace()),
                        LtLibrary::kWorkspaceBytes, stream);
}

} // namespace swamla
