//===- TransposedSumsTest.cpp - transposed outs beside sums and maxima ----===//
//
// Against loops, as TransposedTest.cpp; sums are of whole numbers, so that every order
// of additions gives the same.
//
//===----------------------------------------------------------------------===//
#include "tests/emulated/NarrowRows.h"
#include "tests/unit/KernelHarness.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <gtest/gtest.h>

using namespace swamla::test;
using fmt::format;

namespace {

//===----------------------------------------------------------------------===//
// Sums along rows
//===----------------------------------------------------------------------===//

class Scaled : public testing::TestWithParam<std::tuple<int, int, Narrow>> {};

TEST_P(Scaled, ByTheLargestOfTheRow) {
  auto [rows, width, type] = GetParam();
  auto size = size_t(rows) * size_t(width);
  // Two passes: the largest, and the least of what it scales.
  std::string text = format(
      R"(
    step.row_kernel @kernel domain [{0}, {1}] row_dims 1 ins 2
        maps [affine_map<(m, c) -> (m * {1} + c)>, affine_map<(m, c) -> (c)>, affine_map<(m, c) -> (m * {1} + c)>,
              affine_map<(m, c) -> (c * {0} + m)>, affine_map<(m, c) -> (m)>] unit_rows 1 {{
    ^bb0(%x: bf16, %w: f32, %y0: {2}, %yt0: {2}, %r0: f32):
      %a = arith.extf %x : bf16 to f32
      %max = swamla.reduce_row max %a : f32
      %b = arith.mulf %a, %max : f32
      %c = arith.mulf %b, %w : f32
      %n = arith.negf %c : f32
      %least = swamla.reduce_row max %n : f32
      {3}swamla.yield %y, %y, %least : {2}, {2}, f32
    }})",
      rows, width, nameOf(type), roundTo(type, "y", "c"));
  NarrowView x = filled(Narrow::Bf16, randomFloats(size, 6)),
             w = filled(Narrow::F32, randomFloats(width, 7));
  auto views =
      runNarrow(text, {x, w, blank(type, size), blank(type, size), blank(Narrow::F32, rows)});
  std::vector<float> largest(rows, -1e30F), least(rows, -1e30F);
  for (size_t i = 0; i < size; ++i)
    largest[i / width] = std::max(largest[i / width], x.at(i));
  auto value = [&, width = width](size_t m, size_t c) {
    return x.at(m * width + c) * largest[m] * w.at(c);
  };
  for (size_t i = 0; i < size; ++i)
    least[i / width] = std::max(least[i / width], -value(i / width, i % width));
  expectStraight(views[2], rows, width, value);
  expectTransposed(views[3], rows, width, value);
  for (int m = 0; m < rows; ++m)
    EXPECT_EQ(views[4].at(m), least[m]) << m;
}

// Rows that lanes, a warp, three warps, a block handle; that find less and less room in shared
// memory; and those that registers do not hold (12296 and more), whose elements are stored one by
// one.
INSTANTIATE_TEST_SUITE_P(
    Sizes, Scaled,
    testing::Values(std::tuple(64, 96, Narrow::E4M3), std::tuple(70, 96, Narrow::Bf16),
                    std::tuple(33, 24, Narrow::F32), std::tuple(16, 256, Narrow::E5M2),
                    std::tuple(80, 1000, Narrow::E4M3), std::tuple(64, 1536, Narrow::E4M3),
                    std::tuple(21, 1536, Narrow::Bf16), std::tuple(16, 4096, Narrow::F32),
                    std::tuple(17, 12288, Narrow::E4M3), std::tuple(3, 12288, Narrow::F32),
                    std::tuple(5, 12296, Narrow::E4M3), std::tuple(40, 33, Narrow::E5M2)),
    [](const auto &info) {
      return format("{}x{}_{}", std::get<0>(info.param), std::get<1>(info.param),
                    nameOf(std::get<2>(info.param)));
    });

class Measured : public testing::TestWithParam<std::tuple<int, int, Narrow>> {};

