//===- Blas.cpp - matrix multiplication by oneDNN -------------------------===//
//
// oneDNN rather than OpenBLAS: on 2 cores with AVX-512, at the shapes of the
// tiny and small models, 200 to 232 GFLOP/s against 186 to 207, and it shares
// libgomp's threads with the kernels. A call without a cached primitive costs
// about 2 us, so none is kept.
//
//===----------------------------------------------------------------------===//
#include "runtime/cpu/Blas.h"

#include <dnnl.h>

namespace swamla {

namespace {
Status toStatus(dnnl_status_t status) {
  switch (status) {
  case dnnl_success:
    return Status::ok();
  case dnnl_out_of_memory:
    return resourceExhausted("oneDNN ran out of memory in a matmul");
  case dnnl_invalid_arguments:
    return internalError("oneDNN refuses the arguments of a matmul");
  default:
    return internalError(fmt::format("oneDNN failed in a matmul with status {}", int(status)));
  }
}
} // namespace

Status runMatmul(const MatmulCall &call) {
  return toStatus(dnnl_sgemm(call.transposeA ? 'T' : 'N', call.transposeB ? 'T' : 'N', call.m,
                             call.n, call.k, 1.0F, call.a, call.lda, call.b, call.ldb,
                             call.accumulate ? 1.0F : 0.0F, call.c, call.ldc));
}

std::string describeBlas() {
  const dnnl_version_t *version = dnnl_version();
  return fmt::format("oneDNN {}.{}.{}", version->major, version->minor, version->patch);
}

} // namespace swamla
