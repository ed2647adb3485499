//===- ScheduleTest.cpp - learning rate, bias correction, dropout keys ----===//
#include "runtime/train/Schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace swamla {
namespace {

TEST(ScheduleTest, AsTheOracle) {
  // lr_at of the reference for (warmup 2, max_steps 8, lr 1e-2, min_lr 1e-3).
  LrSchedule schedule{1e-2, 1e-3, 2, 8};
  EXPECT_DOUBLE_EQ(schedule.at(0), 0.0);
  EXPECT_DOUBLE_EQ(schedule.at(1), 0.005);
  EXPECT_DOUBLE_EQ(schedule.at(2), 0.01);
  EXPECT_DOUBLE_EQ(schedule.at(3), 0.009397114317029975);
  EXPECT_DOUBLE_EQ(schedule.at(5), 0.0055);
  EXPECT_DOUBLE_EQ(schedule.at(8), 0.001);
  EXPECT_DOUBLE_EQ(schedule.at(9), 0.001);
  EXPECT_DOUBLE_EQ(schedule.at(1000), 0.001);
}

TEST(ScheduleTest, WithoutWarmup) {
  LrSchedule schedule{1, 0, 0, 4};
  EXPECT_DOUBLE_EQ(schedule.at(0), 1);
  EXPECT_DOUBLE_EQ(schedule.at(2), 0.5);
  EXPECT_DOUBLE_EQ(schedule.at(4), 0);
}

TEST(ScheduleTest, OnlyWarmupEndsAtThePeak) {
  LrSchedule schedule{1, 0.1, 4, 4};
  EXPECT_DOUBLE_EQ(schedule.at(3), 0.75);
  EXPECT_DOUBLE_EQ(schedule.at(4), 1);
  EXPECT_DOUBLE_EQ(schedule.at(5), 0.1);
}

TEST(ScheduleTest, NeverRisesAfterWarmup) {
  LrSchedule schedule{3e-3, 3e-4, 10, 500};
  for (int step = 10; step < 600; ++step)
    EXPECT_GE(schedule.at(step), schedule.at(step + 1)) << step;
}

TEST(ScheduleTest, BiasCorrection) {
  AdamBiasCorrection one = adamBiasCorrection(0.9, 0.95, 1);
  EXPECT_NEAR(one.first, 0.1, 1e-7);
  EXPECT_NEAR(one.second, 0.05, 1e-7);
  AdamBiasCorrection ten = adamBiasCorrection(0.9, 0.999, 10);
  EXPECT_NEAR(ten.first, 0.6513215599, 1e-7);
  EXPECT_NEAR(ten.second, 0.00995511979, 2e-7);
  EXPECT_EQ(adamBiasCorrection(0, 0, 1).first, 1);
}

TEST(ScheduleTest, BiasCorrectionFitsTheUpdate) {
  // What a float program makes of a constant square of 1: its average must come out as 1.
  const float beta2 = 0.999F;
  double v = 0;
  for (int64_t step = 1; step <= 5; ++step) {
    v = beta2 * v + (1.0F - beta2);
    EXPECT_NEAR(v / adamBiasCorrection(0.9, 0.999, step).second, 1.0, 1e-7) << step;
  }
}

TEST(ScheduleTest, DropoutKeysDiffer) {
  RandomStream stream(7, "dropout"), other(8, "dropout");
  std::set<int32_t> keys;
  for (int64_t step = 0; step < 100; ++step)
    for (int64_t micro = 0; micro < 10; ++micro) {
      keys.insert(dropoutKey(stream, step, micro));
      EXPECT_EQ(dropoutKey(stream, step, micro),
                dropoutKey(RandomStream(7, "dropout"), step, micro));
    }
  // 1000 draws of 32 bits: one equal pair has probability 1e-4, and this is deterministic.
  EXPECT_EQ(keys.size(), 1000U);
  EXPECT_NE(dropoutKey(stream, 0, 0), dropoutKey(other, 0, 0));
  // The micro steps of one step do not run into those of the next.
  EXPECT_NE(dropoutKey(stream, 0, kMaxAccumulation - 1), dropoutKey(stream, 1, 0));
}

} // namespace
} // namespace swamla
