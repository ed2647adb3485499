//===- RankTestSupport.h - ranks as threads of a test ---------------------===//
#pragma once

#include "runtime/comm/GlooCommunicator.h"

#include <gtest/gtest.h>

#include <csignal>
#include <functional>
#include <thread>
#include <vector>

namespace swamla::test {

/// Runs `body` on a thread for each of `ranks` ranks, connected over the loopback.
inline void onRanks(unsigned ranks, const std::function<void(Communicator &)> &body) {
  std::signal(SIGPIPE, SIG_IGN);
  auto listener = listenOn(0, /*loopbackOnly=*/true);
  ASSERT_TRUE(listener.isOk()) << listener.status().message();
  uint16_t port = localPort(*listener);
  std::vector<std::thread> threads;
  for (unsigned rank = 0; rank < ranks; ++rank)
    threads.emplace_back([&, rank] {
      GlooConfig config;
      config.place = {rank, ranks, rank, ranks, "127.0.0.1", port, "a test"};
      if (rank == 0)
        config.listener = *std::move(listener);
      auto communicator = createGlooCommunicator(std::move(config));
      ASSERT_TRUE(communicator.isOk()) << communicator.status().message();
      body(**communicator);
    });
  for (std::thread &thread : threads)
    thread.join();
}

inline void leave(Communicator &ranks) {
  Status status = ranks.leave();
  EXPECT_TRUE(status.isOk()) << status.message();
}

} // namespace swamla::test
