//===- TrainRanksTest.cpp - the training loop of many ranks ---------------===//
//
// Each rank trains by hand on a device of its own; where a compiled program
// would add gradients up over ranks, the device does before its update.
//
//===----------------------------------------------------------------------===//
#include "runtime/train/RankAgreement.h"
#include "runtime/train/Trainer.h"
#include "tests/unit/RankTestSupport.h"
#include "tests/unit/TrainTestSupport.h"

#include <atomic>
#include <cmath>
#include <csignal>
#include <limits>

namespace swamla {
namespace {

using test::BigramDevice;
using test::failedWith;
using test::leave;
using test::onRanks;
using test::succeeded;

class TrainRanksTest : public test::BigramTest {
protected:
  void SetUp() override {
    BigramTest::SetUp();
    std::vector<uint16_t> tokens = {0};
    for (int i = 0; i < 60; ++i)
      tokens.push_back(static_cast<uint16_t>((3 * tokens.back() + i % 5) % 16));
    write("data/a.bin", test::shardBytes(tokens));
    write("data/b_val.bin", test::shardBytes({tokens.begin(), tokens.begin() + 41}));
    null = std::fopen("/dev/null", "w");
  }
  void TearDown() override {
    std::fclose(null);
    BigramTest::TearDown();
  }

  TrainerConfig config(int64_t steps, int64_t accumulation, Communicator *ranks) const {
    TrainerConfig c;
    c.steps = steps;
    c.hyper.schedule = {0.05, 0.005, 3, 40};
    c.hyper.accumulation = accumulation;
    c.progress.out = null;
    c.ranks = ranks;
    return c;
  }
  /// Adds gradients up over ranks where a program would.
  static void addUp(BigramDevice &device, Communicator &ranks) {
    device.beforeRun = [&](std::string_view program) {
      if (program == "apply")
        EXPECT_TRUE(succeeded(ranks.allReduce(std::as_writable_bytes(device.floats(test::kGrads)),
                                              schema::DType::F32)));
    };
  }
  Result<TrainOutcome> train(BigramDevice &device, const TrainerConfig &c,
                             CheckpointWriter *checkpoints = nullptr) const {
    auto data = openTokenData(path("data"), {4, 16, 0, {}});
    EXPECT_TRUE(succeeded(data));
    TrainState state{0, 11, {}, data->identity, 0};
    EXPECT_TRUE(succeeded(initParams(device, *table, state.seed)));
    auto trainer = Trainer::create(device, *data, c, state, checkpoints, nullptr);
    if (!trainer.isOk())
      return std::move(trainer).takeStatus();
    return (*trainer)->run();
  }

