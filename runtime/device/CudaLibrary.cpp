//===- CudaLibrary.cpp - libswamla_cuda, loaded when it is needed ---------===//
#include "runtime/device/CudaLibrary.h"

#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <mutex>

namespace swamla {

namespace fs = std::filesystem;

static constexpr const char *kName = "libswamla_cuda.so";
static constexpr const char *kVariable = "SWAMLA_CUDA_LIBRARY";

static std::vector<std::string> places() {
  if (const char *given = std::getenv(kVariable); given && *given)
    return {given};
  std::error_code error;
  fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  return {(folder / kName).string(), (folder.parent_path() / "lib" / kName).string()};
}

/// What to do about a library that the dynamic linker misses.
static std::string adviceFor(std::string_view problem) {
  if (problem.find("libcuda.so") != std::string_view::npos)
    return "the NVIDIA driver is not installed here";
  if (problem.find("libcublas") != std::string_view::npos)
    return "install CUDA 13.0's cuBLAS, or name its folder in LD_LIBRARY_PATH";
  return "it must be of the same build as this program";
}

static Result<const CudaLibrary *> open(const std::string &path) {
  void *library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL); // stays for the process's life
  if (!library) {
    std::string problem = ::dlerror();
    return failedPrecondition(
        fmt::format("cannot load {}: {}; {}", path, problem, adviceFor(problem)));
  }
  auto *entry = reinterpret_cast<const CudaLibrary *(*)()>(::dlsym(library, "swamlaCudaLibrary"));
  if (!entry)
    return failedPrecondition(fmt::format("{} is not swamla's: it has no function "
                                          "swamlaCudaLibrary",
                                          path));
  const CudaLibrary *result = entry();
  if (result->layout != kCudaLibraryLayout || std::string_view(result->version) != SWAMLA_VERSION)
    return failedPrecondition(fmt::format(
        "{} is of another build than this program (versions {} and {}): put the two of one build "
        "side by side",
        path, result->version, SWAMLA_VERSION));
  result->useLog(logLevel(),
                 [](LogLevel level, std::string_view message) { logMessage(level, message); });
  return result;
}

static Result<const CudaLibrary *> find() {
  std::vector<std::string> candidates = places();
  std::error_code error;
  for (const std::string &path : candidates)
    if (fs::exists(path, error))
      return open(path);
  return failedPrecondition(fmt::format(
      "there is no CUDA device: {} does not exist; build with CUDA 13.0, or name the library in {}",
      fmt::join(candidates, " or "), kVariable));
}

Result<const CudaLibrary *> loadCudaLibrary() {
  static std::mutex mutex;
  static const CudaLibrary *loaded = nullptr;
  std::lock_guard lock(mutex);
  if (!loaded) {
    SWAMLA_TRY(loaded, find());
  }
  return loaded;
}

} // namespace swamla
