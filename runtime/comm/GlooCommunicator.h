//===- GlooCommunicator.h - ranks over TCP --------------------------------===//
#pragma once

#include "runtime/comm/Communicator.h"
#include "runtime/comm/RankEnvironment.h"
#include "runtime/comm/RankHub.h"

#include <functional>
#include <memory>

namespace swamla {

struct GlooConfig {
  RankPlace place;
  RankTimes times;
  /// Of rank 0: where to listen; where it is not open, place.port is opened.
  Socket listener;
  /// Of this machine, for data and messages; empty: the one that leads to rank 0.
  std::string interface;
  /// Called once, on a thread of its own, when a rank is lost. The process should end then: calls
  /// that wait for a rank that hangs wait on.
  std::function<void(const std::string &)> onLost;
};

/// Waits until all ranks are there, and connects each to each. Programs must ignore SIGPIPE.
Result<std::unique_ptr<Communicator>> createGlooCommunicator(GlooConfig config);

} // namespace swamla
