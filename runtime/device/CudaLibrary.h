//===- CudaLibrary.h - libswamla_cuda, loaded when it is needed -----------===//
//
// The CUDA device is a library of its own, so that one swamla-run works with
// and without CUDA. It is looked for in $SWAMLA_CUDA_LIBRARY, else beside the
// executable and in ../lib. It is of the same build: the two share C++ types.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/Log.h"
#include "runtime/device/Device.h"

#include <string>
#include <utility>
#include <vector>

namespace swamla {

/// What --check says of CUDA: pairs of a name and a text.
struct CudaReport {
  unsigned gpus = 0; ///< that can be used
  std::vector<std::pair<std::string, std::string>> lines;
};

/// What the library's one function, `const CudaLibrary *swamlaCudaLibrary()`, returns.
struct CudaLibrary {
  uint64_t layout; ///< kCudaLibraryLayout of its build
  const char *version;
  void (*useLog)(LogLevel level, LogSink sink);
  Result<std::unique_ptr<Device>> (*create)(const StepFile &file, const DeviceOptions &options);
  CudaReport (*report)();
};

/// Differs between builds whose shared types differ in size.
inline constexpr uint64_t kCudaLibraryLayout =
    sizeof(CudaLibrary) + (sizeof(DeviceOptions) << 8) + (sizeof(OpProfile) << 16) +
    (uint64_t{sizeof(StepFile)} << 24) + (uint64_t{sizeof(Device)} << 40);

/// Loads the library once; errors say what is missing and where it was looked for.
Result<const CudaLibrary *> loadCudaLibrary();

} // namespace swamla
