//===- RankLink.h - a rank's connection to rank 0 -------------------------===//
//
// See RankHub.h. The link's thread beats, listens, and calls `onLost` once when
// rank 0 says that the run is lost, or when rank 0 itself is.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/comm/RankHub.h"

#include <condition_variable>
#include <functional>
#include <mutex>

namespace swamla {

class RankLink {
public:
  struct Config {
    unsigned rank = 0, ranks = 1;
    std::string address; ///< of rank 0
    uint16_t port = 0;
    RankTimes times;
    /// Called on the link's thread with a message that names the lost rank. It may end the process.
    std::function<void(const std::string &)> onLost;
  };
  /// Connects, and waits until all ranks are there.
  static Result<std::unique_ptr<RankLink>> connect(Config config);
  RankLink(const RankLink &) = delete;
  RankLink &operator=(const RankLink &) = delete;
  /// Leaves at once: without leave() before, the others take this rank for lost.
  ~RankLink();

  /// This machine's address as the other ranks reach it.
  const std::string &address() const { return ownAddress; }
  Status set(std::string_view key, std::string_view value);
  /// Waits until a rank has set it.
  Result<std::string> get(const std::string &key);
  /// Tells all ranks that this one cannot go on, and waits until they know, a moment at most.
  void abort(std::string_view reason);
  /// Says that this rank is done, and waits until all are.
  Status leave();
  /// Why something that needs the other ranks has failed: what rank 0 says, as soon as it does;
  /// `otherwise` if it says nothing.
  Status whyFailed(const std::string &otherwise);

private:
  explicit RankLink(Config config) : config(std::move(config)) {}
  Status start();
  void listen();
  /// Reads what is there; false when the connection has ended.
  bool read(FrameReader &in);
  void handle(Frame frame);
  void lost(const std::string &why);
  Status send(FrameKind kind, std::string_view body);
  static Status lostStatus(const std::string &why);

  Config config;
  Socket socket, stop;
  std::mutex sending;
  std::mutex mutex; ///< of what follows
  std::condition_variable changed;
  std::map<std::string, std::string> values;
  std::optional<std::string> welcome, verdict;
  bool allDone = false, ending = false;
  std::string ownAddress;
  std::chrono::steady_clock::time_point heard; ///< the thread's
  std::thread thread;
};

} // namespace swamla
