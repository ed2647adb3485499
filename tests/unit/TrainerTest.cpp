//===- TrainerTest.cpp - the training loop on a device by hand ------------===//
#include "runtime/train/Trainer.h"

#include "runtime/train/Json.h"
#include "tests/unit/TrainTestSupport.h"

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <new>
#include <sstream>
#include <utility>

/// Every allocation of this program is counted, to see that the step loop makes none.
static std::atomic<uint64_t> allocations = 0;

void *operator new(std::size_t size) {
  ++allocations;
  if (void *memory = std::malloc(size))
    return memory;
  std::abort();
}
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, std::size_t) noexcept { std::free(memory); }

namespace swamla {
namespace {

using test::BigramDevice;
using test::failedWith;
using test::succeeded;

class TrainerTest : public test::BigramTest {
protected:
  void SetUp() override {
    BigramTest::SetUp();
    // A text that can be learned: t -> 3 t + 1 modulo 16, in two shards of 7 and 6 sequences.
    std::vector<uint16_t> tokens = {0};
    for (int i = 0; i < 60; ++i)
      tokens.push_back(static_cast<uint16_t>((3 * tokens.back() + 1) % 16));
    auto shard = [&](size_t n) {
      return test::shardBytes({tokens.begin(), tokens.begin() + static_cast<ptrdiff_t>(n)});
    };
    write("data/a.bin", shard(29));
    write("data/b.bin", shard(25));
    write("data/c_val.bin", shard(41));
    null = std::fopen("/dev/null", "w");
  }
  void TearDown() override {
    std::fclose(null);
    BigramTest::TearDown();
  }

  TokenData openData() {
    auto data = openTokenData(path("data"), {4, 16, 0, {}});
    EXPECT_TRUE(succeeded(data));
    return *std::move(data);
  }
  TrainerConfig config(int64_t steps, int64_t accumulation = 1) {
    TrainerConfig c;
    c.steps = steps;
    c.hyper.schedule = {0.05, 0.005, 3, 40};
    c.hyper.accumulation = accumulation;
    c.progress.out = null;
    return c;
  }
  /// Trains from `state` on; the default is a new run with fresh weights.
  Result<TrainOutcome> train(const TrainerConfig &c, std::optional<TrainState> state = {},
                             CheckpointWriter *checkpoints = nullptr, JsonLog *log = nullptr) {
    TokenData data = openData();
    if (!state) {
      state = TrainState{0, 11, {}, data.identity, 0};
      EXPECT_TRUE(succeeded(initParams(*device, *table, state->seed)));
    }
    auto trainer = Trainer::create(*device, data, c, *state, checkpoints, log);
    if (!trainer.isOk())
      return std::move(trainer).takeStatus();
    return (*trainer)->run();
  }
  CheckpointWriter writer() { return {*device, *table, {path("ckpt"), 0, {}, {}}}; }

