//===- BlasLibrary.cpp - oneDNN, linked or loaded -------------------------===//
#include "runtime/cpu/BlasLibrary.h"

#include <dlfcn.h>
#include <mutex>

namespace swamla {

#ifdef SWAMLA_LOAD_BLAS

static BlasLibrary library;

template <typename F> static bool find(void *handle, const char *name, F &function) {
  function = reinterpret_cast<F>(::dlsym(handle, name));
  return function != nullptr;
}

Status loadBlas() {
  static std::mutex mutex;
  std::lock_guard lock(mutex);
  if (library.sgemm)
    return Status::ok();
  BlasLibrary found;
  // Both stay for the process's life. oneDNN brings OpenMP with it; the second name is how it is
  // called.
  void *dnnl = ::dlopen("libdnnl.so.2", RTLD_NOW | RTLD_LOCAL);
  if (!dnnl)
    dnnl = ::dlopen("libdnnl.so.3", RTLD_NOW | RTLD_LOCAL);
  void *openmp = ::dlopen("libgomp.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!dnnl || !openmp || !find(dnnl, "dnnl_sgemm", found.sgemm) ||
      !find(dnnl, "dnnl_version", found.version) ||
      !find(openmp, "omp_set_num_threads", found.setThreads))
    return failedPrecondition(fmt::format(
        "cannot load oneDNN, which programs for the CPU need: {}; install libdnnl2 or libdnnl3",
        ::dlerror()));
  library = found;
  return Status::ok();
}

const BlasLibrary &blas() { return library; }

#else

// oneDNN runs on OpenMP; its header is the compiler's, so only this is declared.
extern "C" void omp_set_num_threads(int threads); // NOLINT(readability-identifier-naming)

Status loadBlas() { return Status::ok(); }

const BlasLibrary &blas() {
  static constexpr BlasLibrary library = {dnnl_sgemm, dnnl_version, omp_set_num_threads};
  return library;
}

#endif

} // namespace swamla
