//===- KernelTarget.cpp - the table of targets ----------------------------===//
#include "compiler/Kernels/KernelTarget.h"

#include "compiler/Kernels/CPU/CpuKernels.h"
#include "compiler/Kernels/CUDA/CudaKernels.h"

using namespace mlir;

namespace swamla {

std::unique_ptr<KernelTarget> createKernelTarget(StringRef name, StringRef architecture,
                                                 function_ref<InFlightDiagnostic()> emitError) {
  if (name == "cpu")
    return createCpuKernelTarget(architecture, emitError);
  if (name == "cuda")
    return createCudaKernelTarget(architecture, emitError);
  emitError() << "no kernel generators for target '" << name << "', expected 'cpu' or 'cuda'";
  return nullptr;
}

} // namespace swamla