  FILE *null = nullptr;
};

TEST_F(TrainerTest, Learns) {
  TrainerConfig c = config(150);
  c.hyper.schedule = {0.1, 0.01, 10, 150};
  c.valEvery = 50;
  auto outcome = train(c);
  ASSERT_TRUE(succeeded(outcome));
  EXPECT_EQ(outcome->step, 150);
  ASSERT_TRUE(outcome->validationLoss);
  // It starts at log 16 = 2.77.
  EXPECT_LT(*outcome->validationLoss, 0.5);
}

TEST_F(TrainerTest, SameSeedSameBits) {
  ASSERT_TRUE(succeeded(train(config(20))));
  std::vector<float> first = device->params();
  newDevice();
  ASSERT_TRUE(succeeded(train(config(20))));
  EXPECT_EQ(first, device->params());
}

TEST_F(TrainerTest, ResumedEqualsUninterrupted) {
  // 13 sequences an epoch, 2 x 3 a step: 20 steps cross shards at every step and nine epoch ends.
  constexpr int64_t total = 20;
  ASSERT_TRUE(succeeded(train(config(total, 3))));
  std::vector<float> expected = device->params();
  for (int64_t stop = 1; stop < total; ++stop) {
    std::filesystem::remove_all(path("ckpt"));
    newDevice();
    TrainerConfig c = config(total, 3);
    int64_t steps = 0;
    c.stopRequested = [&] { return ++steps == stop ? 2 : 0; };
    CheckpointWriter before = writer();
    ASSERT_TRUE(succeeded(before.prepare(0)));
    auto outcome = train(c, {}, &before);
    ASSERT_TRUE(succeeded(outcome));
    EXPECT_EQ(outcome->stopped, 2);
    EXPECT_EQ(outcome->step, stop);

    newDevice();
    auto latest = findCheckpoint(path("ckpt"));
    ASSERT_TRUE(succeeded(latest));
    auto state = loadCheckpoint(*device, *table, *latest, LoadWhat::Everything);
    ASSERT_TRUE(succeeded(state));
    CheckpointWriter after = writer();
    ASSERT_TRUE(succeeded(train(config(total, 3), *state, &after)));
    EXPECT_EQ(device->params(), expected) << "stopped after step " << stop;
    EXPECT_EQ(*findCheckpoint(path("ckpt")), path("ckpt/step-000020"));
  }
}

TEST_F(TrainerTest, WritesTheScalars) {
  TrainerConfig c = config(2, 4);
  c.hyper.beta1 = 0.8;
  c.hyper.weightDecay = 0.3;
  c.hyper.clip = 0.25;
  std::vector<std::string> programs;
  std::vector<int32_t> keys;
  device->beforeRun = [&](std::string_view program) {
    programs.emplace_back(program);
    if (program == "micro_step") {
      float key = device->scalar("dropout_key");
      int32_t bits = 0;
      std::memcpy(&bits, &key, 4);
      keys.push_back(bits);
      EXPECT_EQ(device->scalar("loss_scale"), 1.0F);
    } else {
      int64_t step = std::ranges::count(programs, "apply");
      EXPECT_EQ(device->scalar("lr"), static_cast<float>(c.hyper.schedule.at(step)));
      EXPECT_EQ(device->scalar("bias_correction1"), static_cast<float>(1 - std::pow(0.8F, step)));
      EXPECT_EQ(device->scalar("bias_correction2"), static_cast<float>(1 - std::pow(0.95F, step)));
      EXPECT_EQ(device->scalar("grad_scale"), 0.25F);
      EXPECT_EQ(device->scalar("clip"), 0.25F);
      EXPECT_EQ(device->scalar("beta1"), 0.8F);
      EXPECT_EQ(device->scalar("beta2"), 0.95F);
      EXPECT_EQ(device->scalar("weight_decay"), 0.3F);
      EXPECT_EQ(device->scalar("eps"), 1e-8F);
    }
  };
  ASSERT_TRUE(succeeded(train(c)));
  std::vector<std::string> step = {"micro_step", "micro_step", "micro_step", "micro_step", "apply"};
  std::vector<std::string> twice = step;
  twice.insert(twice.end(), step.begin(), step.end());
  EXPECT_EQ(programs, twice);
  std::ranges::sort(keys);
  EXPECT_EQ(std::ranges::unique(keys).begin(), keys.end()) << "each micro step has its own masks";
}

TEST_F(TrainerTest, AccumulationEqualsALargerBatch) {
  // The same six sequences as three micro steps, or by hand as the mean of their gradients.
  TrainerConfig c = config(1, 3);
  float norm = 0;
  device->beforeRun = [&](std::string_view program) {
    if (program == "apply") {
      double sum = 0;
      for (float g : device->floats(test::kGrads))
        sum += double(g) * g;
      norm = static_cast<float>(std::sqrt(sum) / 3);
    }
  };
  auto log = JsonLog::open(path("log"));
  ASSERT_TRUE(succeeded(train(c, {}, nullptr, &*log)));
  auto line = parseJson(read(path("log")), "log");
  ASSERT_TRUE(succeeded(line));
  EXPECT_FLOAT_EQ((*line)["grad_norm"].get<float>(), norm);
}

TEST_F(TrainerTest, TheStepLoopAllocatesNothing) {
  auto log = JsonLog::open(path("log"));
  ASSERT_TRUE(succeeded(log));
  TrainerConfig c = config(40, 2);
  c.valEvery = 5;
  c.progress.logEvery = 3;
  uint64_t before = 0, after = 0;
  int64_t steps = 0;
  c.stopRequested = [&] {
    if (++steps == 8)
      before = allocations;
    if (steps == 38)
      after = allocations;
    return 0;
  };
  ASSERT_TRUE(succeeded(train(c, {}, nullptr, &*log)));
  EXPECT_GT(before, 0U);
  EXPECT_EQ(after - before, 0U);
}

TEST_F(TrainerTest, StopsWhenTheLossIsNotFinite) {
  auto log = JsonLog::open(path("log"));
  CheckpointWriter checkpoints = writer();
  ASSERT_TRUE(succeeded(checkpoints.prepare(0)));
  int64_t applied = 0;
  device->beforeRun = [&](std::string_view program) {
    if (program == "apply" && ++applied == 5)
      device->floats(test::kParams)[256] = NAN; // the update before step 6
  };
  TrainerConfig c = config(20);
  c.checkpointEvery = 3;
  auto outcome = train(c, {}, &checkpoints, &*log);
  ASSERT_TRUE(succeeded(outcome));
  EXPECT_EQ(outcome->step, 5);
  for (const char *part : {"diverged at step 6", "loss nan", "parameter gain: 1 of 1 element",
                           "first is nan at [0]", "after step 5", "--lr", "--on-nonfinite=skip"})
    EXPECT_NE(outcome->divergence.find(part), std::string::npos) << outcome->divergence;
  EXPECT_EQ(applied, 5) << "no update follows";
  EXPECT_EQ(*findCheckpoint(path("ckpt")), path("ckpt/step-000003")) << "bad weights are not saved";
  EXPECT_NE(read(path("log")).find("\"event\":\"nonfinite\",\"step\":6,\"loss\":null"),
            std::string::npos);
}

TEST_F(TrainerTest, StopsWhenTheGradientIsNotFinite) {
  std::vector<float> before;
  device->beforeRun = [&](std::string_view program) {
    before = device->params();
    if (program == "apply")
      device->floats(test::kGrads)[3] = INFINITY;
  };
  auto outcome = train(config(20));
  ASSERT_TRUE(succeeded(outcome));
  EXPECT_NE(outcome->divergence.find("gradient norm inf"), std::string::npos)
      << outcome->divergence;
  EXPECT_EQ(device->params(), before);
}

TEST_F(TrainerTest, SkipsStepsThatAreNotFinite) {
  // Steps 3 and 6 go wrong; AdamW then counts 8 updates in 10 steps.
  TrainerConfig c = config(10, 2);
  c.onNonFinite = OnNonFinite::Skip;
  int64_t micro = 0, applied = 0;
  std::vector<float> rates;
  float gain = 0;
  device->beforeRun = [&](std::string_view program) {
    if (program == "micro_step") {
      ++micro;
      EXPECT_EQ(device->floats(test::kGrads)[3] == INFINITY, false) << "left from a skipped step";
      if (micro == 5) // the first half of step 3; the second is not run
        gain = std::exchange(device->floats(test::kParams)[256], NAN);
      else if (micro == 6)
        device->floats(test::kParams)[256] = gain;
      return;
    }
    ++applied;
    if (applied == 5)
      device->floats(test::kGrads)[3] = INFINITY; // step 6
    rates.push_back(device->scalar("lr"));
    int64_t updates = applied <= 5 ? applied : applied - 1;
    EXPECT_EQ(device->scalar("bias_correction1"), static_cast<float>(1 - std::pow(0.9F, updates)));
  };
  CheckpointWriter checkpoints = writer();
  ASSERT_TRUE(succeeded(checkpoints.prepare(0)));
  auto outcome = train(c, {}, &checkpoints);
  ASSERT_TRUE(succeeded(outcome));
  EXPECT_EQ(outcome->step, 10);
  EXPECT_EQ(outcome->skipped, 2);
  EXPECT_EQ(outcome->divergence, "");
  EXPECT_EQ(applied, 9);
  std::vector<float> expected;
  for (int64_t step : {1, 2, 4, 5, 6, 7, 8, 9, 10}) // the schedule counts all steps
    expected.push_back(static_cast<float>(c.hyper.schedule.at(step)));
  EXPECT_EQ(rates, expected);
  for (float p : device->params())
    EXPECT_TRUE(std::isfinite(p));
  auto state = loadCheckpoint(*device, *table, path("ckpt/step-000010"), LoadWhat::Everything);
  ASSERT_TRUE(succeeded(state));
  EXPECT_EQ(state->skipped, 2);
}

TEST_F(TrainerTest, SkipsOnlySoManyInARow) {
  TrainerConfig c = config(30);
  c.onNonFinite = OnNonFinite::Skip;
  int64_t applied = 0;
  device->beforeRun = [&](std::string_view program) {
    if (program == "apply" && ++applied != 4) // one that is good starts the count again
      device->floats(test::kGrads)[3] = NAN;
  };
  auto outcome = train(c);
  ASSERT_TRUE(succeeded(outcome));
  EXPECT_EQ(outcome->step, 4 + kMaxSkips - 1);
  EXPECT_EQ(outcome->skipped, 3 + kMaxSkips - 1);
  EXPECT_NE(outcome->divergence.find("after 9 skipped steps in a row"), std::string::npos)
      << outcome->divergence;
}

TEST_F(TrainerTest, SavesOnSchedule) {
  CheckpointWriter checkpoints = writer();
  ASSERT_TRUE(succeeded(checkpoints.prepare(0)));
  TrainerConfig c = config(10);
  c.checkpointEvery = 4;
  auto outcome = train(c, {}, &checkpoints);
  ASSERT_TRUE(succeeded(outcome));
  std::vector<int64_t> steps;
  auto present = listCheckpoints(path("ckpt"));
  ASSERT_TRUE(succeeded(present));
  for (const CheckpointEntry &entry : *present)
    steps.push_back(entry.step);
  EXPECT_EQ(steps, (std::vector<int64_t>{4, 8, 10}));
  EXPECT_EQ(outcome->checkpoint, path("ckpt/step-000010"));
}

TEST_F(TrainerTest, SavesTheLastStepOnce) {
  CheckpointWriter checkpoints = writer();
  ASSERT_TRUE(succeeded(checkpoints.prepare(0)));
  TrainerConfig c = config(8);
  c.checkpointEvery = 4; // a second save of step 8 would fail: it is there
  ASSERT_TRUE(succeeded(train(c, {}, &checkpoints)));
}

TEST_F(TrainerTest, LogsEveryStep) {
  auto log = JsonLog::open(path("log"));
  TrainerConfig c = config(7);
  c.valEvery = 3;
  c.valBatches = 2;
  ASSERT_TRUE(succeeded(train(c, {}, nullptr, &*log)));
  std::istringstream in(read(path("log")));
  std::vector<std::string> events;
  for (std::string line; std::getline(in, line);) {
    auto json = parseJson(line, "line");
    ASSERT_TRUE(succeeded(json)) << line;
    events.push_back(
        fmt::format("{} {}", (*json)["event"].get<std::string>(), (*json)["step"].get<int64_t>()));
    EXPECT_GT((*json)["loss"].get<double>(), 0);
    if ((*json)["event"] == "validation") {
      EXPECT_EQ((*json)["tokens"], 16);
      EXPECT_NEAR((*json)["perplexity"].get<double>(), std::exp((*json)["loss"].get<double>()),
                  1e-9);
    }
  }
  EXPECT_EQ(events, (std::vector<std::string>{"step 1", "step 2", "step 3", "validation 3",
                                              "step 4", "step 5", "step 6", "validation 6",
                                              "step 7", "validation 7"}));
}

TEST_F(TrainerTest, ValidationNeedsABatch) {
  std::filesystem::remove(path("data/c_val.bin"));
  TrainerConfig c = config(5);
  c.valEvery = 1;
  EXPECT_TRUE(failedWith(train(c), StatusCode::InvalidArgument, {"no validation data"}));
  write("data/c_val.bin", test::shardBytes({1, 2, 3, 4, 5, 6}));
  EXPECT_TRUE(failedWith(train(c), StatusCode::InvalidArgument,
                         {"1 sequence of 4 tokens", "batch needs 2", "--val-every 0"}));
}

TEST_F(TrainerTest, PositionOutsideTheData) {
  EXPECT_TRUE(failedWith(train(config(5), TrainState{1, 11, {0, 13}, "", 0}),
                         StatusCode::FailedPrecondition, {"sequence 13", "has 13"}));
}

TEST(TrainerPiecesTest, SpreadEvenly) {
  EXPECT_EQ(spreadEvenly(10, 5), (std::vector<uint64_t>{0, 2, 4, 6, 8}));
  EXPECT_EQ(spreadEvenly(3, 5), (std::vector<uint64_t>{0, 1, 2}));
  EXPECT_EQ(spreadEvenly(0, 5), std::vector<uint64_t>{});
  EXPECT_EQ(spreadEvenly(uint64_t{1} << 63, 2), (std::vector<uint64_t>{0, uint64_t{1} << 62}));
}

} // namespace
} // namespace swamla
