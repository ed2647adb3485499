//===- NcclGroup.h - collectives between GPUs -----------------------------===//
//
// NCCL, loaded when a program for many ranks comes: from $SWAMLA_NCCL_LIBRARY,
// else by its name where the system, and this library's own path, have it.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/comm/Communicator.h"
#include "runtime/cuda/CudaStatus.h"
#include "runtime/schema/step_generated.h"

#include <memory>

namespace swamla {

/// A collective with addresses in place of views.
struct GpuCollective {
  schema::CollectiveKind kind;
  schema::DType dtype;
  CUdeviceptr from, to;
  uint64_t fromBytes, toBytes;
};

/// The NCCL that is there, "2.28.9", or why there is none.
Result<std::string> ncclVersion();

class NcclGroup {
public:
  virtual ~NcclGroup() = default;
  /// Joins the ranks of `control`, all of which call this, on the current context's GPU. The
  /// group's id travels over `control`.
  static Result<std::unique_ptr<NcclGroup>> create(Communicator &control);

  /// Enqueues a collective, or records it where the stream is being recorded.
  virtual Status enqueue(const GpuCollective &call, CUstream stream) = 0;
  /// "NCCL 2.28.9"
  virtual std::string describe() const = 0;
};

} // namespace swamla
