//===- GlooLibrary.cpp - libswamla_gloo, loaded when it is needed ---------===//

#include "runtime/comm/GlooLibrary.h"

#include "runtime/base/OwnLibrary.h"

namespace swamla {

static std::string adviceFor(std::string_view /*problem*/) {
  return "install Gloo (Debian: libgloo0), or put its libraries beside it";
}

static constexpr OwnLibrary kLibrary = {.file = "libswamla_gloo.so",
                                        .variable = "SWAMLA_GLOO_LIBRARY",
                                        .function = "swamlaGlooLibrary",
                                        .unless = "many ranks need Gloo",
                                        .whenAbsent = "put it there, or name it in",
                                        .whenBroken = adviceFor};

Result<const GlooLibrary *> loadGlooLibrary() {
  return loadOwnLibrary<GlooLibrary>(kLibrary, kGlooLibraryLayout, SWAMLA_VERSION);
}

} // namespace swamla
