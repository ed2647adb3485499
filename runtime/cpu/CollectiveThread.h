//===- CollectiveThread.h - collectives beside the ops of a program -------===//
//
// One thread that does the collectives of a device's programs, in the order in
// which they are started: the same on every rank. It mostly waits for the
// network, so it takes no core from the team that runs kernels.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/comm/Communicator.h"
#include "runtime/schema/step_generated.h"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>

namespace swamla {

/// A collective with addresses in place of views.
struct CollectiveCall {
  schema::CollectiveKind kind;
  schema::DType dtype;
  std::span<std::byte> from, to; ///< the same in an all-reduce
};

class CollectiveThread {
public:
  /// `communicator` must outlive this.
  explicit CollectiveThread(Communicator &communicator);
  /// Ends what was started first.
  ~CollectiveThread();
  CollectiveThread(const CollectiveThread &) = delete;
  CollectiveThread &operator=(const CollectiveThread &) = delete;

  /// Starts a collective, which must stay where it is until it has been waited for. Returns its
  /// number.
  uint64_t start(const CollectiveCall &call);
  /// Returns when collective number `number` has ended. After an error all collectives have the
  /// same.
  Status wait(uint64_t number);

private:
  void work();
  Status execute(const CollectiveCall &call);

  Communicator &communicator;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<const CollectiveCall *> waiting;
  uint64_t started = 0, ended = 0;
  bool stopping = false;
  Status failure;
  std::thread thread; ///< last: it uses the others
};

} // namespace swamla
