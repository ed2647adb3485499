//===- CudaModule.h - the kernels of a program, loaded --------------------===//
#pragma once

#include "runtime/cuda/CudaHandles.h"
#include "runtime/program/StepFile.h"

#include <array>
#include <vector>

namespace swamla {

/// A kernel and how it is launched.
struct GpuKernel {
  CUfunction function = nullptr;
  std::array<unsigned, 3> grid = {1, 1, 1};
  unsigned block = 0, sharedBytes = 0;
  CUdeviceptr scratch = 0; ///< 0: it takes none
};

/// A launch with all that its parameters say, ready to be enqueued.
class GpuLaunch {
public:
  /// `addresses`: of the launch's views.
  static Result<GpuLaunch> create(const GpuKernel &kernel, const schema::Kernel &table,
                                  std::vector<CUdeviceptr> addresses);
  CUresult enqueue(CUstream stream);

private:
  const GpuKernel *kernel = nullptr;
  std::vector<CUdeviceptr> addresses; ///< of the views, then of the scratch memory
  std::vector<CUtensorMap> maps;
  std::vector<void *> parameters; ///< pointers into the vectors above, which moving keeps valid
};

/// The code object of a program. Kernels are in the order of its table.
class CudaModule {
public:
  /// Loads the cubin, or has the driver assemble the PTX. Scratch memory is zeroed in order on
  /// `stream`.
  static Result<CudaModule> load(const schema::Step &step, CUstream stream);

  const GpuKernel &kernel(unsigned index) const { return kernels[index]; }
  uint64_t scratchBytes() const { return scratch.size(); }

private:
  Status loadCode(const schema::Step &step);
  Status prepareKernel(const schema::Kernel &table, GpuKernel &kernel) const;

  ModuleHandle module;
  std::vector<GpuKernel> kernels;
  DeviceMemory scratch;
};

/// Device memory that the kernels' scratch takes in all.
uint64_t scratchBytes(const schema::Step &step);

} // namespace swamla
