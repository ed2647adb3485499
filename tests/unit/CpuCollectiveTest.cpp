//===- CpuCollectiveTest.cpp - programs for many ranks on the CPU ---------===//
#include "tests/unit/CollectiveSample.h"
#include "tests/unit/CpuTestSupport.h"
#include "tests/unit/ThreadRanks.h"

#include <chrono>
#include <thread>

namespace swamla {
namespace {

using namespace test;
using schema::View;

/// Words of a rank: first + 0, first + 1, ...
std::vector<float> counting(size_t count, float first) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i)
    values[i] = first + float(i);
  return values;
}

TEST(CpuCollective, RanksAddUpScatterGatherAndCompare) {
  ThreadRanks ranks(2);
  auto rank = [&](unsigned self) {
    auto loaded = load(stepForTwoRanks(), {.communicator = &ranks[self], .threads = 1});
    ASSERT_TRUE(loaded.isOk()) << loaded.status().message();
    Device &device = *loaded->device;
    for (int repeat = 0; repeat < 3; ++repeat) {
      write(device, kGrads, 0, counting(128, self == 0 ? 1 : 1000));
      ASSERT_TRUE(device.run(0).isOk());
      for (size_t i = 0; i < 32; ++i)
        EXPECT_EQ(read<float>(device, kGrads, 4 * i, 1)[0], 1001 + 2 * float(i));
      EXPECT_EQ(read<float>(device, kGrads, 128, 32), std::vector<float>(32, 1.5F));
      std::vector<float> sums(16);
      for (size_t i = 0; i < 16; ++i)
        sums[i] = 1001 + 2 * float(64 + i);
      std::vector<float> piece(sums.begin() + 8 * self, sums.begin() + 8 * self + 8);
      EXPECT_EQ(read<float>(device, kState, 0, 8), piece);
      EXPECT_EQ(read<float>(device, kState, 64, 16), sums);
      EXPECT_EQ(read<float>(device, kGrads, 320, 16), counting(16, 1080));
    }
  };
  std::thread other(rank, 1);
  rank(0);
  other.join();
}

TEST(CpuCollective, OneOpAloneIsWithoutTheOthers) {
  ThreadRanks ranks(2); // the second never comes
  auto loaded = load(stepForTwoRanks(), {.communicator = &ranks[0], .threads = 1});
  ASSERT_TRUE(loaded.isOk()) << loaded.status().message();
  write(*loaded->device, kGrads, 0, counting(32, 1));
  for (unsigned op = 0; op < 9; ++op)
    ASSERT_TRUE(loaded->device->runOp(0, op).isOk());
  EXPECT_EQ(read<float>(*loaded->device, kGrads, 0, 32), counting(32, 1));
  EXPECT_EQ(read<float>(*loaded->device, kGrads, 128, 32), std::vector<float>(32, 1.5F));
}

TEST(CpuCollective, AnotherNumberOfRanksIsRefused) {
  EXPECT_EQ(loadError(stepForTwoRanks()),
            "step.bin was compiled for 2 ranks, but 1 was started; compile it with --ranks=1, or "
            "start 2");
  ThreadRanks ranks(4);
  EXPECT_EQ(loadError(stepForTwoRanks(), {.communicator = &ranks[0]}),
            "step.bin was compiled for 2 ranks, but 4 were started; compile it with --ranks=4, or "
            "start 2");
  EXPECT_EQ(loadError(emptyStep(), {.communicator = &ranks[0]}),
            "step.bin was compiled for 1 rank, but 4 were started; compile it with --ranks=4, or "
            "start 1");
}

/// The first of two ranks, where the second is whatever the test wants.
class Alone : public Communicator {
public:
  unsigned rank() const override { return 0; }
  unsigned ranks() const override { return 2; }
  Status allReduce(std::span<std::byte>, schema::DType, ReduceOp) override {
    ++calls;
    return meanwhile();
  }
  Status reduceScatter(std::span<const std::byte>, std::span<std::byte>, schema::DType) override {
    ++calls;
    return Status::ok();
  }
  Status allGather(std::span<const std::byte>, std::span<std::byte>) override {
    ++calls;
    return Status::ok();
  }
  Result<std::vector<std::string>> exchange(std::string_view) override {
    return std::vector<std::string>(2);
  }
  Status gatherNumbers(std::span<const double>, std::span<double>) override { return Status::ok(); }
  Status leave() override { return Status::ok(); }
  void abort(std::string_view) override {}

  std::function<Status()> meanwhile = [] { return Status::ok(); };
  int calls = 0;
};

TEST(CpuCollective, OpsRunBesideIt) {
  Alone alone;
  auto loaded = load(stepForTwoRanks(), {.communicator = &alone, .threads = 1});
  ASSERT_TRUE(loaded.isOk()) << loaded.status().message();
  // The sum goes on until the fill behind it has been seen.
  alone.meanwhile = [&] {
    using Clock = std::chrono::steady_clock;
    auto end = Clock::now() + std::chrono::seconds(20);
    while (read<float>(*loaded->device, kGrads, 252, 1)[0] != 1.5F)
      if (Clock::now() > end)
        return internalError("the fill waits for the sum");
    return Status::ok();
  };
  Status status = loaded->device->run(0);
  EXPECT_TRUE(status.isOk()) << status.message();
}

TEST(CpuCollective, AnErrorEndsTheRunAndAllThatFollow) {
  Alone alone;
  alone.meanwhile = [] { return Status::error(StatusCode::Unavailable, "rank 1 is gone"); };
  auto loaded = load(stepForTwoRanks(), {.communicator = &alone, .threads = 1});
  ASSERT_TRUE(loaded.isOk()) << loaded.status().message();
  for (int repeat = 0; repeat < 2; ++repeat) {
    Status status = loaded->device->run(0);
    EXPECT_EQ(status.code(), StatusCode::Unavailable);
    EXPECT_EQ(status.message(), "step.bin: wait: rank 1 is gone");
  }
  EXPECT_EQ(alone.calls, 1); // the ranks no longer do the same, so nothing is sent
}

} // namespace
} // namespace swamla
