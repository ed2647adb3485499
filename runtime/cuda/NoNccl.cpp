//===- NoNccl.cpp - a build without NCCL's header -------------------------===//
#include "runtime/cuda/NcclGroup.h"

namespace swamla {

static Status noNccl() {
  return failedPrecondition("this build has no NCCL, which programs for many ranks need on GPUs; "
                            "install libnccl-dev, configure again with cmake, and build");
}

Result<std::string> ncclVersion() { return noNccl(); }

Result<std::unique_ptr<NcclGroup>> NcclGroup::create(Communicator &) { return noNccl(); }

} // namespace swamla
