//===- KernelTarget.cpp - the table of targets ----------------------------===//
#include "compiler/Kernels/KernelTarget.h"

#include "compiler/Kernels/CPU/CpuKernels.h"

using namespace mlir;

namespace swamla {

std::unique_ptr<KernelTarget> createKernelTarget(StringRef name, StringRef architecture,
                                                 function_ref<InFlightDiagnostic()> emitError) {
  if (name == "cpu")
    return createCpuKernelTarget(architecture, emitError);
  emitError() << "no kernel generators for target '" << name << "', expected 'cpu'";
  return nullptr;
}

} // namespace swamla
