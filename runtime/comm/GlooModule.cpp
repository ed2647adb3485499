//===- GlooModule.cpp - what libswamla_gloo exports -----------------------===//

#include "runtime/comm/GlooLibrary.h"

/// See GlooLibrary.h.
extern "C" __attribute__((visibility("default"))) const swamla::GlooLibrary *
swamlaGlooLibrary() { // NOLINT(readability-identifier-naming)
  static constexpr swamla::GlooLibrary library = {swamla::kGlooLibraryLayout, SWAMLA_VERSION,
                                                  swamla::createGlooCommunicator};
  return &library;
}
