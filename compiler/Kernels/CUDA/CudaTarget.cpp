//===- CudaTarget.cpp - the GPU that kernels are generated for ------------===//
#include "compiler/Kernels/CUDA/CudaTarget.h"

namespace swamla {

std::optional<CudaTarget> CudaTarget::parse(llvm::StringRef name) {
  if (name != "sm_90a")
    return std::nullopt;
  return CudaTarget();
}

} // namespace swamla
