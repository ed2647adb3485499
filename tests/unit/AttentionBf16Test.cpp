//===- AttentionBf16Test.cpp - attention kernels on bf16 views ------------===//
//
// The problems of AttentionProblem with inputs that are bf16 numbers: kernels see
// bf16 copies of the buffers, which end, like the buffers, at a page that cannot
// be touched. Probabilities, score gradients and results are rounded once each.
//
//===----------------------------------------------------------------------===//
#include "compiler/Kernels/AttentionShape.h"
#include "runtime/base/Bf16.h"
#include "tests/unit/AttentionProblem.h"
#include "tests/unit/KernelHarness.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>

using namespace swamla;
using namespace swamla::test;

namespace {

/// Three roundings of 2^-9 or so.
constexpr double kTolerance = 5e-3;
/// Statistics are f32.
constexpr double kStatisticTolerance = 1e-6;

/// The bf16 copy of a buffer.
class NarrowCopy {
public:
  explicit NarrowCopy(Buffer &wide) : wide(wide), memory((wide.count + 1) / 2) {
    for (int64_t i = 0; i < wide.count; ++i)
      begin()[i] = toBf16(wide[i]);
  }
  Bf16 *begin() { return reinterpret_cast<Bf16 *>(memory.floats + memory.count) - wide.count; }
  void copyBack() {
    for (int64_t i = 0; i < wide.count; ++i)
      wide[i] = toFloat(begin()[i]);
  }

private:
  Buffer &wide;
  Buffer memory;
};

class AttentionBf16Test : public testing::TestWithParam<Case>, protected AttentionProblem {
protected:
  AttentionBf16Test() : AttentionProblem(GetParam()) {
    for (const Heads *t : {&q, &k, &v, &shared, &dout})
      visit(*t, [&](int64_t m, int64_t h, int64_t d) {
        t->at(m, h, d) = toFloat(toBf16(t->at(m, h, d)));
      });
  }

  /// Runs all units of a kernel on views of these tensors, as bf16 except for the statistics.
  void run(std::string text, const std::vector<const Heads *> &tensors, int64_t units) {
    text.replace(text.find("element f32"), std::strlen("element f32"), "element bf16");
    Kernels kernel(text, c.cpu);
    ASSERT_EQ(kernel.errors(), "");
    std::map<Buffer *, NarrowCopy> copies;
    std::vector<void *> views;
    for (const Heads *t : tensors) {
      bool isStatistic = t == &lse || t == &delta;
      views.push_back(isStatistic
                          ? t->base()
                          : copies.try_emplace(t->buffer, *t->buffer).first->second.begin() +
                                t->offset);
    }
    Buffer scratch(static_cast<int64_t>(kernel.scratchBytes() / 4));
    kernel.run("kernel", views, 0, units, scratch.floats);
    for (auto &[buffer, copy] : copies)
      copy.copyBack();
  }

  void expectClose(const char *name, const Heads &t, Expected &expected, double tolerance) {
    double error = relativeError(t, expected);
    EXPECT_LT(error, tolerance) << name;
  }
};

TEST_P(AttentionBf16Test, MatchesPlainLoops) {
  computeExpected();
  std::vector<const Heads *> inputs = {&q, &k, &v};
  if (c.shared)
    inputs.push_back(&shared);
  auto with = [&](std::vector<const Heads *> more) {
    more.insert(more.begin(), inputs.begin(), inputs.end());
    return more;
  };
  run(forwardText(), with({&out, &lse}), attentionUnits(c.batch, c.heads, c.seq, {c.qk(), c.v}));
  expectClose("out", out, rOut, kTolerance);
  expectClose("lse", lse, rLse, kStatisticTolerance);
  std::vector<const Heads *> gradients = with({&dout, &lse, &delta, &dq, &dk, &dv});
  if (c.shared)
    gradients.push_back(&dshared);
  run(backwardText(), gradients, attentionGradUnits(c.batch, c.kvHeads()));
  expectClose("dq", dq, rDq, kTolerance);
  expectClose("dk", dk, rDk, kTolerance);
  expectClose("dv", dv, rDv, kTolerance);
  int64_t written = c.rows() * (c.heads * c.qk() + c.kvHeads() * (c.own + c.v));
  if (c.shared) {
    expectClose("dshared", dshared, rDshared, kTolerance);
    written += c.rows() * c.heads * c.shared;
  }
  EXPECT_EQ(outs.written(), c.rows() * c.heads * (c.v + 1)) << "something between the rows";
  EXPECT_EQ(grads.written(), written) << "something between the rows";
}

std::vector<Case> cases() {
  using enum Layout;
  std::vector<Case> shapes = {
      {.seq = 1, .own = 16, .v = 16},
      {.seq = 5, .own = 24, .v = 16, .batch = 3},
      {.seq = 100, .own = 96, .v = 96, .window = 40, .sink = 4, .heads = 4, .group = 4},
      {.seq = 98, .own = 24, .v = 16, .window = 70, .sink = 1, .batch = 2, .layout = Joined},
      {.seq = 160, .own = 128, .v = 128, .shared = 64, .layout = Joined},
      {.seq = 257, .own = 7, .v = 5, .shared = 8, .window = 16, .sink = 4, .heads = 4, .group = 2},
      {.seq = 257, .own = 16, .v = 40, .window = 30, .sink = 70, .layout = Slices}};
  std::vector<Case> all;
  for (const std::string &cpu : runnableArchitectures())
    for (const Case &shape : shapes) {
      all.push_back(shape);
      all.back().cpu = cpu;
    }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Shapes, AttentionBf16Test, testing::ValuesIn(cases()));

} // namespace