TEST_P(Measured, WithTheLargestOfEachRow) {
  // What a scale is made of later: the elements do not ask for it. Two maxima, one of them
  // negative.
  auto [rows, width, type] = GetParam();
  auto size = size_t(rows) * size_t(width);
  std::string text = format(
      R"(
    step.row_kernel @kernel domain [{0}, {1}] row_dims 1 ins 2
        maps [affine_map<(m, c) -> (m * {1} + c)>, affine_map<(m, c) -> (m)>, affine_map<(m, c) -> (m * {1} + c)>,
              affine_map<(m, c) -> (c * {0} + m)>, affine_map<(m, c) -> (m)>, affine_map<(m, c) -> (m)>] unit_rows 1 {{
    ^bb0(%x: bf16, %s: f32, %y0: {2}, %yt0: {2}, %r0: f32, %q0: f32):
      %a = arith.extf %x : bf16 to f32
      %b = arith.mulf %a, %s : f32
      %abs = math.absf %b : f32
      %max = swamla.reduce_row max %abs : f32
      %n = arith.negf %abs : f32
      %least = swamla.reduce_row max %n : f32
      %twice = arith.addf %max, %max : f32
      {3}swamla.yield %y, %y, %twice, %least : {2}, {2}, f32, f32
    }})",
      rows, width, nameOf(type), roundTo(type, "y", "b"));
  NarrowView x = filled(Narrow::Bf16, randomFloats(size, 13)),
             s = filled(Narrow::F32, randomFloats(rows, 14, 1, 5));
  auto views = runNarrow(text, {x, s, blank(type, size), blank(type, size),
                                blank(Narrow::F32, rows), blank(Narrow::F32, rows)});
  auto value = [&, width = width](size_t m, size_t c) { return x.at(m * width + c) * s.at(m); };
  expectStraight(views[2], rows, width, value);
  expectTransposed(views[3], rows, width, value);
  for (int m = 0; m < rows; ++m) {
    float largest = 0, least = 1e30F;
    for (int c = 0; c < width; ++c) {
      largest = std::max(largest, std::abs(value(m, c)));
      least = std::min(least, std::abs(value(m, c)));
    }
    EXPECT_EQ(views[4].at(m), 2 * largest) << m;
    EXPECT_EQ(views[5].at(m), -least) << m;
  }
}

// One strip; several, shared by as many blocks; more strips than blocks share; odd widths; rows
// that registers would not hold.
INSTANTIATE_TEST_SUITE_P(
    Sizes, Measured,
    testing::Values(std::tuple(64, 96, Narrow::E4M3), std::tuple(70, 1536, Narrow::Bf16),
                    std::tuple(33, 24, Narrow::F32), std::tuple(40, 33, Narrow::E5M2),
                    std::tuple(96, 264, Narrow::E5M2), std::tuple(5, 16384, Narrow::E4M3)),
    [](const auto &info) {
      return format("{}x{}_{}", std::get<0>(info.param), std::get<1>(info.param),
                    nameOf(std::get<2>(info.param)));
    });

TEST(Measured, BesideWhatIsHeld) {
  // Rows of 12 warps' parts, of which the out holds a maximum already: every thread reads it before
  // one writes it.
  size_t rows = 3, width = 6144, size = rows * width;
  std::string text = format(R"(
    step.row_kernel @kernel domain [{0}, {1}] row_dims 1 ins 1
        maps [affine_map<(m, c) -> (m * {1} + c)>, affine_map<(m, c) -> (m)>, affine_map<(m, c) -> (m * {1} + c)>] unit_rows 1 {{
    ^bb0(%x: bf16, %r0: f32, %y0: f8E4M3FN):
      %a = arith.extf %x : bf16 to f32
      %max = swamla.reduce_row max %a : f32
      %r = arith.maximumf %r0, %max : f32
      %b = arith.addf %a, %r0 : f32
      %y = arith.truncf %b : f32 to f8E4M3FN
      swamla.yield %r, %y : f32, f8E4M3FN
    }})",
                            rows, width);
  NarrowView x = filled(Narrow::Bf16, randomFloats(size, 22)),
             held = filled(Narrow::F32, {-3.0F, 0.25F, 100.0F});
  auto views = runNarrow(text, {x, held, blank(Narrow::E4M3, size)});
  for (size_t m = 0; m < rows; ++m) {
    float largest = held.at(m);
    for (size_t c = 0; c < width; ++c)
      largest = std::max(largest, x.at(m * width + c));
    EXPECT_EQ(views[1].at(m), largest) << m;
  }
  expectStraight(views[2], rows, width,
                 [&](size_t m, size_t c) { return x.at(m * width + c) + held.at(m); });
}

