//===- CudaHandles.h - owners of CUDA's handles ---------------------------===//
#pragma once

#include "runtime/cuda/CudaStatus.h"

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

namespace swamla {

/// An address as the interfaces of CUDA that take pointers want it.
inline void *pointerTo(CUdeviceptr address) {
  return reinterpret_cast<void *>(address); // NOLINT(performance-no-int-to-ptr)
}

/// Owns a handle of type T, which `destroy` gives back. Empty handles are T().
template <typename T, auto destroy> class Handle {
public:
  Handle() = default;
  explicit Handle(T handle) : handle(handle) {}
  Handle(Handle &&other) noexcept : handle(std::exchange(other.handle, T())) {}
  Handle &operator=(Handle &&other) noexcept {
    std::swap(handle, other.handle);
    return *this;
  }
  Handle(const Handle &) = delete;
  Handle &operator=(const Handle &) = delete;
  ~Handle() {
    if (handle != T())
      (void)destroy(handle); // at the end there is nothing to be done about an error
  }

  T get() const { return handle; }
  /// Where a function that creates a handle writes it.
  T *out() { return &handle; }
  explicit operator bool() const { return handle != T(); }

private:
  T handle = T();
};

using StreamHandle = Handle<CUstream, cuStreamDestroy>;
using EventHandle = Handle<CUevent, cuEventDestroy>;
using ModuleHandle = Handle<CUmodule, cuModuleUnload>;
using GraphHandle = Handle<CUgraph, cuGraphDestroy>;
using GraphExecHandle = Handle<CUgraphExec, cuGraphExecDestroy>;

/// Device memory.
class DeviceMemory {
public:
  DeviceMemory() = default;
  /// Memory aligned to 256 bytes, zeroed in order on `stream`. No bytes: no memory.
  static Result<DeviceMemory> allocate(uint64_t bytes, std::string_view purpose, CUstream stream);

  CUdeviceptr address() const { return handle.get(); }
  uint64_t size() const { return bytes; }

private:
  Handle<CUdeviceptr, cuMemFree> handle;
  uint64_t bytes = 0;
};

/// Host memory that the device copies from and to without the processor's help.
class PinnedMemory {
public:
  PinnedMemory() = default;
  static Result<PinnedMemory> allocate(size_t bytes);

  std::byte *data() const { return static_cast<std::byte *>(handle.get()); }
  size_t size() const { return bytes; }

private:
  Handle<void *, cuMemFreeHost> handle;
  size_t bytes = 0;
};

/// An event without timing, or with it.
Result<EventHandle> createEvent(bool timing);
Result<StreamHandle> createStream();

} // namespace swamla
