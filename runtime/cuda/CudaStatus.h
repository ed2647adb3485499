//===- CudaStatus.h - CUDA's and cuBLAS's results as Status ---------------===//
#pragma once

#include "runtime/base/Status.h"

#include <cublasLt.h>
#include <cuda.h>

#include <string_view>

namespace swamla {

/// "`what`: CUDA_ERROR_NAME, its description". Out of memory is ResourceExhausted, what depends on
/// the machine FailedPrecondition, the rest Internal.
Status toStatus(CUresult result, std::string_view what,
                std::source_location where = std::source_location::current());
Status toStatus(cublasStatus_t status, std::string_view what,
                std::source_location where = std::source_location::current());

} // namespace swamla
