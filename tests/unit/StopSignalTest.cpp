//===- StopSignalTest.cpp - stopping on SIGINT and SIGTERM ----------------===//
#include "runtime/train/StopSignal.h"

#include "tests/unit/TrainTestSupport.h"

#include <chrono>
#include <csignal>
#include <thread>

namespace swamla {
namespace {

using test::succeeded;

/// Waits for the watcher, which runs on its own thread.
int waitFor(const StopSignal &stop) {
  for (int i = 0; i < 1000 && stop.received() == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return stop.received();
}

bool isBlocked(int signal) {
  sigset_t mask;
  pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  return sigismember(&mask, signal) == 1;
}

TEST(StopSignalTest, KeepsTheFirst) {
  for (int signal : {SIGINT, SIGTERM}) {
    auto stop = StopSignal::create();
    ASSERT_TRUE(succeeded(stop));
    EXPECT_EQ((*stop)->received(), 0);
    ::kill(::getpid(), signal);
    EXPECT_EQ(waitFor(**stop), signal);
  }
  EXPECT_FALSE(isBlocked(SIGINT));
  EXPECT_FALSE(isBlocked(SIGTERM));
}

TEST(StopSignalTest, NoHandlerRunsOnOtherThreads) {
  // A handler's frame would overwrite what the stack pointer happens to point at: see the header.
  auto stop = StopSignal::create();
  ASSERT_TRUE(succeeded(stop));
  for (int signal : {SIGINT, SIGTERM}) {
    struct sigaction action{};
    ASSERT_EQ(sigaction(signal, nullptr, &action), 0);
    EXPECT_EQ(action.sa_handler, SIG_DFL);
    EXPECT_TRUE(isBlocked(signal));
    bool inherited = false;
    std::thread([&] { inherited = isBlocked(signal); }).join();
    EXPECT_TRUE(inherited);
  }
}

TEST(StopSignalTest, TheSecondEndsTheProcess) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  auto twice = [] {
    auto stop = StopSignal::create();
    ::kill(::getpid(), SIGINT);
    waitFor(**stop);
    ::kill(::getpid(), SIGTERM);
    std::this_thread::sleep_for(std::chrono::seconds(20));
  };
  EXPECT_EXIT(twice(), testing::ExitedWithCode(128 + SIGTERM), "");
}

TEST(StopSignalTest, AfterwardsSignalsEndTheProcessAgain) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  auto after = [] {
    {
      auto stop = StopSignal::create();
    }
    ::kill(::getpid(), SIGTERM);
    std::this_thread::sleep_for(std::chrono::seconds(20));
  };
  EXPECT_EXIT(after(), testing::KilledBySignal(SIGTERM), "");
}

} // namespace
} // namespace swamla
