//===- ScatterAddTest.cpp - the GPU's scatter-add against plain loops -----===//
#include "tests/emulated/EmulatedOp.h"
#include "tests/unit/KernelHarness.h"

#include <bit>
#include <cstring>
#include <fmt/format.h>
#include <gtest/gtest.h>

using namespace swamla::test;
using fmt::format;

namespace {

struct Problem {
  int rows, cols, vocab, stride;
  const char *element;
  int distinct; ///< tokens that occur
  unsigned offset = 0;
};

class ScatterAdd : public testing::TestWithParam<Problem> {};

TEST_P(ScatterAdd, AddsInOrder) {
  auto [rows, cols, vocab, stride, element, distinct, offset] = GetParam();
  bool isBf16 = std::string(element) == "bf16";
  std::vector<int32_t> tokens(rows);
  for (int m = 0; m < rows; ++m)
    tokens[m] = static_cast<int32_t>((m * 2654435761U >> 7) % distinct * (vocab / distinct));
  auto dy = randomFloats(size_t(rows) * stride, 1);
  auto table = randomFloats(size_t(vocab) * cols, 2);
  std::vector<uint16_t> halves;
  for (float &value : dy) {
    auto bits = std::bit_cast<uint32_t>(value);
    halves.push_back(bits >> 16);
    if (isBf16)
      value = std::bit_cast<float>(bits & 0xFFFF0000);
  }
  std::vector<float> expected = table;
  for (int m = 0; m < rows; ++m)
    for (int c = 0; c < cols; ++c)
      expected[size_t(tokens[m]) * cols + c] += dy[size_t(m) * stride + c];

  HostView gradient = isBf16 ? HostView(halves, offset) : HostView(dy, offset);
  std::string text = format("step.scatter_add_kernel @kernel element {} rows {} cols {} vocab {} "
                            "dy_stride {} unit_cols 64",
                            element, rows, cols, vocab, stride);
  EmulatedOp op(text, {tokens, gradient, table});
  for (const swamla::EmulationOptions &options : schedules(1)) {
    std::vector<float> result = table;
    op.run({tokens, gradient, result}, options);
    EXPECT_EQ(result, expected);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Problems, ScatterAdd,
    testing::Values(Problem{100, 64, 50, 64, "f32", 50}, Problem{100, 264, 50, 272, "bf16", 20},
                    Problem{3000, 8, 97, 8, "bf16", 97},
                    // More of one token than the list holds.
                    Problem{9000, 16, 10, 16, "bf16", 1}, Problem{5000, 16, 10, 16, "f32", 3},
                    // Nothing is aligned.
                    Problem{77, 33, 40, 35, "f32", 11, 4}, Problem{77, 33, 40, 35, "bf16", 11, 2},
                    Problem{1, 8, 3, 8, "f32", 3}));

} // namespace
