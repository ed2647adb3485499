//===- TransposedTest.cpp - transposed outs of row kernels on the GPU -----===//
//
// Against loops. Everything is exact: products and maxima of f32, rounded once.
//
//===----------------------------------------------------------------------===//
#include "tests/emulated/NarrowRows.h"
#include "tests/unit/KernelHarness.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <limits>

using namespace swamla::test;
using fmt::format;

namespace {

constexpr Narrow kTypes[] = {Narrow::E4M3, Narrow::E5M2, Narrow::Bf16, Narrow::F32};

//===----------------------------------------------------------------------===//
// No sums
//===----------------------------------------------------------------------===//

class Quantised : public testing::TestWithParam<std::pair<int, int>> {};

/// %y = %x * %s, clamped: straight and transposed.
std::string quantiseText(int rows, int width, Narrow type) {
  return format(R"(
    step.row_kernel @kernel domain [{0}, {1}] row_dims 1 ins 2
        maps [affine_map<(m, c) -> (m * {1} + c)>, affine_map<(m, c) -> (0)>,
              affine_map<(m, c) -> (m * {1} + c)>, affine_map<(m, c) -> (c * {0} + m)>] unit_rows 1 {{
    ^bb0(%x: bf16, %s: f32, %y0: {2}, %yt0: {2}):
      %a = arith.extf %x : bf16 to f32
      %b = arith.mulf %a, %s : f32
      %most = arith.constant 448.0 : f32
      %least = arith.constant -448.0 : f32
      %c = arith.minimumf %b, %most : f32
      %d = arith.maximumf %c, %least : f32
      {3}swamla.yield %y, %y : {2}, {2}
    }})",
                rows, width, nameOf(type), roundTo(type, "y", "d"));
}

TEST_P(Quantised, StraightAndTransposed) {
  auto [rows, width] = GetParam();
  auto size = size_t(rows) * size_t(width);
  NarrowView x = filled(Narrow::Bf16, randomFloats(size, 1));
  for (Narrow type : kTypes) {
    SCOPED_TRACE(nameOf(type));
    auto views = runNarrow(quantiseText(rows, width, type), {x, filled(Narrow::F32, {512.0F}),
                                                             blank(type, size), blank(type, size)});
    auto value = [&, width = width](size_t m, size_t c) {
      return std::clamp(512.0F * x.at(m * width + c), -448.0F, 448.0F);
    };
    expectStraight(views[2], rows, width, value);
    expectTransposed(views[3], rows, width, value);
  }
}

TEST_P(Quantised, OfUnalignedViews) {
  auto [rows, width] = GetParam();
  auto size = size_t(rows) * size_t(width);
  NarrowView x = filled(Narrow::Bf16, randomFloats(size, 2), 2);
  for (auto [type, offset] :
       {std::pair(Narrow::E4M3, 1U), std::pair(Narrow::E5M2, 4U), std::pair(Narrow::Bf16, 2U)}) {
    SCOPED_TRACE(nameOf(type));
    auto views = runNarrow(quantiseText(rows, width, type),
                           {x, filled(Narrow::F32, {512.0F}, 4), blank(type, size, offset),
                            blank(type, size, offset)});
    auto value = [&, width = width](size_t m, size_t c) {
      return std::clamp(512.0F * x.at(m * width + c), -448.0F, 448.0F);
    };
    expectStraight(views[2], rows, width, value);
    expectTransposed(views[3], rows, width, value);
  }
}

// Whole slabs and strips; rows that no access divides; columns that no word divides; a single row,
// column, chunk; several strips, the last of them in part; a band that is no power of two of rows.
INSTANTIATE_TEST_SUITE_P(Sizes, Quantised,
                         testing::Values(std::pair(128, 128), std::pair(100, 40), std::pair(37, 33),
                                         std::pair(33, 7), std::pair(1, 16), std::pair(256, 8),
                                         std::pair(300, 1), std::pair(48, 264), std::pair(80, 6)),
                         [](const auto &info) {
                           return format("{}x{}", info.param.first, info.param.second);
                         });

