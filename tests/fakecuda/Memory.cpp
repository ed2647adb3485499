//===- Memory.cpp - the machine and the memory of the fake driver ---------===//
#include "tests/fakecuda/FakeCuda.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

using namespace swamla::fake;

//===----------------------------------------------------------------------===//
// One GPU of compute capability 9.0
//===----------------------------------------------------------------------===//

static constexpr size_t kTotalBytes = size_t(80) << 30, kLargestBlock = size_t(1) << 30;

CUresult cuInit(unsigned) { return CUDA_SUCCESS; }
CUresult cuDriverGetVersion(int *version) {
  *version = 13000;
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetCount(int *count) {
  *count = 1;
  return CUDA_SUCCESS;
}
CUresult cuDeviceGet(CUdevice *device, int number) {
  *device = number;
  return number == 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}
CUresult cuDeviceGetName(char *name, int size, CUdevice) {
  std::strncpy(name, "NVIDIA Fake", size_t(size));
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute which, CUdevice) {
  switch (which) {
  case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR:
    *value = 9;
    return CUDA_SUCCESS;
  case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR:
    *value = 0;
    return CUDA_SUCCESS;
  case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT:
    *value = 4;
    return CUDA_SUCCESS;
  default:
    return CUDA_ERROR_INVALID_VALUE;
  }
}
CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice) {
  *context = reinterpret_cast<CUcontext>(1);
  return CUDA_SUCCESS;
}
CUresult cuDevicePrimaryCtxRelease(CUdevice) { return CUDA_SUCCESS; }
CUresult cuCtxSetCurrent(CUcontext) { return CUDA_SUCCESS; }
CUresult cuGetErrorName(CUresult, const char **name) {
  *name = "CUDA_ERROR_FAKE";
  return CUDA_SUCCESS;
}
CUresult cuGetErrorString(CUresult, const char **text) {
  *text = "an error of the fake driver";
  return CUDA_SUCCESS;
}

//===----------------------------------------------------------------------===//
// Memory: host memory, aligned as the driver's, of garbage at first
//===----------------------------------------------------------------------===//

CUresult cuMemGetInfo(size_t *free, size_t *total) {
  *free = *total = kTotalBytes;
  return CUDA_SUCCESS;
}
CUresult cuMemAlloc(CUdeviceptr *address, size_t bytes) {
  if (bytes > kLargestBlock)
    return CUDA_ERROR_OUT_OF_MEMORY;
  void *memory = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  std::memset(memory, 0xCD, bytes);
  *address = reinterpret_cast<CUdeviceptr>(memory);
  return CUDA_SUCCESS;
}
CUresult cuMemFree(CUdeviceptr address) {
  (void)cuCtxSynchronize(); // as the driver's
  std::free(reinterpret_cast<void *>(address));
  return CUDA_SUCCESS;
}
CUresult cuMemHostAlloc(void **memory, size_t bytes, unsigned) {
  *memory = std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  std::memset(*memory, 0xCD, bytes);
  return CUDA_SUCCESS;
}
CUresult cuMemFreeHost(void *memory) {
  std::free(memory);
  return CUDA_SUCCESS;
}
CUresult cuMemHostGetDevicePointer(CUdeviceptr *address, void *memory, unsigned) {
  *address = reinterpret_cast<CUdeviceptr>(memory);
  return CUDA_SUCCESS;
}

/// A copy in a stream's order. Words are moved one by one as the device would: a host thread may be
/// looking at them.
static CUresult copy(void *to, const void *from, size_t bytes, CUstream stream) {
  stream->enqueue([=] {
    bool aligned = reinterpret_cast<uintptr_t>(to) % sizeof(uint32_t) == 0;
    if (bytes == sizeof(uint32_t) && aligned) {
      uint32_t word;
      std::memcpy(&word, from, sizeof(word));
      std::atomic_ref(*static_cast<uint32_t *>(to)).store(word);
    } else {
      std::memcpy(to, from, bytes);
    }
  });
  return CUDA_SUCCESS;
}
CUresult cuMemcpyHtoDAsync(CUdeviceptr to, const void *from, size_t bytes, CUstream stream) {
  return copy(reinterpret_cast<void *>(to), from, bytes, stream);
}
CUresult cuMemcpyDtoHAsync(void *to, CUdeviceptr from, size_t bytes, CUstream stream) {
  return copy(to, reinterpret_cast<const void *>(from), bytes, stream);
}
CUresult cuMemcpyDtoDAsync(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
  return copy(reinterpret_cast<void *>(to), reinterpret_cast<const void *>(from), bytes, stream);
}
CUresult cuMemcpyHtoD(CUdeviceptr to, const void *from, size_t bytes) {
  std::memcpy(reinterpret_cast<void *>(to), from, bytes);
  return CUDA_SUCCESS;
}
CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t count, CUstream stream) {
  stream->enqueue([=] { std::memset(reinterpret_cast<void *>(to), value, count); });
  return CUDA_SUCCESS;
}
CUresult cuMemsetD32Async(CUdeviceptr to, unsigned value, size_t count, CUstream stream) {
  if (to % sizeof(unsigned) != 0)
    return CUDA_ERROR_MISALIGNED_ADDRESS;
  stream->enqueue([=] { std::fill_n(reinterpret_cast<unsigned *>(to), count, value); });
  return CUDA_SUCCESS;
}
