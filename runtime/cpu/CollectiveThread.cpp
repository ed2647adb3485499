//===- CollectiveThread.cpp - collectives beside the ops of a program -----===//
#include "runtime/cpu/CollectiveThread.h"

namespace swamla {

using schema::CollectiveKind;

CollectiveThread::CollectiveThread(Communicator &communicator)
    : communicator(communicator), thread([this] { work(); }) {}

CollectiveThread::~CollectiveThread() {
  {
    std::lock_guard lock(mutex);
    stopping = true;
  }
  changed.notify_all();
  thread.join();
}

uint64_t CollectiveThread::start(const CollectiveCall &call) {
  uint64_t number = 0;
  {
    std::lock_guard lock(mutex);
    waiting.push_back(&call);
    number = started++;
  }
  changed.notify_all();
  return number;
}

Status CollectiveThread::wait(uint64_t number) {
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return ended > number; });
  if (failure.isOk())
    return Status::ok();
  return Status::error(failure.code(), failure.message(), failure.where());
}

Status CollectiveThread::execute(const CollectiveCall &call) {
  switch (call.kind) {
  case CollectiveKind::AllReduceSum:
    return communicator.allReduce(call.to, call.dtype, ReduceOp::Sum);
  case CollectiveKind::AllReduceMax:
    return communicator.allReduce(call.to, call.dtype, ReduceOp::Max);
  case CollectiveKind::ReduceScatterSum:
    return communicator.reduceScatter(call.from, call.to, call.dtype);
  case CollectiveKind::AllGather:
    return communicator.allGather(call.from, call.to);
  }
  return internalError("a collective of an unknown kind"); // the file was verified
}

void CollectiveThread::work() {
  std::unique_lock lock(mutex);
  while (true) {
    changed.wait(lock, [&] { return stopping || !waiting.empty(); });
    if (waiting.empty())
      return;
    const CollectiveCall *call = waiting.front();
    waiting.pop_front();
    if (failure.isOk()) { // else the ranks no longer do the same
      lock.unlock();
      Status status = execute(*call);
      lock.lock();
      failure = std::move(status);
    }
    ++ended;
    changed.notify_all();
  }
}

} // namespace swamla
