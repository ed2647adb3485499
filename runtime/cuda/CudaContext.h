//===- CudaContext.h - a GPU of this machine, in use ----------------------===//
#pragma once

#include "runtime/cuda/CudaHandles.h"
#include "runtime/cuda/GpuTarget.h"

#include <memory>

namespace swamla {

/// Holds the primary context of a GPU while it lives.
class CudaContext {
public:
  /// GPU number `index` of those that CUDA_VISIBLE_DEVICES leaves. The context is current to the
  /// calling thread afterwards.
  static Result<std::unique_ptr<CudaContext>> create(unsigned index);
  ~CudaContext();
  CudaContext(const CudaContext &) = delete;
  CudaContext &operator=(const CudaContext &) = delete;

  /// What every call from another thread begins with.
  Status makeCurrent() const { return toStatus(cuCtxSetCurrent(context), "cannot use the GPU"); }
  const GpuInfo &info() const { return gpu; }
  Result<GpuMemory> memory() const;
  /// A cuDeviceGetAttribute.
  Result<int> attribute(CUdevice_attribute which) const;

private:
  CudaContext() = default;

  CUdevice device = 0;
  CUcontext context = nullptr;
  GpuInfo gpu;
};

/// Visible GPUs; an error says why there are none.
Result<unsigned> countGpus();

} // namespace swamla
