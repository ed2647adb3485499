//===- CudaStatus.cpp - CUDA's and cuBLAS's results as Status -------------===//
#include "runtime/cuda/CudaStatus.h"

#include "runtime/base/Format.h"

#include <cstdlib>

namespace swamla {

static std::string describe(CUresult result) {
  const char *name = nullptr, *text = nullptr;
  if (cuGetErrorName(result, &name) != CUDA_SUCCESS ||
      cuGetErrorString(result, &text) != CUDA_SUCCESS)
    return fmt::format("CUDA error {}", int(result));
  return fmt::format("{}, {}", name, text);
}

Status toStatus(CUresult result, std::string_view what, std::source_location where) {
  std::string message = fmt::format("{}: {}", what, describe(result));
  switch (result) {
  case CUDA_SUCCESS:
    return Status::ok();
  case CUDA_ERROR_OUT_OF_MEMORY:
    return resourceExhausted(
        message + "; compile with a smaller --batch or with --checkpoint=block", where);
  case CUDA_ERROR_NO_DEVICE: {
    const char *visible = std::getenv("CUDA_VISIBLE_DEVICES");
    return failedPrecondition(
        fmt::format("{}; look at nvidia-smi{}", message,
                    visible
                        ? fmt::format(", and at CUDA_VISIBLE_DEVICES, which is {}", quoted(visible))
                        : std::string()),
        where);
  }
  case CUDA_ERROR_SYSTEM_DRIVER_MISMATCH:
  case CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE:
  case CUDA_ERROR_UNSUPPORTED_PTX_VERSION:
  case CUDA_ERROR_STUB_LIBRARY:
    return failedPrecondition(message + "; install the NVIDIA driver of CUDA 13.0 or later", where);
  case CUDA_ERROR_NO_BINARY_FOR_GPU:
  case CUDA_ERROR_NOT_SUPPORTED:
  case CUDA_ERROR_SYSTEM_NOT_READY:
  case CUDA_ERROR_DEVICE_UNAVAILABLE:
  case CUDA_ERROR_DEVICE_NOT_LICENSED:
  case CUDA_ERROR_ECC_UNCORRECTABLE:
    return failedPrecondition(std::move(message), where);
  case CUDA_ERROR_ILLEGAL_ADDRESS:
  case CUDA_ERROR_MISALIGNED_ADDRESS:
  case CUDA_ERROR_ILLEGAL_INSTRUCTION:
  case CUDA_ERROR_LAUNCH_FAILED:
    return internalError(
        message + "; `compute-sanitizer swamla-run ... --no-graph` names the kernel", where);
  default:
    return internalError(std::move(message), where);
  }
}

Status toStatus(cublasStatus_t status, std::string_view what, std::source_location where) {
  if (status == CUBLAS_STATUS_SUCCESS)
    return Status::ok();
  std::string message = fmt::format("{}: {}", what, cublasLtGetStatusName(status));
  if (status == CUBLAS_STATUS_ALLOC_FAILED)
    return resourceExhausted(std::move(message), where);
  if (status == CUBLAS_STATUS_ARCH_MISMATCH || status == CUBLAS_STATUS_NOT_INITIALIZED)
    return failedPrecondition(std::move(message), where);
  return internalError(std::move(message), where);
}

} // namespace swamla
