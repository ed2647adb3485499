//===- CudaCollectiveTest.cpp - programs for many ranks on GPUs -----------===//
//
// Two ranks are threads of one process, which NCCL has on one GPU only where
// tests/fakecuda stands in for it.
//
//===----------------------------------------------------------------------===//
#include "tests/unit/CollectiveSample.h"
#include "tests/unit/CudaTestSupport.h"
#include "tests/unit/ThreadRanks.h"

#include <thread>

namespace swamla {
namespace {

using namespace test;

schema::StepT cudaStepForTwoRanks() {
  schema::StepT step = stepForTwoRanks();
  schema::StepT empty = emptyCudaStep();
  step.target = std::move(empty.target);
  return step;
}

class CudaCollectiveTest : public CudaTest {
protected:
  void SetUp() override {
    CudaTest::SetUp();
    if (!IsSkipped() && !isFakeGpu())
      GTEST_SKIP() << "two ranks of one process want two GPUs";
  }
  void TearDown() override {
    ::unsetenv("SWAMLA_FAKE_NCCL");
    CudaTest::TearDown();
  }

  /// Runs the program five times on two ranks and looks at what each then has.
  static void runBoth(const DeviceOptions &options) {
    ThreadRanks ranks(2);
    auto rank = [&](unsigned self) {
      DeviceOptions own = options;
      own.communicator = &ranks[self];
      auto loaded = load(cudaStepForTwoRanks(), own);
      ASSERT_TRUE(succeeded(loaded));
      EXPECT_NE(loaded->device->describe().find(", NCCL 2.28.9"), std::string::npos);
      for (int repeat = 0; repeat < 5; ++repeat)
        runOnce(*loaded->device, self);
    };
    std::thread other(rank, 1);
    rank(0);
    other.join();
  }

  static void runOnce(Device &device, unsigned self) {
    std::vector<float> mine(128);
    for (size_t i = 0; i < mine.size(); ++i)
      mine[i] = (self == 0 ? 1 : 1000) + float(i);
    test::write(device, kGrads, 0, mine);
    ASSERT_TRUE(succeeded(device.run(0)));
    std::vector<float> sums(128), maxima(16);
    for (size_t i = 0; i < sums.size(); ++i)
      sums[i] = 1001 + 2 * float(i);
    for (size_t i = 0; i < maxima.size(); ++i)
      maxima[i] = 1080 + float(i);
    auto part = [&](size_t begin, size_t count) {
      return std::vector<float>(sums.begin() + ptrdiff_t(begin),
                                sums.begin() + ptrdiff_t(begin + count));
    };
    EXPECT_EQ(test::read<float>(device, kGrads, 0, 32), part(0, 32));
    EXPECT_EQ(test::read<float>(device, kGrads, 128, 32), std::vector<float>(32, 1.5F));
    EXPECT_EQ(test::read<float>(device, kState, 0, 8), part(64 + 8 * self, 8));
    EXPECT_EQ(test::read<float>(device, kState, 64, 16), part(64, 16));
    EXPECT_EQ(test::read<float>(device, kGrads, 320, 16), maxima);
  }
};

TEST_F(CudaCollectiveTest, RanksAddUpScatterGatherAndCompare) { runBoth({}); }
TEST_F(CudaCollectiveTest, OpByOp) { runBoth({.graph = false}); }
TEST_F(CudaCollectiveTest, WhileOpsAreTimed) { runBoth({.profile = true}); }

TEST_F(CudaCollectiveTest, WhatCannotBeRecordedPartsTheGraph) {
  ::setenv("SWAMLA_FAKE_NCCL", "eager", /*replace=*/1);
  runBoth({});
}

TEST_F(CudaCollectiveTest, OneOpAloneIsWithoutTheOthers) {
  ThreadRanks ranks(2);
  std::thread other([&] { (void)ranks[1].exchange(""); }); // for the id, and then never again
  auto loaded = load(cudaStepForTwoRanks(), {.communicator = &ranks[0]});
  other.join();
  ASSERT_TRUE(succeeded(loaded));
  test::write(*loaded->device, kGrads, 0, {1, 2, 3});
  for (unsigned op = 0; op < 9; ++op)
    ASSERT_TRUE(succeeded(loaded->device->runOp(0, op)));
  EXPECT_EQ(test::read<float>(*loaded->device, kGrads, 0, 3), (std::vector<float>{1, 2, 3}));
}

TEST_F(CudaCollectiveTest, RanksWithoutAGroupAreTold) {
  ThreadRanks ranks(2);
  std::thread other([&] { (void)ranks[0].exchange(""); }); // rank 0 could not begin
  std::string error = loadError(cudaStepForTwoRanks(), {.communicator = &ranks[1]});
  other.join();
  EXPECT_EQ(error, "step.bin: rank 0 could not begin a group of GPUs; its own message says why");
}

} // namespace
} // namespace swamla
