//===- GemmFallback.cpp - matmuls that cuBLASLt has no algorithm for ------===//
#include "runtime/cuda/GemmFallback.h"

#include <dlfcn.h>

namespace swamla {

static constexpr const char *kLibrary = "libcublas.so.13";
// The names that cublas_v2.h maps to the exported ones.
#define SWAMLA_SYMBOL_(name) #name
#define SWAMLA_SYMBOL(name) SWAMLA_SYMBOL_(name)

template <typename F> static Status findFunction(void *library, const char *name, F *&function) {
  function = reinterpret_cast<F *>(::dlsym(library, name));
  if (!function)
    return failedPrecondition(
        fmt::format("{} has no function {}; install the cuBLAS of CUDA 13", kLibrary, name));
  return Status::ok();
}

Result<std::unique_ptr<GemmFallback>> GemmFallback::create(CUstream stream, CUdeviceptr workspace,
                                                           uint64_t workspaceBytes) {
  void *library = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL); // stays for the process's life
  if (!library)
    return failedPrecondition(fmt::format(
        "a matmul of this program needs {}, which cannot be loaded: {}", kLibrary, ::dlerror()));
  std::unique_ptr<GemmFallback> result(new GemmFallback);
  decltype(&cublasCreate) create = nullptr;
  decltype(&cublasSetStream) setStream = nullptr;
  decltype(&cublasSetWorkspace) setWorkspace = nullptr;
  SWAMLA_RETURN_IF_ERROR(findFunction(library, SWAMLA_SYMBOL(cublasCreate), create));
  SWAMLA_RETURN_IF_ERROR(findFunction(library, SWAMLA_SYMBOL(cublasSetStream), setStream));
  SWAMLA_RETURN_IF_ERROR(findFunction(library, SWAMLA_SYMBOL(cublasSetWorkspace), setWorkspace));
  SWAMLA_RETURN_IF_ERROR(findFunction(library, SWAMLA_SYMBOL(cublasGemmEx), result->gemm));
  SWAMLA_RETURN_IF_ERROR(findFunction(library, SWAMLA_SYMBOL(cublasDestroy), result->destroy));
  SWAMLA_RETURN_IF_ERROR(toStatus(create(&result->handle), "cannot start cuBLAS"));
  SWAMLA_RETURN_IF_ERROR(toStatus(setStream(result->handle, stream), "cannot start cuBLAS"));
  SWAMLA_RETURN_IF_ERROR(
      toStatus(setWorkspace(result->handle, pointerTo(workspace), workspaceBytes),
               "cannot give cuBLAS its workspace"));
  return result;
}

GemmFallback::~GemmFallback() {
  if (handle)
    (void)destroy(handle);
}

cublasStatus_t GemmFallback::enqueue(const MatmulProblem &p, const MatmulOperands &operands) const {
  float alpha = 1, beta = p.accumulate ? 1 : 0;
  auto type = [](schema::DType t) { return t == schema::DType::BF16 ? CUDA_R_16BF : CUDA_R_32F; };
  auto op = [](bool transpose) { return transpose ? CUBLAS_OP_T : CUBLAS_OP_N; };
  // Column-major: B comes first, as in LtMatmul.
  return gemm(handle, op(p.transposeB), op(p.transposeA), int(p.n), int(p.m), int(p.k), &alpha,
              pointerTo(operands.b), type(p.bType), int(p.ldb), pointerTo(operands.a),
              type(p.aType), int(p.lda), &beta, pointerTo(operands.c), type(p.cType), int(p.ldc),
              p.tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT);
}

} // namespace swamla
