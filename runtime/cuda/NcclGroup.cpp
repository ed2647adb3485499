//===- NcclGroup.cpp - collectives between GPUs ---------------------------===//
#include "runtime/cuda/NcclGroup.h"

#include "runtime/base/Format.h"

#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <mutex>
#include <nccl.h>

namespace swamla {

namespace {
/// The functions of NCCL that are called.
struct NcclLibrary {
  decltype(&ncclGetVersion) getVersion = nullptr;
  decltype(&ncclGetUniqueId) getUniqueId = nullptr;
  decltype(&ncclCommInitRank) commInitRank = nullptr;
  decltype(&ncclCommAbort) commAbort = nullptr;
  decltype(&ncclGetErrorString) errorString = nullptr;
  decltype(&ncclGetLastError) lastError = nullptr;
  decltype(&ncclAllReduce) allReduce = nullptr;
  decltype(&ncclReduceScatter) reduceScatter = nullptr;
  decltype(&ncclAllGather) allGather = nullptr;
};

template <typename F> bool find(void *handle, const char *name, F &function) {
  function = reinterpret_cast<F>(::dlsym(handle, name));
  return function != nullptr;
}

Result<const NcclLibrary *> loadNccl() {
  static std::mutex mutex;
  static NcclLibrary library;
  std::lock_guard lock(mutex);
  if (library.getVersion)
    return &library;
  const char *chosen = std::getenv("SWAMLA_NCCL_LIBRARY");
  const char *path = chosen ? chosen : "libnccl.so.2";
  void *handle = ::dlopen(path, RTLD_NOW | RTLD_LOCAL); // stays for the process's life
  if (!handle) {
    const char *said = ::dlerror();
    return failedPrecondition(
        fmt::format("cannot load NCCL, which programs for many ranks need: {}; install libnccl2, "
                    "or set SWAMLA_NCCL_LIBRARY to its path",
                    said ? said : "not found"));
  }
  NcclLibrary found;
  bool isComplete = find(handle, "ncclGetUniqueId", found.getUniqueId) &&
                    find(handle, "ncclCommInitRank", found.commInitRank) &&
                    find(handle, "ncclCommAbort", found.commAbort) &&
                    find(handle, "ncclGetErrorString", found.errorString) &&
                    find(handle, "ncclGetLastError", found.lastError) &&
                    find(handle, "ncclAllReduce", found.allReduce) &&
                    find(handle, "ncclReduceScatter", found.reduceScatter) &&
                    find(handle, "ncclAllGather", found.allGather) &&
                    find(handle, "ncclGetVersion", found.getVersion);
  if (!isComplete)
    return failedPrecondition(
        fmt::format("{} has not the functions of NCCL that are called; install NCCL 2.20 or later",
                    quoted(path)));
  library = found;
  return &library;
}

std::string versionOf(const NcclLibrary &library) {
  int version = 0;
  (void)library.getVersion(&version);
  return fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

ncclDataType_t toNccl(schema::DType type) {
  switch (type) {
  case schema::DType::F32:
    return ncclFloat32;
  case schema::DType::I32:
    return ncclInt32;
  case schema::DType::BF16:
    return ncclBfloat16;
  default: // moved only
    return ncclUint8;
  }
}

class Group final : public NcclGroup {
public:
  explicit Group(const NcclLibrary &library) : library(library) {}
  ~Group() override {
    // The GPU has finished what was enqueued. Destroying would wait for the other ranks, which may
    // be gone.
    if (comm)
      (void)library.commAbort(comm);
  }

  Status join(Communicator &control);
  Status enqueue(const GpuCollective &call, CUstream stream) override;
  std::string describe() const override { return "NCCL " + versionOf(library); }

private:
  Status toStatus(ncclResult_t result, std::string_view what) const;

  const NcclLibrary &library;
  ncclComm_t comm = nullptr;
};
} // namespace

Status Group::toStatus(ncclResult_t result, std::string_view what) const {
  if (result == ncclSuccess)
    return Status::ok();
  const char *detail = library.lastError(comm);
  std::string message = fmt::format("{}: {}{}", what, library.errorString(result),
                                    detail && *detail ? fmt::format(", {}", detail) : "");
  return result == ncclRemoteError || result == ncclSystemError
             ? Status::error(StatusCode::Unavailable, std::move(message))
             : internalError(std::move(message));
}

Status Group::join(Communicator &control) {
  ncclUniqueId id = {};
  std::string mine;
  Status status = Status::ok();
  if (control.rank() == 0) {
    status = toStatus(library.getUniqueId(&id), "cannot begin a group of GPUs");
    if (status.isOk())
      mine.assign(id.internal, sizeof(id.internal));
  }
  // Rank 0 sends nothing where it has failed, so that the others do not wait for it.
  SWAMLA_TRY(std::vector<std::string> all, control.exchange(mine));
  SWAMLA_RETURN_IF_ERROR(std::move(status));
  if (all.empty() || all[0].size() != sizeof(id.internal))
    return failedPrecondition("rank 0 could not begin a group of GPUs; its own message says why");
  std::memcpy(id.internal, all[0].data(), sizeof(id.internal));
  return toStatus(
      library.commInitRank(&comm, int(control.ranks()), id, int(control.rank())),
      fmt::format("cannot join {} GPUs as rank {} (NCCL_DEBUG=INFO says more; ranks on one GPU "
                  "need a NCCL_HOSTID each)",
                  control.ranks(), control.rank()));
}

Status Group::enqueue(const GpuCollective &call, CUstream stream) {
  ncclDataType_t type = toNccl(call.dtype);
  const void *from = reinterpret_cast<const void *>(call.from); // NOLINT(performance-no-int-to-ptr)
  void *to = reinterpret_cast<void *>(call.to);                 // NOLINT(performance-no-int-to-ptr)
  size_t width = type == ncclUint8 ? 1 : type == ncclBfloat16 ? 2 : 4;
  switch (call.kind) {
  case schema::CollectiveKind::AllReduceSum:
  case schema::CollectiveKind::AllReduceMax: {
    ncclRedOp_t op = call.kind == schema::CollectiveKind::AllReduceSum ? ncclSum : ncclMax;
    return toStatus(library.allReduce(from, to, call.toBytes / width, type, op, comm, stream),
                    "cannot add up over the ranks");
  }
  case schema::CollectiveKind::ReduceScatterSum:
    return toStatus(
        library.reduceScatter(from, to, call.toBytes / width, type, ncclSum, comm, stream),
        "cannot add up over the ranks");
  case schema::CollectiveKind::AllGather:
    return toStatus(library.allGather(from, to, call.fromBytes / width, type, comm, stream),
                    "cannot gather from the ranks");
  }
  return internalError("a collective of an unknown kind"); // the file was verified
}

Result<std::string> ncclVersion() {
  SWAMLA_TRY(const NcclLibrary *library, loadNccl());
  return versionOf(*library);
}

Result<std::unique_ptr<NcclGroup>> NcclGroup::create(Communicator &control) {
  SWAMLA_TRY(const NcclLibrary *library, loadNccl());
  auto group = std::make_unique<Group>(*library);
  SWAMLA_RETURN_IF_ERROR(group->join(control));
  return std::unique_ptr<NcclGroup>(std::move(group));
}

} // namespace swamla
