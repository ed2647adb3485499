//===- GpuTarget.h - which programs a GPU can run -------------------------===//
//
// Free of CUDA, so that its rules and messages are tested where there is none.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/Status.h"
#include "runtime/program/StepFile.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace swamla {

struct GpuInfo {
  unsigned index = 0;            ///< among the visible ones
  std::string name;              ///< "NVIDIA H200"
  unsigned major = 0, minor = 0; ///< compute capability
  unsigned multiprocessors = 0;
};

/// Whether code for `target` ("sm_90a": exactly 9.0; "sm_90": 9.0 and above) runs on the GPU.
Status requireArchitecture(const GpuInfo &gpu, std::string_view target);

struct GpuMemory {
  uint64_t free = 0, total = 0; ///< bytes
};

/// Whether the program's buffers, and `more` bytes of the runtime's own, fit into what is free. The
/// error says how much each kind of buffer needs and what would fit.
Status requireMemory(const StepFile &file, uint64_t more, const GpuInfo &gpu,
                     const GpuMemory &memory);

} // namespace swamla
