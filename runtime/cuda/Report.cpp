//===- Report.cpp - what CUDA there is, for --check -----------------------===//
#include "runtime/base/Format.h"
#include "runtime/cuda/CudaContext.h"
#include "runtime/cuda/CudaDevice.h"
#include "runtime/cuda/NcclGroup.h"

#include <dlfcn.h>

namespace swamla {

/// A function of a library that need not be there; nullptr if it is not.
template <typename F> static F *optionalFunction(const char *library, const char *name) {
  void *handle = ::dlopen(library, RTLD_NOW | RTLD_LOCAL); // stays for the process's life
  return handle ? reinterpret_cast<F *>(::dlsym(handle, name)) : nullptr;
}

/// "580.65.06", as NVML has it; empty where there is no NVML.
static std::string driverRelease() {
  constexpr const char *kLibrary = "libnvidia-ml.so.1";
  auto *init = optionalFunction<int()>(kLibrary, "nvmlInit_v2");
  auto *shutdown = optionalFunction<int()>(kLibrary, "nvmlShutdown");
  auto *version = optionalFunction<int(char *, unsigned)>(kLibrary, "nvmlSystemGetDriverVersion");
  char text[80] = "";
  if (!init || !shutdown || !version || init() != 0)
    return {};
  bool known = version(text, sizeof(text)) == 0;
  (void)shutdown();
  return known ? text : "";
}

static std::string driverText() {
  int version = 0;
  if (cuDriverGetVersion(&version) != CUDA_SUCCESS)
    return "none";
  std::string release = driverRelease();
  return fmt::format("{}{}for CUDA {}.{}", release, release.empty() ? "" : ", ", version / 1000,
                     version % 1000 / 10);
}

static std::string ncclText() {
  Result<std::string> version = ncclVersion();
  return version.isOk() ? *version
                        : fmt::format("none: {}; one GPU does without", version.status().message());
}

static std::string gpuText(unsigned index) {
  Result<std::unique_ptr<CudaContext>> context = CudaContext::create(index);
  if (!context.isOk())
    return context.status().message();
  const GpuInfo &gpu = (*context)->info();
  Result<GpuMemory> memory = (*context)->memory();
  auto capability = std::pair(gpu.major, gpu.minor);
  auto yesNo = [](bool yes) { return yes ? "yes" : "no"; };
  return fmt::format("{}, compute capability {}.{}, {} multiprocessors, {} free of {}, TF32 {}, "
                     "FP8 {}",
                     gpu.name, gpu.major, gpu.minor, gpu.multiprocessors,
                     memory.isOk() ? formatBytes(memory->free) : "?",
                     memory.isOk() ? formatBytes(memory->total) : "?",
                     yesNo(capability >= std::pair(8U, 0U)),
                     yesNo(capability >= std::pair(8U, 9U)));
}

CudaReport reportCuda() {
  CudaReport report;
  size_t lt = cublasLtGetVersion();
  report.lines.emplace_back("driver", driverText());
  report.lines.emplace_back("CUDA", fmt::format("headers {}.{}, cuBLASLt for {}",
                                                CUDA_VERSION / 1000, CUDA_VERSION % 1000 / 10,
                                                cublasLtGetCudartVersion() / 1000));
  report.lines.emplace_back("cuBLASLt",
                            fmt::format("{}.{}.{}", lt / 10000, lt / 100 % 100, lt % 100));
  report.lines.emplace_back("NCCL", ncclText());
  Result<unsigned> count = countGpus();
  if (!count.isOk()) {
    report.lines.emplace_back("GPU", count.status().message());
    return report;
  }
  report.gpus = *count;
  for (unsigned i = 0; i < *count; ++i)
    report.lines.emplace_back(fmt::format("GPU {}", i), gpuText(i));
  return report;
}

} // namespace swamla
