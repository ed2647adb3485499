//===- Nccl.cpp - NCCL between streams of one process ---------------------===//
//
// Ranks are threads of a test. A collective is a command of its stream that
// meets those of the other ranks. With SWAMLA_FAKE_NCCL=eager, collectives
// refuse to be recorded.
//
//===----------------------------------------------------------------------===//
#include "tests/fakecuda/FakeCuda.h"

#include <algorithm>
#include <barrier>
#include <cstdlib>
#include <cstring>
#include <map>
#include <nccl.h>
#include <span>
#include <string>

namespace {
/// A group of ranks, as they meet.
struct Group {
  explicit Group(int ranks) : inputs(ranks), barrier(ranks) {}
  std::vector<const std::byte *> inputs;
  std::barrier<> barrier;
};

std::mutex mutex;
std::map<std::string, std::weak_ptr<Group>> groups;
int numIds = 0;

size_t widthOf(ncclDataType_t type) {
  return type == ncclFloat32 || type == ncclInt32 ? 4 : type == ncclBfloat16 ? 2 : 1;
}
} // namespace

struct ncclComm {
  std::shared_ptr<Group> group;
  int rank;
};

namespace {
/// Enqueues `work(inputs of all ranks)`, whose result is written when all ranks have read.
template <typename Work>
ncclResult_t meet(const void *from, void *to, ncclComm_t comm, cudaStream_t stream, Work work) {
  const char *mode = std::getenv("SWAMLA_FAKE_NCCL");
  if (stream->capture && mode && std::strcmp(mode, "eager") == 0)
    return ncclInvalidUsage;
  stream->enqueue([=, group = comm->group, rank = comm->rank] {
    group->inputs[rank] = static_cast<const std::byte *>(from);
    group->barrier.arrive_and_wait();
    std::vector<std::byte> result = work(group->inputs);
    group->barrier.arrive_and_wait();
    std::memcpy(to, result.data(), result.size());
  });
  return ncclSuccess;
}

/// Elements [begin, begin + count) of the sum or maximum of f32 inputs.
std::vector<std::byte> reduce(const std::vector<const std::byte *> &inputs, size_t begin,
                              size_t count, ncclRedOp_t op) {
  std::vector<float> result(count);
  for (size_t i = 0; i < count; ++i)
    for (size_t rank = 0; rank < inputs.size(); ++rank) {
      float value = 0;
      std::memcpy(&value, inputs[rank] + (begin + i) * sizeof(float), sizeof(float));
      result[i] = rank == 0       ? value
                  : op == ncclMax ? std::max(result[i], value)
                                  : result[i] + value;
    }
  auto bytes = std::as_bytes(std::span(result));
  return {bytes.begin(), bytes.end()};
}
} // namespace

extern "C" {
// NOLINTBEGIN(readability-identifier-naming): the library's names
ncclResult_t ncclGetVersion(int *version) {
  *version = 22809;
  return ncclSuccess;
}
const char *ncclGetErrorString(ncclResult_t) { return "an error of the fake NCCL"; }
const char *ncclGetLastError(ncclComm_t) { return ""; }
ncclResult_t ncclGetUniqueId(ncclUniqueId *id) {
  std::lock_guard lock(mutex);
  *id = {};
  std::string text = std::to_string(++numIds);
  std::ranges::copy(text, id->internal);
  return ncclSuccess;
}
ncclResult_t ncclCommInitRank(ncclComm_t *comm, int ranks, ncclUniqueId id, int rank) {
  std::lock_guard lock(mutex);
  std::weak_ptr<Group> &known = groups[id.internal];
  std::shared_ptr<Group> group = known.lock();
  if (!group)
    known = group = std::make_shared<Group>(ranks);
  if (size_t(ranks) != group->inputs.size() || rank < 0 || rank >= ranks)
    return ncclInvalidArgument;
  *comm = new ncclComm{group, rank};
  return ncclSuccess;
}
ncclResult_t ncclCommAbort(ncclComm_t comm) {
  delete comm;
  return ncclSuccess;
}
ncclResult_t ncclAllReduce(const void *from, void *to, size_t count, ncclDataType_t type,
                           ncclRedOp_t op, ncclComm_t comm, cudaStream_t stream) {
  if (type != ncclFloat32)
    return ncclInvalidArgument;
  return meet(from, to, comm, stream, [=](const auto &all) { return reduce(all, 0, count, op); });
}
ncclResult_t ncclReduceScatter(const void *from, void *to, size_t count, ncclDataType_t type,
                               ncclRedOp_t op, ncclComm_t comm, cudaStream_t stream) {
  if (type != ncclFloat32)
    return ncclInvalidArgument;
  return meet(from, to, comm, stream, [=, rank = size_t(comm->rank)](const auto &all) {
    return reduce(all, rank * count, count, op);
  });
}
ncclResult_t ncclAllGather(const void *from, void *to, size_t count, ncclDataType_t type,
                           ncclComm_t comm, cudaStream_t stream) {
  return meet(from, to, comm, stream, [=](const auto &all) {
    std::vector<std::byte> result;
    for (const std::byte *input : all)
      result.insert(result.end(), input, input + count * widthOf(type));
    return result;
  });
}
// NOLINTEND(readability-identifier-naming)
}
