//===- BlasLibrary.cpp - oneDNN, linked or loaded -------------------------===//
#include "runtime/cpu/BlasLibrary.h"

#include <dlfcn.h>
#include <initializer_list>
#include <mutex>
#include <string>

namespace swamla {

#ifdef SWAMLA_LOAD_BLAS

static BlasLibrary library;

template <typename F> static bool find(void *handle, const char *name, F &function) {
  function = handle ? reinterpret_cast<F>(::dlsym(handle, name)) : nullptr;
  return function != nullptr;
}

/// What the loader says of the first of these libraries that is not there; the next call that
/// succeeds would make it forget.
static void *open(std::initializer_list<const char *> names, std::string &problem) {
  for (const char *name : names) {
    if (void *handle = ::dlopen(name, RTLD_NOW | RTLD_LOCAL))
      return handle;
    const char *said = ::dlerror();
    if (problem.empty())
      problem = said ? said : fmt::format("{}: not found", name);
  }
  return nullptr;
}

Status loadBlas() {
  static std::mutex mutex;
  std::lock_guard lock(mutex);
  if (library.sgemm)
    return Status::ok();
  BlasLibrary found;
  std::string problem;
  // Both stay for the process's life. oneDNN brings OpenMP with it.
  void *dnnl = open({"libdnnl.so.2", "libdnnl.so.3"}, problem);
  void *openmp = dnnl ? open({"libgomp.so.1"}, problem) : nullptr;
  bool isComplete = find(dnnl, "dnnl_sgemm", found.sgemm) &&
                    find(dnnl, "dnnl_version", found.version) &&
                    find(openmp, "omp_set_num_threads", found.setThreads);
  if (!isComplete)
    return failedPrecondition(fmt::format(
        "cannot load oneDNN, which programs for the CPU need: {}; install libdnnl2 or libdnnl3",
        dnnl && openmp ? "it has not the functions that are called" : problem));
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
