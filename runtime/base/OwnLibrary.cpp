//===- OwnLibrary.cpp - libraries of this build, loaded when needed -------===//
#include "runtime/base/OwnLibrary.h"

#include <algorithm>
#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <vector>

namespace swamla {

namespace fs = std::filesystem;

static std::vector<std::string> placesOf(const OwnLibrary &library) {
  if (const char *given = std::getenv(library.variable); given && *given)
    return {given};
  std::error_code error;
  fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  return {(folder / library.file).string(), (folder.parent_path() / "lib" / library.file).string()};
}

Result<LoadedLibrary> openOwnLibrary(const OwnLibrary &library) {
  std::vector<std::string> places = placesOf(library);
  auto path = std::ranges::find_if(places, [](const std::string &place) {
    std::error_code error;
    return fs::exists(place, error);
  });
  if (path == places.end())
    return failedPrecondition(fmt::format("{}: {} does not exist; {} {}", library.unless,
                                          fmt::join(places, " or "), library.whenAbsent,
                                          library.variable));
  void *handle = ::dlopen(path->c_str(), RTLD_NOW | RTLD_LOCAL); // stays for the process's life
  if (!handle) {
    std::string problem = ::dlerror();
    return failedPrecondition(
        fmt::format("cannot load {}: {}; {}", *path, problem, library.whenBroken(problem)));
  }
  void *function = ::dlsym(handle, library.function);
  if (!function)
    return failedPrecondition(
        fmt::format("{} is not swamla's: it has no function {}", *path, library.function));
  return LoadedLibrary{*path, function};
}

Status ofAnotherBuild(const std::string &path, std::string_view found, std::string_view expected) {
  return failedPrecondition(fmt::format(
      "{} is of another build than this program (versions {} and {}): put the two of one build "
      "side by side",
      path, found, expected));
}

} // namespace swamla
