//===- Library.cpp - what libswamla_cuda exports --------------------------===//
#include "runtime/cuda/CudaDevice.h"

namespace swamla {

/// This library has a log of its own; its messages go to the program's.
static void useLog(LogLevel level, LogSink sink) {
  setLogLevel(level);
  setLogSink(std::move(sink));
}

} // namespace swamla

/// See CudaLibrary.h.
extern "C" __attribute__((visibility("default"))) const swamla::CudaLibrary *
swamlaCudaLibrary() { // NOLINT(readability-identifier-naming)
  static constexpr swamla::CudaLibrary library = {swamla::kCudaLibraryLayout, SWAMLA_VERSION,
                                                  swamla::useLog, swamla::createCudaDevice,
                                                  swamla::reportCuda};
  return &library;
}
