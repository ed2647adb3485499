//===- RankHub.h - rank 0's word on who is there --------------------------===//
//
// Rank 0 listens; every rank, itself too, keeps one connection to it for the
// whole run. Over these the ranks find each other (a store of keys and values,
// which Gloo needs and has none of over TCP), and over these rank 0 notices
// that one is lost: its connection is closed without a Bye, it has sent nothing
// for too long, or it says itself that it cannot go on. Rank 0 alone judges, so
// that all ranks name the same one, and not each other in turn as they end.
//
// Beats come from threads that do nothing else: how long a step takes does not
// matter.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/comm/Frames.h"
#include "runtime/comm/Socket.h"

#include <chrono>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace swamla {

/// Times of the connections between ranks.
struct RankTimes {
  std::chrono::milliseconds silence{30'000};  ///< after which a rank is lost
  std::chrono::milliseconds joining{300'000}; ///< for all ranks to come at the start
  /// Between two beats: several within `silence`, so that one may be late.
  std::chrono::milliseconds beat() const;
};

class RankHub {
public:
  /// Serves `listener` on a thread of its own.
  static Result<std::unique_ptr<RankHub>> start(Socket listener, unsigned ranks, RankTimes times);
  RankHub(const RankHub &) = delete;
  RankHub &operator=(const RankHub &) = delete;
  ~RankHub();

private:
  using Clock = std::chrono::steady_clock;
  struct Peer {
    Socket socket;
    FrameReader in;
    std::string out; ///< not sent yet
    std::optional<unsigned> rank;
    Clock::time_point heard;
    bool left = false; ///< has said Bye
  };

  RankHub(Socket listener, unsigned ranks, RankTimes times)
      : listener(std::move(listener)), ranks(ranks), times(times) {}
  void serve();
  void acceptAll();
  void readFrom(Peer &peer);
  void handle(Peer &peer, const Frame &frame);
  void greet(Peer &peer, std::string_view body);
  void welcomeAll();
  void answer(Peer &peer, const std::string &key);
  void writeTo(Peer &peer);
  void send(Peer &peer, FrameKind kind, std::string_view body);
  void closed(Peer &peer, std::string_view why);
  void judgeSilence();
  void beatAll();
  void lose(const std::string &verdict);

  Socket listener, stop; ///< stop: an eventfd
  unsigned ranks;
  RankTimes times;
  std::list<Peer> peers;
  std::map<std::string, std::string> store;
  std::multimap<std::string, Peer *> waiting; ///< for keys that are not there yet
  std::optional<std::string> verdict;
  unsigned joined = 0, left = 0;
  Clock::time_point started, lastBeat;
  std::thread thread;
};

} // namespace swamla
