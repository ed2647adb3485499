//===- SynchronizationTest.cpp - what the emulator notices ----------------===//
//
// A kernel without one of its barriers, waits, arrivals or fences must not seem
// right: that is what the tests on the emulator are worth. A few are implied by
// others, so not all are missed.
//
//===----------------------------------------------------------------------===//
#include "tests/emulated/EmulatedAttention.h"

using namespace swamla;
using namespace swamla::test;

namespace {

class EmulatedSynchronization : public EmulatedAttention {
protected:
  using Results = std::vector<std::vector<float>>;

  /// Runs the first blocks, which have several tiles. Whether there is no fault, and the results
  /// are `reference`, if that is not empty.
  bool survives(const EmulatedOp &kernel, Views &views, Tensors &results, Results &reference) {
    for (EmulationOptions options : schedules(2)) {
      options.firstBlocks = GetParam().matrixUnits ? 2 : 0;
      results.poison();
      if (!kernel.tryRun(views.open(c.rows()), options).empty())
        return false;
      views.close();
      Results found = results.copy();
      if (reference.empty())
        reference = found;
      for (size_t i = 0; i < found.size(); ++i)
        if (std::memcmp(found[i].data(), reference[i].data(), found[i].size() * 4) != 0)
          return false;
    }
    return true;
  }

  /// What the gradient reads of the forward's results.
  void giveStatistics() {
    visit(lse, [&](int64_t m, int64_t h, int64_t) {
      lse.at(m, h, 0) = 4;
      delta.at(m, h, 0) = 0.25F;
    });
    visit(out, [&](int64_t m, int64_t h, int64_t d) { out.at(m, h, d) = q.at(m, h, d % c.qk()); });
  }

  void leaveOutEach(const std::string &op, Views &views, Tensors &results) {
    Results reference;
    EmulatedOp whole(text(op), views.open(c.rows()));
    views.close();
    ASSERT_EQ(whole.errors(), "");
    ASSERT_TRUE(survives(whole, views, results, reference));
    unsigned missed = 0, all = whole.numSynchronizations();
    std::string survivors;
    for (unsigned i = 0; i < all; ++i) {
      EmulatedOp mutant(text(op), views.open(c.rows()), int(i));
      views.close();
      if (survives(mutant, views, results, reference))
        survivors += mutant.leftOut() + "\n";
      else
        ++missed;
    }
    EXPECT_GE(missed * 4, all * 3) << missed << " of " << all << "; it is right without\n"
                                   << survivors;
  }
};

class ForwardSynchronization : public EmulatedSynchronization {};
class BackwardSynchronization : public EmulatedSynchronization {};

TEST_P(ForwardSynchronization, IsMissed) {
  Views views = forwardGpuViews();
  leaveOutEach(forwardText(), views, outs);
}

TEST_P(BackwardSynchronization, IsMissed) {
  giveStatistics();
  Views views = backwardGpuViews();
  leaveOutEach(backwardText(GetParam().fromOut), views, grads);
}

// Wide heads leave room for one place of rows, which a block's tiles then have one after the other.

class ForwardOnePlace : public EmulatedSynchronization {};
class BackwardOnePlace : public EmulatedSynchronization {};

TEST_P(ForwardOnePlace, HoldsSeveralTiles) {
  Views views = forwardGpuViews();
  EmulatedOp kernel(text(forwardText()), views.open(c.rows()));
  views.close();
  Results reference;
  EXPECT_TRUE(survives(kernel, views, outs, reference));
}

TEST_P(BackwardOnePlace, HoldsSeveralTiles) {
  giveStatistics();
  Views views = backwardGpuViews();
  EmulatedOp kernel(text(backwardText(GetParam().fromOut)), views.open(c.rows()));
  views.close();
  Results reference;
  EXPECT_TRUE(survives(kernel, views, grads, reference));
}

/// With this many heads of 300 rows there are a few more tiles than blocks, so that the first
/// blocks get several.
std::vector<GpuCase> synchronizationCases(int64_t windowedHeads) {
  using enum Layout;
  std::vector<Case> shapes = {
      {.seq = 300,
       .own = 96,
       .v = 96,
       .window = 100,
       .sink = 4,
       .heads = windowedHeads,
       .layout = Slices},
      {.seq = 300, .own = 64, .v = 64, .shared = 64, .heads = 46, .layout = Joined},
      {.seq = 200, .own = 32, .v = 32, .heads = 3, .group = 3, .layout = Slices}};
  std::vector<GpuCase> all;
  for (Case &shape : shapes) {
    shape.align = 8;
    all.push_back({shape, true, true});
    all.back().fromOut = true;
  }
  all.back() = {shapes.back(), false, false};
  return all;
}

GpuCase onePlace(int64_t own, int64_t shared, int64_t v) {
  Case shape = {.seq = 140, .own = own, .v = v, .shared = shared, .heads = 68};
  shape.align = 8;
  GpuCase one = {shape, true, true};
  one.fromOut = true;
  return one;
}

INSTANTIATE_TEST_SUITE_P(Shapes, ForwardSynchronization,
                         testing::ValuesIn(synchronizationCases(70)));
INSTANTIATE_TEST_SUITE_P(Shapes, BackwardSynchronization,
                         testing::ValuesIn(synchronizationCases(46)));
INSTANTIATE_TEST_SUITE_P(Wide, ForwardOnePlace, testing::Values(onePlace(256, 0, 256)));
INSTANTIATE_TEST_SUITE_P(Wide, BackwardOnePlace, testing::Values(onePlace(128, 64, 128)));

} // namespace
