//===- TestForeignCuda.cpp - libswamla_cuda.so of another build -----------===//
#include "runtime/device/CudaLibrary.h"

extern "C" const swamla::CudaLibrary *swamlaCudaLibrary() { // NOLINT(readability-identifier-naming)
  static constexpr swamla::CudaLibrary library = {1, "0.0.1", nullptr, nullptr, nullptr};
  return &library;
}
