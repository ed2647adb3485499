//===- CudaLibrary.cpp - libswamla_cuda, loaded when it is needed ---------===//
#include "runtime/device/CudaLibrary.h"

#include "runtime/base/OwnLibrary.h"

#include <mutex>

namespace swamla {

/// What to do about a library that the dynamic linker misses.
static std::string adviceFor(std::string_view problem) {
  if (problem.find("libcuda.so") != std::string_view::npos)
    return "the NVIDIA driver is not installed here";
  if (problem.find("libcublas") != std::string_view::npos)
    return "install CUDA 13.0's cuBLAS, or name its folder in LD_LIBRARY_PATH";
  return "it must be of the same build as this program";
}

static constexpr OwnLibrary kLibrary = {.file = "libswamla_cuda.so",
                                        .variable = "SWAMLA_CUDA_LIBRARY",
                                        .function = "swamlaCudaLibrary",
                                        .unless = "there is no CUDA device",
                                        .whenAbsent =
                                            "build with CUDA 13.0, or name the library in",
                                        .whenBroken = adviceFor};

Result<const CudaLibrary *> loadCudaLibrary() {
  static std::mutex mutex;
  static const CudaLibrary *loaded = nullptr;
  std::lock_guard lock(mutex);
  if (!loaded) {
    SWAMLA_TRY(loaded, loadOwnLibrary<CudaLibrary>(kLibrary, kCudaLibraryLayout, SWAMLA_VERSION));
    loaded->useLog(logLevel(),
                   [](LogLevel level, std::string_view message) { logMessage(level, message); });
  }
  return loaded;
}

} // namespace swamla
