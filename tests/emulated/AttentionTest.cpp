//===- AttentionTest.cpp - attention on an emulated GPU -------------------===//
//
// Every kernel runs in order and under a few adversarial schedules: its results
// are those of plain loops in double precision, and have the same bits each time.
//
//===----------------------------------------------------------------------===//
#include "tests/emulated/EmulatedAttention.h"

using namespace swamla;
using namespace swamla::test;

namespace {

TEST_P(EmulatedAttention, Forward) {
  computeExpected();
  Views views = forwardGpuViews();
  run(forwardText(), views, outs);
  if (HasFatalFailure())
    return;
  EXPECT_EQ(usedMatrixUnits, GetParam().matrixUnits);
  expectClose("out", out, rOut);
  expectClose("lse", lse, rLse, false);
  // Nothing between the rows, nor beyond them.
  EXPECT_EQ(outs.written(), c.rows() * c.heads * (c.v + 1));
}

TEST_P(EmulatedAttention, Backward) {
  computeExpected();
  if (GetParam().fromOut)
    giveOut();
  visit(lse, [&](int64_t m, int64_t h, int64_t) {
    lse.at(m, h, 0) = float(element(rLse, lse, m, h, 0));
  });
  Views views = backwardGpuViews();
  run(backwardText(GetParam().fromOut), views, grads);
  if (HasFatalFailure())
    return;
  EXPECT_EQ(usedMatrixUnits, GetParam().matrixUnits && GetParam().matrixUnitsBackward);
  expectClose("delta", delta, rDelta, false);
  expectClose("dq", dq, rDq);
  expectClose("dk", dk, rDk);
  expectClose("dv", dv, rDv);
  int64_t written = c.rows() * (c.heads * c.qk() + c.kvHeads() * (c.own + c.v));
  if (c.shared) {
    expectClose("dshared", dshared, rDshared);
    written += c.rows() * c.heads * c.shared;
  }
  EXPECT_EQ(grads.written(), written);
}

/// Widths and layouts that only the kernels without matrix units take, in both precisions.
std::vector<GpuCase> anyCases() {
  using enum Layout;
  std::vector<Case> shapes = {
      {.seq = 1, .own = 16, .v = 16},
      {.seq = 5, .own = 24, .v = 16, .batch = 3},
      {.seq = 64, .own = 16, .v = 16, .window = 16, .sink = 4, .group = 2},
      {.seq = 100,
       .own = 7,
       .v = 5,
       .window = 64,
       .sink = 20,
       .heads = 4,
       .group = 2,
       .layout = Slices},
      {.seq = 70, .own = 128, .v = 128, .shared = 64, .layout = Joined},
      {.seq = 130, .own = 1, .v = 1, .window = 16, .sink = 20},
      {.seq = 97, .own = 7, .v = 5, .shared = 8, .window = 16, .sink = 4, .heads = 4, .group = 2},
      {.seq = 98, .own = 24, .v = 16, .window = 0, .heads = 4, .group = 4, .layout = Joined},
      {.seq = 33, .own = 600, .v = 500}};
  std::vector<GpuCase> all;
  for (const Case &shape : shapes)
    for (bool bf16 : {false, true}) {
      all.push_back({shape, bf16, false});
      all.back().fromOut = bf16;
    }
  return all;
}

/// What wgmma serves: bf16, widths and strides of 8 elements.
std::vector<GpuCase> matrixCases() {
  using enum Layout;
  std::vector<Case> shapes = {
      {.seq = 1, .own = 64, .v = 64},
      {.seq = 7, .own = 16, .v = 16, .batch = 3},
      {.seq = 64, .own = 64, .v = 64, .window = 16, .sink = 4, .heads = 4, .group = 2},
      {.seq = 200, .own = 64, .v = 64, .heads = 4, .group = 4, .layout = Slices},
      {.seq = 300, .own = 128, .v = 128, .batch = 2, .layout = Slices},
      {.seq = 330, .own = 96, .v = 96, .window = 100, .sink = 4, .batch = 2, .layout = Slices},
      {.seq = 330, .own = 96, .v = 96, .window = 0},
      {.seq = 200, .own = 96, .v = 96, .window = 1000, .sink = 4},
      {.seq = 450, .own = 96, .v = 96, .window = 64, .sink = 16, .heads = 1},
      {.seq = 300, .own = 32, .v = 64, .window = 40, .sink = 70, .layout = Slices},
      {.seq = 300, .own = 64, .v = 32, .window = 30, .sink = 300},
      {.seq = 290, .own = 128, .v = 128, .shared = 64, .batch = 2, .layout = Joined},
      {.seq = 130, .own = 64, .v = 64, .shared = 32, .window = 50, .sink = 2, .layout = Joined},
      {.seq = 130, .own = 24, .v = 40, .shared = 8, .heads = 4, .group = 2, .layout = Joined},
      {.seq = 140, .own = 192, .v = 192},
      {.seq = 129, .own = 256, .v = 256, .heads = 1},
      // More tiles than blocks.
      {.seq = 140, .own = 16, .v = 16, .heads = 8, .batch = 9},
      {.seq = 129, .own = 16, .v = 16, .window = 20, .sink = 4, .heads = 8, .batch = 9},
      {.seq = 140,
       .own = 32,
       .v = 32,
       .window = 60,
       .sink = 4,
       .heads = 8,
       .batch = 9,
       .group = 4}};
  std::vector<GpuCase> all;
  for (Case &shape : shapes) {
    shape.align = 8;
    all.push_back({shape, true, true});
    // Shared columns of several query heads, and what a thread has no registers for, are served
    // without matrix units.
    all.back().matrixUnitsBackward = (!shape.shared || shape.group == 1) && shape.v < 256;
    all.back().fromOut = all.size() % 4 != 0; // as in programs; delta may be an operand, too
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(MatrixUnits, EmulatedAttention, testing::ValuesIn(matrixCases()));
INSTANTIATE_TEST_SUITE_P(AnyWidth, EmulatedAttention, testing::ValuesIn(anyCases()));

} // namespace
