//===- AttentionTest.cpp - attention on an emulated GPU -------------------===//
//
// Every kernel runs in order and under a few adversarial schedules: its results
// are those of plain loops in double precision, and have the same bits each time.
//
//===----------------------------------------------------------------------===//
#include "tests/emulated/EmulatedOp.h"
#include "tests/unit/AttentionProblem.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <map>

using namespace swamla;
using namespace swamla::test;

namespace {

uint16_t toBf16(float value) {
  auto bits = std::bit_cast<uint32_t>(value);
  return std::isnan(value) ? 0x7FFF : uint16_t((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}
float fromBf16(uint16_t bits) { return std::bit_cast<float>(uint32_t(bits) << 16); }

/// A case, and what its elements are.
struct GpuCase {
  Case shape;
  bool bf16 = false;
  bool matrixUnits = false;        ///< whether wgmma serves it
  bool matrixUnitsBackward = true; ///< ... and its gradient
};

void PrintTo(const GpuCase &c, std::ostream *os) {
  PrintTo(c.shape, os);
  *os << (c.bf16 ? " bf16" : " f32");
}

class EmulatedAttention : public testing::TestWithParam<GpuCase>, protected AttentionProblem {
protected:
  EmulatedAttention() : AttentionProblem(GetParam().shape) {
    if (bf16())
      for (const Heads *t : {&q, &k, &v, &shared, &dout})
        visit(*t, [&](int64_t m, int64_t h, int64_t d) {
          t->at(m, h, d) = fromBf16(toBf16(t->at(m, h, d)));
        });
  }

  bool bf16() const { return GetParam().bf16; }

  /// Views of tensors as the kernel has them: f32 where they lie, or bf16 copies.
  class Views {
  public:
    explicit Views(bool bf16) : bf16(bf16) {}

    void add(const Heads &t, bool isElement = true) { list.push_back({&t, isElement && bf16}); }
    /// Copies inputs in; the views of the kernel. `rows` are those of all tensors.
    std::vector<HostView> open(int64_t rows) {
      std::vector<HostView> views;
      for (auto [t, narrow] : list) {
        auto last = (rows - 1) * t->rowStride + (t->heads - 1) * t->headStride + t->width;
        if (!narrow) {
          views.emplace_back(t->base(), size_t(last) * 4, unsigned(t->offset * 4 % 256));
          continue;
        }
        std::vector<uint16_t> &copy = copies[t->buffer];
        if (copy.empty())
          for (int64_t i = 0; i < t->buffer->count; ++i)
            copy.push_back(toBf16((*t->buffer)[i]));
        views.emplace_back(copy.data() + t->offset, size_t(last) * 2,
                           unsigned(t->offset * 2 % 256));
      }
      return views;
    }
    /// Copies results back.
    void close() {
      for (auto &[buffer, copy] : copies)
        for (int64_t i = 0; i < buffer->count; ++i)
          (*buffer)[i] = fromBf16(copy[size_t(i)]);
      copies.clear();
    }

  private:
    bool bf16;
    std::vector<std::pair<const Heads *, bool>> list;
    std::map<Buffer *, std::vector<uint16_t>> copies;
  };

  std::string text(std::string op) const {
    if (bf16())
      op.replace(op.find("element f32"), 11, "element bf16");
    return op;
  }

  /// Runs the kernel under all schedules; the results must have the same bits each time.
  void run(const std::string &op, Views &views, Tensors &results) {
    results.poison();
    EmulatedOp kernel(text(op), views.open(c.rows()));
    views.close();
    ASSERT_EQ(kernel.errors(), "");
    usedMatrixUnits = kernel.usesMatrixUnits();
    std::vector<std::vector<float>> first;
    for (const EmulationOptions &options : schedules(3)) {
      results.poison();
      kernel.run(views.open(c.rows()), options);
      if (HasFatalFailure())
        return;
      views.close();
      std::vector<std::vector<float>> found = results.copy();
      if (first.empty())
        first = found;
      for (size_t i = 0; i < first.size(); ++i)
        ASSERT_EQ(std::memcmp(first[i].data(), found[i].data(), first[i].size() * 4), 0)
            << "the bits of result " << i << " depend on the schedule (seed " << options.seed
            << ")";
    }
  }

  bool usedMatrixUnits = false;

  void expectClose(const char *name, const Heads &t, Expected &expected, bool isElement = true) {
    double error = relativeError(t, expected);
    EXPECT_LT(error, isElement && bf16() ? 6e-3 : 2e-6) << name;
  }
};

TEST_P(EmulatedAttention, Forward) {
  computeExpected();
  Views views(bf16());
  for (const Heads *t : {&q, &k, &v})
    views.add(*t);
  if (c.shared)
    views.add(shared);
  views.add(out);
  views.add(lse, false);
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
  visit(lse, [&](int64_t m, int64_t h, int64_t) {
    lse.at(m, h, 0) = float(element(rLse, lse, m, h, 0));
  });
  Views views(bf16());
  for (const Heads *t : {&q, &k, &v})
    views.add(*t);
  if (c.shared)
    views.add(shared);
  views.add(dout);
  views.add(lse, false);
  views.add(delta, false);
  for (const Heads *t : {&dq, &dk, &dv})
    views.add(*t);
  if (c.shared)
    views.add(dshared);
  run(backwardText(), views, grads);
  if (HasFatalFailure())
    return;
  EXPECT_EQ(usedMatrixUnits, GetParam().matrixUnits && GetParam().matrixUnitsBackward);
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
    for (bool bf16 : {false, true})
      all.push_back({shape, bf16, false});
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
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(MatrixUnits, EmulatedAttention, testing::ValuesIn(matrixCases()));
INSTANTIATE_TEST_SUITE_P(AnyWidth, EmulatedAttention, testing::ValuesIn(anyCases()));

} // namespace
