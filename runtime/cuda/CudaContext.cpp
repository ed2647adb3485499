//===- CudaContext.cpp - a GPU of this machine, in use --------------------===//
#include "runtime/cuda/CudaContext.h"

namespace swamla {

Result<unsigned> countGpus() {
  SWAMLA_RETURN_IF_ERROR(toStatus(cuInit(0), "there is no GPU to use"));
  int count = 0;
  SWAMLA_RETURN_IF_ERROR(toStatus(cuDeviceGetCount(&count), "cannot count the GPUs"));
  if (count == 0)
    return toStatus(CUDA_ERROR_NO_DEVICE, "there is no GPU to use");
  return unsigned(count);
}

Result<int> CudaContext::attribute(CUdevice_attribute which) const {
  int value = 0;
  SWAMLA_RETURN_IF_ERROR(
      toStatus(cuDeviceGetAttribute(&value, which, device), "cannot ask the GPU about itself"));
  return value;
}

Result<std::unique_ptr<CudaContext>> CudaContext::create(unsigned index) {
  SWAMLA_TRY(unsigned count, countGpus());
  if (index >= count)
    return invalidArgument(
        fmt::format("--device {}: {} visible; expected 0{}", index,
                    count == 1 ? "1 GPU is" : fmt::format("{} GPUs are", count),
                    count == 1 ? std::string() : fmt::format(" to {}", count - 1)));
  std::unique_ptr<CudaContext> result(new CudaContext);
  SWAMLA_RETURN_IF_ERROR(toStatus(cuDeviceGet(&result->device, int(index)), "cannot find the GPU"));
  char name[256] = "";
  SWAMLA_RETURN_IF_ERROR(
      toStatus(cuDeviceGetName(name, sizeof(name), result->device), "cannot name the GPU"));
  SWAMLA_TRY(int major, result->attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR));
  SWAMLA_TRY(int minor, result->attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR));
  SWAMLA_TRY(int multiprocessors, result->attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT));
  result->gpu = {index, name, unsigned(major), unsigned(minor), unsigned(multiprocessors)};
  SWAMLA_RETURN_IF_ERROR(toStatus(cuDevicePrimaryCtxRetain(&result->context, result->device),
                                  fmt::format("cannot use GPU {} ({})", index, name)));
  SWAMLA_RETURN_IF_ERROR(result->makeCurrent());
  return result;
}

CudaContext::~CudaContext() {
  if (context)
    (void)cuDevicePrimaryCtxRelease(device);
}

Result<GpuMemory> CudaContext::memory() const {
  size_t free = 0, total = 0;
  SWAMLA_RETURN_IF_ERROR(
      toStatus(cuMemGetInfo(&free, &total), "cannot ask for the GPU's free memory"));
  return GpuMemory{free, total};
}

} // namespace swamla
