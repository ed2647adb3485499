//===- CudaHandles.cpp - owners of CUDA's handles -------------------------===//
#include "runtime/cuda/CudaHandles.h"

#include "runtime/base/Format.h"

namespace swamla {

Result<DeviceMemory> DeviceMemory::allocate(uint64_t bytes, std::string_view purpose,
                                            CUstream stream) {
  DeviceMemory memory;
  if (bytes == 0)
    return memory;
  SWAMLA_RETURN_IF_ERROR(toStatus(
      cuMemAlloc(memory.handle.out(), bytes),
      fmt::format("cannot allocate {} of GPU memory for {}", formatBytes(bytes), purpose)));
  memory.bytes = bytes;
  SWAMLA_RETURN_IF_ERROR(toStatus(cuMemsetD8Async(memory.address(), 0, bytes, stream),
                                  fmt::format("cannot clear the memory for {}", purpose)));
  return memory;
}

Result<PinnedMemory> PinnedMemory::allocate(size_t bytes) {
  PinnedMemory memory;
  SWAMLA_RETURN_IF_ERROR(
      toStatus(cuMemHostAlloc(memory.handle.out(), bytes,
                              CU_MEMHOSTALLOC_PORTABLE | CU_MEMHOSTALLOC_DEVICEMAP),
               fmt::format("cannot allocate {} of pinned memory", formatBytes(bytes))));
  memory.bytes = bytes;
  return memory;
}

Result<EventHandle> createEvent(bool timing) {
  EventHandle event;
  SWAMLA_RETURN_IF_ERROR(
      toStatus(cuEventCreate(event.out(), timing ? CU_EVENT_DEFAULT : CU_EVENT_DISABLE_TIMING),
               "cannot create an event"));
  return event;
}

Result<StreamHandle> createStream() {
  StreamHandle stream;
  SWAMLA_RETURN_IF_ERROR(
      toStatus(cuStreamCreate(stream.out(), CU_STREAM_NON_BLOCKING), "cannot create a stream"));
  return stream;
}

} // namespace swamla
