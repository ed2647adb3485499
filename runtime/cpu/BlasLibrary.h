//===- BlasLibrary.h - oneDNN, linked or loaded ---------------------------===//
//
// A build that is to be carried to other machines (SWAMLA_STATIC) cannot link
// oneDNN: it is loaded there when the first program for the CPU comes.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/Status.h"

#include <dnnl.h>

namespace swamla {

struct BlasLibrary {
  decltype(&dnnl_sgemm) sgemm = nullptr;
  decltype(&dnnl_version) version = nullptr;
  /// OpenMP's omp_set_num_threads, of the calling thread.
  void (*setThreads)(int threads) = nullptr;
};

/// Loads the library where it is not linked; to be called before blas(). The error says what to
/// install.
Status loadBlas();
/// The library's functions.
const BlasLibrary &blas();

} // namespace swamla
