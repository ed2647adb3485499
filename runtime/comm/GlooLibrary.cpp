//===- GlooLibrary.cpp - libswamla_gloo, loaded when it is needed ---------===//

#include "runtime/comm/GlooLibrary.h"

#include <algorithm>
#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>

namespace swamla {

namespace fs = std::filesystem;

static constexpr const char *kName = "libswamla_gloo.so";
static constexpr const char *kVariable = "SWAMLA_GLOO_LIBRARY";

static std::vector<std::string> places() {
  if (const char *given = std::getenv(kVariable); given && *given)
    return {given};
  std::error_code error;
  fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  return {(folder / kName).string(), (folder.parent_path() / "lib" / kName).string()};
}

Result<const GlooLibrary *> loadGlooLibrary() {
  std::vector<std::string> candidates = places();
  auto path = std::ranges::find_if(candidates, [](const std::string &candidate) {
    std::error_code error;
    return fs::exists(candidate, error);
  });
  if (path == candidates.end())
    return failedPrecondition(fmt::format("many ranks need Gloo: {} does not exist; put it there, "
                                          "or name it in {}",
                                          fmt::join(candidates, " or "), kVariable));
  void *library = ::dlopen(path->c_str(), RTLD_NOW | RTLD_LOCAL); // stays for the process's life
  if (!library)
    return failedPrecondition(fmt::format("cannot load {}: {}; install Gloo (Debian: libgloo0), or "
                                          "put its libraries beside it",
                                          *path, ::dlerror()));
  auto *entry = reinterpret_cast<const GlooLibrary *(*)()>(::dlsym(library, "swamlaGlooLibrary"));
  if (!entry)
    return failedPrecondition(
        fmt::format("{} is not swamla's: it has no function swamlaGlooLibrary", *path));
  const GlooLibrary *result = entry();
  if (result->layout != kGlooLibraryLayout || std::string_view(result->version) != SWAMLA_VERSION)
    return failedPrecondition(fmt::format("{} is of another build than this program (versions {} "
                                          "and {}): put the two of one build side by side",
                                          *path, result->version, SWAMLA_VERSION));
  return result;
}

} // namespace swamla