  FILE *null = nullptr;
};

TEST_F(TrainRanksTest, TrainAsOneRankDoesWithAccumulation) {
  TrainerConfig c = config(10, 4, nullptr);
  c.valEvery = 10;
  auto one = train(*device, c);
  ASSERT_TRUE(succeeded(one));
  std::vector<float> expected = device->params();
  for (unsigned count : {2U, 4U})
    onRanks(count, [&](Communicator &ranks) {
      BigramDevice mine(*file);
      addUp(mine, ranks);
      TrainerConfig many = config(10, 4 / count, &ranks);
      many.valEvery = 10;
      auto outcome = train(mine, many);
      ASSERT_TRUE(succeeded(outcome));
      double difference = 0, size = 0;
      for (size_t i = 0; i < expected.size(); ++i) {
        difference += std::pow(double(mine.params()[i]) - double(expected[i]), 2);
        size += double(expected[i]) * double(expected[i]);
      }
      EXPECT_LT(std::sqrt(difference / size), 1e-6);
      EXPECT_NEAR(outcome->loss, one->loss, 1e-6);
      EXPECT_NEAR(*outcome->validationLoss, *one->validationLoss, 1e-6);
      leave(ranks);
    });
}

TEST_F(TrainRanksTest, ALossThatIsNotFiniteSkipsTheStepOfAll) {
  onRanks(2, [&](Communicator &ranks) {
    BigramDevice mine(*file);
    int applied = 0;
    int64_t microSteps = 0;
    mine.beforeRun = [&](std::string_view program) {
      applied += program == "apply";
      // A parameter of rank 1 is lost in its first micro step, and comes back.
      if (program == "micro_step" && ranks.rank() == 1)
        mine.floats(test::kParams)[256] =
            ++microSteps == 1 ? std::numeric_limits<float>::quiet_NaN() : 1.0F;
    };
    TrainerConfig c = config(1, 3, &ranks);
    auto data = openTokenData(path("data"), {4, 16, 0, {}});
    ASSERT_TRUE(succeeded(data));
    ASSERT_TRUE(succeeded(initParams(mine, *table, 1)));
    auto runner = StepRunner::create(mine, c.hyper, 0, &ranks);
    ASSERT_TRUE(succeeded(runner));
    BatchLoader loader(*data->train, 2, 1, {}, 4, 3, shareOf(&ranks));
    auto result = runner->step(0, loader);
    ASSERT_TRUE(succeeded(result));
    EXPECT_FALSE(result->finite);
    EXPECT_TRUE(std::isnan(result->loss));
    EXPECT_EQ(applied, 0);
    EXPECT_EQ(result->after, (DataPosition{0, 12})) << "the batches of all are used up";
    leave(ranks);
  });
}

TEST_F(TrainRanksTest, OneRanksSignalStopsAllBehindTheSameStep) {
  onRanks(2, [&](Communicator &ranks) {
    BigramDevice mine(*file);
    addUp(mine, ranks);
    TrainerConfig c = config(100, 1, &ranks);
    int64_t asked = 0;
    c.stopRequested = [&] { return ranks.rank() == 1 && ++asked > 5 ? SIGTERM : 0; };
    auto outcome = train(mine, c);
    ASSERT_TRUE(succeeded(outcome));
    EXPECT_EQ(outcome->stopped, SIGTERM);
    EXPECT_EQ(outcome->step, 6);
    leave(ranks);
  });
}

TEST_F(TrainRanksTest, RankZeroSavesAndAllKnow) {
  onRanks(2, [&](Communicator &ranks) {
    BigramDevice mine(*file);
    addUp(mine, ranks);
    std::atomic<int> changes = 0;
    CheckpointWriter writer(mine, *table,
                            {path("ckpt"), 0, {}, [&](std::string_view) { ++changes; }});
    if (ranks.rank() == 0) {
      ASSERT_TRUE(succeeded(writer.prepare(0)));
    }
    auto outcome = train(mine, config(2, 1, &ranks), &writer);
    ASSERT_TRUE(succeeded(outcome));
    EXPECT_EQ(outcome->checkpoint, path("ckpt/step-000002"));
    EXPECT_EQ(changes > 0, ranks.rank() == 0);
    leave(ranks);
  });
}

TEST_F(TrainRanksTest, NothingIsSavedWhenRanksHaveGoneApart) {
  onRanks(2, [&](Communicator &ranks) {
    BigramDevice mine(*file); // gradients are not added up: each goes its own way
    CheckpointWriter writer(mine, *table, {path("ckpt"), 0, {}, {}});
    EXPECT_TRUE(failedWith(train(mine, config(2, 1, &ranks), &writer),
                           StatusCode::FailedPrecondition,
                           {"After step 2 the parameters of rank 1", "not those of rank 0"}));
    leave(ranks);
  });
  EXPECT_FALSE(std::filesystem::exists(path("ckpt")));
}

TEST(RankAgreementTest, ADifferentFactIsNamed) {
  onRanks(3, [](Communicator &ranks) {
    EXPECT_TRUE(succeeded(requireSameFacts(ranks, {{"--lr", "1"}, {"--clip", ""}})));
    RankFacts facts = {{"--clip", "1"}, {"--lr", ranks.rank() == 2 ? "0.2" : "0.1"}};
    EXPECT_TRUE(failedWith(requireSameFacts(ranks, facts), StatusCode::InvalidArgument,
                           {"--lr is '0.2' on rank 2 and '0.1' on rank 0"}));
    leave(ranks);
  });
}

TEST(RankAgreementTest, OneFailureIsAllRanks) {
  onRanks(3, [](Communicator &ranks) {
    auto good = agree(ranks, std::string(ranks.rank() == 0 ? "path" : ""));
    ASSERT_TRUE(succeeded(good));
    EXPECT_EQ(*good, "path");
    auto bad = agree(ranks, ranks.rank() == 1 ? Result<std::string>(notFound("no such file"))
                                              : Result<std::string>(std::string("x")));
    if (ranks.rank() == 1)
      EXPECT_TRUE(failedWith(bad, StatusCode::NotFound, {"no such file"}));
    else
      EXPECT_TRUE(failedWith(bad, StatusCode::RankLost, {"rank 1 cannot go on: no such file"}));
    leave(ranks);
  });
}

} // namespace
} // namespace swamla