TEST(Transposed, TwoOutsOfDifferentTypes) {
  // A product's two cotangents, one in place of an operand, each straight and transposed.
  int rows = 96, width = 136;
  auto size = size_t(rows * width);
  std::string text = format(R"(
    step.row_kernel @kernel domain [{0}, {1}] row_dims 1 ins 1
        maps [affine_map<(m, c) -> (m * {1} + c)>, affine_map<(m, c) -> (m * {1} + c)>,
              affine_map<(m, c) -> (c * {0} + m)>, affine_map<(m, c) -> (m * {1} + c)>,
              affine_map<(m, c) -> (c * {0} + m)>] unit_rows 1 {{
    ^bb0(%x: bf16, %y: f8E5M2, %at0: f8E4M3FN, %b0: f32, %bt0: bf16):
      %a = arith.extf %x : bf16 to f32
      %b = arith.extf %y : f8E5M2 to f32
      %p = arith.mulf %a, %b : f32
      %d = arith.subf %a, %b : f32
      %y1 = arith.truncf %p : f32 to f8E5M2
      %at = arith.truncf %p : f32 to f8E4M3FN
      %bt = arith.truncf %d : f32 to bf16
      swamla.yield %y1, %at, %d, %bt : f8E5M2, f8E4M3FN, f32, bf16
    }})",
                            rows, width);
  NarrowView x = filled(Narrow::Bf16, randomFloats(size, 4)),
             y = filled(Narrow::E5M2, randomFloats(size, 5));
  auto views = runNarrow(
      text, {x, y, blank(Narrow::E4M3, size), blank(Narrow::F32, size), blank(Narrow::Bf16, size)});
  auto product = [&](size_t m, size_t c) { return x.at(m * width + c) * y.at(m * width + c); };
  auto difference = [&](size_t m, size_t c) { return x.at(m * width + c) - y.at(m * width + c); };
  expectStraight(views[1], rows, width, product);
  expectTransposed(views[2], rows, width, product);
  expectStraight(views[3], rows, width, difference);
  expectTransposed(views[4], rows, width, difference);
}

TEST(Transposed, OutsThatAreAlike) {
  // Three of one byte at the same places of their views, whose pieces threads share, and bounds
  // that rounding has itself.
  size_t rows = 48, width = 136, size = rows * width;
  std::string text = fmt::format(R"(
    step.row_kernel @kernel domain [{0}, {1}] row_dims 1 ins 1
        maps [affine_map<(m, c) -> (m * {1} + c)>, affine_map<(m, c) -> (c * {0} + m)>,
              affine_map<(m, c) -> (c * {0} + m)>, affine_map<(m, c) -> (c * {0} + m)>] unit_rows 1 {{
    ^bb0(%x: bf16, %at0: f8E4M3FN, %bt0: f8E5M2, %ct0: f8E4M3FN):
      %a = arith.extf %x : bf16 to f32
      %least = arith.constant -4.480000e+02 : f32
      %most = arith.constant 4.480000e+02 : f32
      %low = arith.maximumf %a, %least : f32
      %within = arith.minimumf %low, %most : f32
      %at = arith.truncf %within : f32 to f8E4M3FN
      %bt = arith.truncf %within : f32 to f8E5M2
      %n = arith.negf %a : f32
      %ct = arith.truncf %n : f32 to f8E4M3FN
      swamla.yield %at, %bt, %ct : f8E4M3FN, f8E5M2, f8E4M3FN
    }})",
                                 rows, width);
  NarrowView x = filled(Narrow::Bf16, randomFloats(size, 21, -1000, 1000));
  x.set(3, std::numeric_limits<float>::infinity());
  auto views = runNarrow(
      text, {x, blank(Narrow::E4M3, size), blank(Narrow::E5M2, size), blank(Narrow::E4M3, size)});
  auto within = [&](size_t m, size_t c) {
    return std::clamp(x.at(m * width + c), -448.0F, 448.0F);
  };
  expectTransposed(views[1], rows, width, within);
  expectTransposed(views[2], rows, width, within); // bounds that are not its own stay
  expectTransposed(views[3], rows, width, [&](size_t m, size_t c) { return -x.at(m * width + c); });
}

//===----------------------------------------------------------------------===//
// Synchronisation
//===----------------------------------------------------------------------===//

