//===- GlooLibrary.h - libswamla_gloo, loaded when it is needed -----------===//
//
// Gloo and what it brings along are in a library of its own, so that a run of
// one rank starts without them, and where they are missing. It is looked for in
// $SWAMLA_GLOO_LIBRARY, else beside the executable and in ../lib. It is of the
// same build: the two share C++ types.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/comm/GlooCommunicator.h"
#include "runtime/comm/RankLink.h"

namespace swamla {

/// What the library's one function, `const GlooLibrary *swamlaGlooLibrary()`, returns.
struct GlooLibrary {
  uint64_t layout; ///< kGlooLibraryLayout of its build
  const char *version;
  Result<std::unique_ptr<Communicator>> (*create)(GlooConfig config);
};

/// Differs between builds whose shared types differ in size.
inline constexpr uint64_t kGlooLibraryLayout = sizeof(GlooLibrary) + (sizeof(GlooConfig) << 8) +
                                               (uint64_t{sizeof(RankLink)} << 24) +
                                               (uint64_t{sizeof(Communicator)} << 40);

/// Loads the library; errors say what is missing and where it was looked for.
Result<const GlooLibrary *> loadGlooLibrary();

} // namespace swamla
