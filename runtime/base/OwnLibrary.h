//===- OwnLibrary.h - libraries of this build, loaded when needed ---------===//
//
// What not every run needs, or every machine has, is in libraries of their own.
// They share C++ types with the executable, so they must be of the same build.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/Status.h"

#include <string>
#include <string_view>

namespace swamla {

/// Such a library. It is looked for where a variable of the environment says, else beside the
/// executable and in ../lib. Its one function returns a description of what is in it.
struct OwnLibrary {
  const char *file;       ///< "libswamla_cuda.so"
  const char *variable;   ///< names the library's path
  const char *function;   ///< `const Description *function()`
  const char *unless;     ///< what cannot be without it: "there is no CUDA device"
  const char *whenAbsent; ///< what to do, before the variable's name: "put it there, or name it in"
  /// What to do when the dynamic linker says this.
  std::string (*whenBroken)(std::string_view problem);
};

/// A library that is loaded, for the process's life.
struct LoadedLibrary {
  std::string path;
  void *function;
};

Result<LoadedLibrary> openOwnLibrary(const OwnLibrary &library);
Status ofAnotherBuild(const std::string &path, std::string_view found, std::string_view expected);

/// Loads a library and returns its description, whose `layout` and `version` must be those given.
/// Errors say what is missing and where it was looked for.
template <typename Description>
Result<const Description *> loadOwnLibrary(const OwnLibrary &library, uint64_t layout,
                                           std::string_view version) {
  SWAMLA_TRY(LoadedLibrary loaded, openOwnLibrary(library));
  const Description *result = reinterpret_cast<const Description *(*)()>(loaded.function)();
  if (result->layout != layout || std::string_view(result->version) != version)
    return ofAnotherBuild(loaded.path, result->version, version);
  return result;
}

} // namespace swamla