TEST(Transposed, EveryBarrierIsNeeded) {
  // Rows to columns of two slabs, beside a sum over their rows that the warps' parts make.
  std::string text = R"(
    step.row_kernel @kernel domain [64, 2048] row_dims 1 ins 1
        maps [affine_map<(m, c) -> (m * 2048 + c)>, affine_map<(m, c) -> (c * 64 + m)>,
              affine_map<(m, c) -> ((m floordiv 64) * 2048 + c)>] unit_rows 64 {
    ^bb0(%x: bf16, %yt0: f8E5M2, %s0: f32):
      %a = arith.extf %x : bf16 to f32
      %y = arith.truncf %a : f32 to f8E5M2
      swamla.yield %y, %a : f8E5M2, f32
    })";
  NarrowView x = filled(Narrow::Bf16, randomFloats(64 * 2048, 15)),
             y = blank(Narrow::E5M2, 64 * 2048), sums = blank(Narrow::F32, 2048);
  std::vector<HostView> host;
  for (NarrowView *view : {&x, &y, &sums})
    host.emplace_back(view->bytes.data(), view->bytes.size());
  EmulatedOp whole(text, host);
  ASSERT_EQ(whole.errors(), "");
  EXPECT_EQ(whole.tryRun(host, {}), "");
  EXPECT_GE(whole.numSynchronizations(), 3U);
  for (unsigned i = 0; i < whole.numSynchronizations(); ++i)
    EXPECT_NE(EmulatedOp(text, host, int(i)).tryRun(host, {}), "") << "without barrier " << i;
}

//===----------------------------------------------------------------------===//
// More dims
//===----------------------------------------------------------------------===//

TEST(Transposed, TwoRowDims) {
  // [M, H | D] -> [H, D, M], along the first; [M, D, H], along the second.
  for (auto [rows, heads, width] :
       {std::tuple(64, 3, 40), std::tuple(128, 2, 128), std::tuple(21, 4, 24)})
    for (bool alongFirst : {true, false})
      for (bool reduces : {false, true}) {
        SCOPED_TRACE(format("{} {} {} {} {}", rows, heads, width, alongFirst, reduces));
        std::string map = alongFirst ? format("(h * {1} + d) * {0} + m", rows, width)
                                     : format("(m * {1} + d) * {0} + h", heads, width);
        std::string row =
            reduces ? "%r = swamla.reduce_row max %x : f32\n" : "%r = arith.constant 3.0 : f32\n";
        std::string text = format(R"(
          step.row_kernel @kernel domain [{0}, {1}, {2}] row_dims 2 ins 1
              maps [affine_map<(m, h, d) -> ((m * {1} + h) * {2} + d)>, affine_map<(m, h, d) -> ({3})>] unit_rows 1 {{
          ^bb0(%x: f32, %y0: f8E4M3FN):
            {4}%z = arith.mulf %x, %r : f32
            %y = arith.truncf %z : f32 to f8E4M3FN
            swamla.yield %y : f8E4M3FN
          }})",
                                  rows, heads, width, map, row);
        auto size = size_t(rows * heads * width);
        auto x = randomFloats(size, 11);
        auto views = runNarrow(text, {filled(Narrow::F32, x), blank(Narrow::E4M3, size)});
        for (size_t i = 0; i < size; ++i) {
          size_t d = i % width, h = i / width % heads, m = i / width / heads;
          float factor = reduces ? *std::max_element(&x[i - d], &x[i - d] + width) : 3.0F;
          size_t to = alongFirst ? (h * width + d) * rows + m : (m * width + d) * heads + h;
          ASSERT_EQ(views[1].at(to), rounded(Narrow::E4M3, x[i] * factor)) << i;
        }
      }
}

TEST(Transposed, SeveralColumnDims) {
  // [M | H, D] -> [H, D, M]; D is odd, so that words go over its end.
  for (auto [rows, heads, width] : {std::tuple(32, 3, 40), std::tuple(48, 4, 5)}) {
    std::string text = format(R"(
      step.row_kernel @kernel domain [{0}, {1}, {2}] row_dims 1 ins 1
          maps [affine_map<(m, h, d) -> ((m * {1} + h) * {2} + d)>, affine_map<(m, h, d) -> ((h * {2} + d) * {0} + m)>,
                affine_map<(m, h, d) -> (m)>] unit_rows 1 {{
      ^bb0(%x: f32, %y0: f8E4M3FN, %r0: f32):
        %r = swamla.reduce_row max %x : f32
        %z = arith.mulf %x, %r : f32
        %y = arith.truncf %z : f32 to f8E4M3FN
        swamla.yield %y, %r : f8E4M3FN, f32
      }})",
                              rows, heads, width);
    auto columns = size_t(heads * width), size = size_t(rows) * columns;
    auto x = randomFloats(size, 12);
    auto views = runNarrow(
        text, {filled(Narrow::F32, x), blank(Narrow::E4M3, size), blank(Narrow::F32, rows)});
    expectTransposed(views[1], rows, columns, [&](size_t m, size_t c) {
      return x[m * columns + c] * *std::max_element(&x[m * columns], &x[m * columns] + columns);
    });
  }
}

} // namespace
