//===- AttentionKernelTest.cpp - attention kernels against plain loops ----===//
//
// Every kernel is compiled to an ELF object, mapped, and run over all of its
// units; its results are compared with double-precision loops.
//
//===----------------------------------------------------------------------===//
#include "compiler/Kernels/AttentionShape.h"
#include "tests/unit/AttentionProblem.h"
#include "tests/unit/KernelHarness.h"

#include <gtest/gtest.h>

#include <cstring>
#include <numeric>
#include <random>

using namespace swamla;
using namespace swamla::test;

namespace {

class AttentionKernelTest : public testing::TestWithParam<Case>, protected AttentionProblem {
protected:
  AttentionKernelTest() : AttentionProblem(GetParam()) {}

  int64_t units() const { return attentionUnits(c.batch, c.heads, c.seq, {c.qk(), c.v}); }

  /// Runs all units in one call, then one by one in a random order: the results must have the same
  /// bits, also where nothing is to be written.
  void run(const Kernels &kernel, const std::vector<void *> &views, int64_t units,
           Tensors &results) {
    Buffer scratch(kernel.scratchBytes() / 4);
    kernel.run("kernel", views, 0, units, scratch.floats);
    auto first = results.copy();
    results.poison();
    std::vector<int64_t> order(units);
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), std::mt19937(3));
    for (int64_t unit : order) {
      scratch.poison();
      kernel.run("kernel", views, unit, unit + 1, scratch.floats);
    }
    auto second = results.copy();
    for (size_t i = 0; i < first.size(); ++i)
      EXPECT_EQ(std::memcmp(first[i].data(), second[i].data(), first[i].size() * 4), 0)
          << "results depend on the order of the units";
  }

  void expectClose(const char *name, const Heads &t, Expected &expected) {
    double error = relativeError(t, expected);
    EXPECT_TRUE(error < 1e-6) << name << ": relative error " << error;
  }
};

TEST_P(AttentionKernelTest, MatchesPlainLoops) {
  computeExpected();
  Kernels forward(forwardText(), c.cpu), backward(backwardText(), c.cpu);
  ASSERT_EQ(forward.errors() + backward.errors(), "");
  run(forward, forwardViews(), units(), outs);
  expectClose("out", out, rOut);
  expectClose("lse", lse, rLse);

  run(backward, backwardViews(), attentionGradUnits(c.batch, c.kvHeads()), grads);
  expectClose("dq", dq, rDq);
  expectClose("dk", dk, rDk);
  expectClose("dv", dv, rDv);
  int64_t gradients = c.rows() * (c.heads * c.qk() + c.kvHeads() * (c.own + c.v));
  if (c.shared) {
    expectClose("dshared", dshared, rDshared);
    gradients += c.rows() * c.heads * c.shared;
  }
  // Nothing between the rows, nor beyond them.
  EXPECT_EQ(outs.written(), c.rows() * c.heads * (c.v + 1));
  EXPECT_EQ(grads.written(), gradients);
}

class HiddenTilesTest : public AttentionKernelTest {};

/// Keys that no query of a block sees, up to the few that are there to make whole blocks of rows,
/// are not read at all: they may be NaN.
TEST_P(HiddenTilesTest, AreNotVisited) {
  constexpr int64_t slack = 8;
  Kernels forward(forwardText(), c.cpu);
  ASSERT_EQ(forward.errors(), "");
  forward.run("kernel", forwardViews(), 0, units(), Buffer(forward.scratchBytes() / 4).floats);
  std::vector<std::vector<float>> expected = outs.copy();
  int64_t block = attentionBlockQ(c.seq, {c.qk(), c.v}), blocks = (c.seq + block - 1) / block;
  for (int64_t query = 0, unit = 0; unit < blocks; ++unit, query += block) {
    std::vector<std::pair<float *, float>> saved;
    int64_t begin = c.window == kNoWindow ? 0 : query - c.window - slack;
    for (int64_t j = 0; j < c.seq; ++j)
      if (j >= query + block || (j < begin && j >= c.sink + slack))
        for (const Heads *t : {&k, &v})
          for (int64_t d = 0; d < t->width; ++d) {
            saved.emplace_back(&t->at(j, 0, d), t->at(j, 0, d));
            t->at(j, 0, d) = std::numeric_limits<float>::quiet_NaN();
          }
    forward.run("kernel", forwardViews(), unit, unit + 1,
                Buffer(forward.scratchBytes() / 4).floats);
    for (auto [place, value] : saved)
      *place = value;
  }
  std::vector<std::vector<float>> found = outs.copy();
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(std::memcmp(expected[i].data(), found[i].data(), expected[i].size() * 4), 0);
}

std::vector<Case> cases() {
  using enum Layout;
  std::vector<Case> all = {
      {.seq = 1, .own = 16, .v = 16},
      {.seq = 5, .own = 24, .v = 16, .batch = 3},
      {.seq = 64, .own = 16, .v = 16, .window = 16, .sink = 4, .group = 2},
      {.seq = 64, .own = 64, .v = 64, .layout = Slices},
      {.seq = 100, .own = 96, .v = 96, .window = 0, .heads = 4, .group = 4},
      {.seq = 98, .own = 24, .v = 16, .window = 70, .sink = 1, .batch = 2, .layout = Joined},
      {.seq = 100,
       .own = 7,
       .v = 5,
       .window = 64,
       .sink = 20,
       .heads = 4,
       .group = 2,
       .layout = Slices},
      {.seq = 160, .own = 128, .v = 128, .shared = 64, .layout = Joined},
      {.seq = 160, .own = 16, .v = 16, .shared = 8, .batch = 2, .layout = Joined},
      {.seq = 160, .own = 96, .v = 96, .window = 1000, .sink = 4},
      {.seq = 257, .own = 7, .v = 5},
      {.seq = 257, .own = 1, .v = 1, .window = 16, .sink = 20},
      {.seq = 257, .own = 7, .v = 5, .shared = 8, .window = 16, .sink = 4, .heads = 4, .group = 2},
      {.seq = 257, .own = 24, .v = 16, .window = 64, .heads = 4, .group = 4, .layout = Joined},
      {.seq = 257, .own = 16, .v = 40, .window = 30, .sink = 70, .layout = Slices},
      {.seq = 300, .own = 48, .v = 16, .window = 100, .sink = 130, .layout = Slices},
      {.seq = 300, .own = 16, .v = 16, .window = 64, .sink = 300},
      {.seq = 260, .own = 16, .v = 16, .window = 126},
      {.seq = 33, .own = 600, .v = 500}};
  return all;
}

/// Some of the cases for each level of CPU that this machine runs.
std::vector<Case> casesOfLevels() {
  std::vector<Case> all = cases(), some;
  for (const std::string &cpu : runnableArchitectures())
    for (size_t i : {2, 4, 6, 8, 12, 14}) {
      some.push_back(all[i]);
      some.back().cpu = cpu;
    }
  return some;
}

INSTANTIATE_TEST_SUITE_P(Shapes, AttentionKernelTest, testing::ValuesIn(cases()));
INSTANTIATE_TEST_SUITE_P(Levels, AttentionKernelTest, testing::ValuesIn(casesOfLevels()));
INSTANTIATE_TEST_SUITE_P(Shapes, HiddenTilesTest, testing::ValuesIn(cases()));

} // namespace