TEST(Transposed, NormIsRoundedOnce) {
  // The transposed copy has the bits of the straight one, and both are within a step of the exact.
  int rows = 64, width = 768;
  auto size = size_t(rows * width);
  std::string text = format(R"(
    step.row_kernel @kernel domain [{0}, {1}] row_dims 1 ins 2
        maps [affine_map<(m, c) -> (m * {1} + c)>, affine_map<(m, c) -> (c)>, affine_map<(m, c) -> (m * {1} + c)>,
              affine_map<(m, c) -> (c * {0} + m)>] unit_rows 1 {{
    ^bb0(%x: bf16, %w: f32, %y0: f8E4M3FN, %yt0: f8E4M3FN):
      %a = arith.extf %x : bf16 to f32
      %square = arith.mulf %a, %a : f32
      %sum = swamla.reduce_row add %square : f32
      %n = arith.constant {2:e} : f32
      %mean = arith.mulf %sum, %n : f32
      %scale = math.rsqrt %mean : f32
      %b = arith.mulf %a, %scale : f32
      %c = arith.mulf %b, %w : f32
      %y = arith.truncf %c : f32 to f8E4M3FN
      swamla.yield %y, %y : f8E4M3FN, f8E4M3FN
    }})",
                            rows, width, 1.0 / width);
  NarrowView x = filled(Narrow::Bf16, randomFloats(size, 8)),
             w = filled(Narrow::F32, randomFloats(width, 9));
  auto views = runNarrow(text, {x, w, blank(Narrow::E4M3, size), blank(Narrow::E4M3, size)});
  expectTransposed(views[3], rows, width,
                   [&](size_t m, size_t c) { return views[2].at(m * width + c); });
  for (size_t m = 0; m < size_t(rows); ++m) {
    double sum = 0;
    for (size_t c = 0; c < size_t(width); ++c)
      sum += double(x.at(m * width + c)) * x.at(m * width + c);
    for (size_t c = 0; c < size_t(width); ++c) {
      double exact = x.at(m * width + c) / std::sqrt(sum / width) * w.at(c);
      EXPECT_NEAR(views[2].at(m * width + c), exact,
                  std::max(std::abs(exact) / 16, 0x1p-10) * 1.00001);
    }
  }
}

//===----------------------------------------------------------------------===//
// Sums over rows
//===----------------------------------------------------------------------===//

struct Unit {
  int rows, width, unit;
  bool alongRows;
};

class Summed : public testing::TestWithParam<Unit> {};

TEST_P(Summed, BesideSumsOverRows) {
  // Whole numbers, so that every order of additions gives the same.
  auto [rows, width, unit, alongRows] = GetParam();
  auto size = size_t(rows) * size_t(width);
  std::string row =
      alongRows ? "%r = swamla.reduce_row max %a : f32\n" : "%r = arith.constant 2.0 : f32\n";
  std::string text = format(
      R"(
    step.row_kernel @kernel domain [{0}, {1}] row_dims 1 ins 1
        maps [affine_map<(m, c) -> (m * {1} + c)>, affine_map<(m, c) -> (m * {1} + c)>,
              affine_map<(m, c) -> (c * {0} + m)>, affine_map<(m, c) -> ((m floordiv {2}) * {1} + c)>] unit_rows {2} {{
    ^bb0(%x: bf16, %y0: f8E5M2, %yt0: f8E5M2, %s0: f32):
      %a = arith.extf %x : bf16 to f32
      {3}%b = arith.mulf %a, %r : f32
      %y = arith.truncf %b : f32 to f8E5M2
      swamla.yield %y, %y, %b : f8E5M2, f8E5M2, f32
    }})",
      rows, width, unit, row);
  std::vector<float> numbers = randomFloats(size, 10, -9, 9);
  for (float &number : numbers)
    number = std::round(number);
  NarrowView x = filled(Narrow::Bf16, numbers);
  auto units = size_t((rows + unit - 1) / unit);
  auto views = runNarrow(text, {x, blank(Narrow::E5M2, size), blank(Narrow::E5M2, size),
                                blank(Narrow::F32, units * width)});
  std::vector<float> largest(rows, alongRows ? -9.0F : 2.0F), sums(units * width);
  for (size_t i = 0; i < size && alongRows; ++i)
    largest[i / width] = std::max(largest[i / width], numbers[i]);
  auto value = [&, width = width](size_t m, size_t c) {
    return numbers[m * width + c] * largest[m];
  };
  for (size_t i = 0; i < size; ++i)
    sums[i / width / unit * width + i % width] += value(i / width, i % width);
  expectStraight(views[1], rows, width, value);
  expectTransposed(views[2], rows, width, value);
  for (size_t i = 0; i < sums.size(); ++i)
    EXPECT_EQ(views[3].at(i), sums[i]) << i;
}

// Units of whole slabs, of parts of one, that no access divides; a last unit that is smaller; all
// rows in one; with sums along the rows or without.
INSTANTIATE_TEST_SUITE_P(
    Sizes, Summed,
    testing::Values(Unit{128, 256, 64, true}, Unit{96, 1536, 48, true}, Unit{50, 96, 21, true},
                    Unit{128, 256, 64, false}, Unit{100, 40, 32, false}, Unit{90, 264, 63, false},
                    Unit{80, 48, 80, false}, Unit{66, 768, 66, true}, Unit{7, 9000, 7, true}),
    [](const auto &info) {
      const Unit &unit = info.param;
      return format("{}x{}_{}{}", unit.rows, unit.width, unit.unit, unit.alongRows ? "_rows" : "");
    });

} // namespace
