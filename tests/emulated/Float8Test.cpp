//===- Float8Test.cpp - numbers of 8 bits in row kernels of the GPU -------===//
#include "tests/emulated/NarrowRows.h"
#include "tests/unit/KernelHarness.h"

#include "runtime/base/Fp8.h"

#include <cmath>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <limits>

using namespace swamla;
using namespace swamla::test;
using fmt::format;

namespace {

class Float8 : public testing::TestWithParam<Narrow> {
protected:
  Narrow type() const { return GetParam(); }
  const Fp8Format &format8() const { return type() == Narrow::E4M3 ? kE4M3 : kE5M2; }
};

/// A kernel from [rows, width] of one type to another.
std::string cast(Narrow from, Narrow to, size_t rows, size_t width) {
  std::string body = widen(from, "a", "x") + roundTo(to, "y", "a");
  return format(R"(
    step.row_kernel @kernel domain [{0}, {1}] row_dims 1 ins 1
        maps [affine_map<(m, c) -> (m * {1} + c)>, affine_map<(m, c) -> (m * {1} + c)>] unit_rows 1 {{
    ^bb0(%x: {2}, %y0: {3}):
      {4}swamla.yield %y : {3}
    }})",
                rows, width, nameOf(from), nameOf(to), body);
}

/// The widths make chunks of 8, 4, 2 and 1 elements.
constexpr size_t kWidths[] = {256, 12, 6, 5};

TEST_P(Float8, AllCodesAreRead) {
  for (size_t width : kWidths) {
    SCOPED_TRACE(width);
    size_t rows = (256 + width - 1) / width;
    NarrowView codes = blank(type(), rows * width);
    for (size_t i = 0; i < codes.size(); ++i)
      codes.bytes[i] = std::byte(i);
    for (Narrow to : {Narrow::F32, Narrow::Bf16}) {
      auto views = runNarrow(cast(type(), to, rows, width), {codes, blank(to, codes.size())});
      for (size_t i = 0; i < codes.size(); ++i) {
        float want = codes.at(i), have = views[1].at(i);
        EXPECT_TRUE(std::isnan(want) ? std::isnan(have)
                                     : want == have && std::signbit(want) == std::signbit(have))
            << "code " << i % 256 << ": " << have << ", expected " << want;
      }
    }
  }
}

/// All numbers of the format, the points halfway between neighbours, and the f32 on both sides of
/// each; what is beyond the largest; very small ones; NaN.
std::vector<float> boundaries(const Fp8Format &format) {
  std::vector<float> values;
  constexpr float infinity = std::numeric_limits<float>::infinity();
  auto around = [&](float x) {
    for (float value : {x, std::nextafter(x, 0.0F), std::nextafter(x, infinity)})
      values.insert(values.end(), {value, -value});
  };
  for (unsigned code = 0; code + 1 < format.firstSpecial; ++code) {
    float low = toFloat(Fp8(code), format), high = toFloat(Fp8(code + 1), format);
    around(low);
    around((low + high) / 2);
  }
  around(format.max);
  around(format.max * (1 + std::ldexp(1.0F, -1 - format.mantissaBits)));
  for (float x : {1e10F, infinity, 1e-30F, 1e-45F, 2e-38F, 0.0F})
    values.insert(values.end(), {x, -x});
  values.push_back(std::numeric_limits<float>::quiet_NaN());
  return values;
}

TEST_P(Float8, EveryBoundaryIsRounded) {
  std::vector<float> values = boundaries(format8());
  for (size_t width : kWidths) {
    SCOPED_TRACE(width);
    std::vector<float> padded = values;
    padded.resize((values.size() + width - 1) / width * width, 1.0F);
    auto views = runNarrow(cast(Narrow::F32, type(), padded.size() / width, width),
                           {filled(Narrow::F32, padded), blank(type(), padded.size())});
    for (size_t i = 0; i < padded.size(); ++i)
      EXPECT_EQ(unsigned(views[1].bytes[i]), unsigned(toFp8(padded[i], format8()))) << padded[i];
  }
}

TEST_P(Float8, OneNumberOfARow) {
  // Uniform along the row, read and written: [M] -> [M], and into the row's elements.
  size_t rows = 21, width = 40;
  NarrowView scale = blank(type(), rows);
  for (size_t i = 0; i < rows; ++i)
    scale.bytes[i] = std::byte(37 * i % 0x78);
  auto x = randomFloats(rows * width, 3);
  std::string text = format(
      R"(
    step.row_kernel @kernel domain [{0}, {1}] row_dims 1 ins 2
        maps [affine_map<(m, c) -> (m)>, affine_map<(m, c) -> (m * {1} + c)>, affine_map<(m, c) -> (m)>,
              affine_map<(m, c) -> (m * {1} + c)>] unit_rows 1 {{
    ^bb0(%s: {2}, %x: f32, %r0: {2}, %y0: f32):
      %a = arith.extf %s : {2} to f32
      %y = arith.mulf %x, %a : f32
      %max = swamla.reduce_row max %y : f32
      %r = arith.truncf %max : f32 to {2}
      swamla.yield %r, %y : {2}, f32
    }})",
      rows, width, nameOf(type()));
  auto views = runNarrow(
      text, {scale, filled(Narrow::F32, x), blank(type(), rows), blank(Narrow::F32, rows * width)});
  for (size_t m = 0; m < rows; ++m) {
    float max = -std::numeric_limits<float>::infinity();
    for (size_t c = 0; c < width; ++c) {
      float y = x[m * width + c] * scale.at(m);
      EXPECT_EQ(views[3].at(m * width + c), y);
      max = std::max(max, y);
    }
    EXPECT_EQ(views[2].at(m), rounded(type(), max)) << m;
  }
}

TEST_P(Float8, ChosenAndSwapped) {
  // What else a region does with narrow numbers: pick one of two, swap neighbours; from bf16.
  size_t rows = 9, width = 24;
  std::string text = format(
      R"(
    step.row_kernel @kernel domain [{0}, {1}] row_dims 1 ins 2
        maps [affine_map<(m, c) -> (m * {1} + c)>, affine_map<(m, c) -> (m * {1} + c)>,
              affine_map<(m, c) -> (m * {1} + c)>] unit_rows 1 {{
    ^bb0(%x: {2}, %b: bf16, %y0: {2}):
      %small = arith.truncf %b : bf16 to {2}
      %c = swamla.index 1
      %four = arith.constant 4 : i32
      %first = arith.cmpi slt, %c, %four : i32
      %one = arith.select %first, %x, %small : {2}
      %y = swamla.pair_swap %one : {2}
      swamla.yield %y : {2}
    }})",
      rows, width, nameOf(type()));
  NarrowView x = filled(type(), randomFloats(rows * width, 5)),
             b = filled(Narrow::Bf16, randomFloats(rows * width, 6));
  auto views = runNarrow(text, {x, b, blank(type(), rows * width)});
  for (size_t i = 0; i < rows * width; ++i) {
    size_t from = i ^ 1;
    EXPECT_EQ(views[2].at(i), from % width < 4 ? x.at(from) : rounded(type(), b.at(from))) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Types, Float8, testing::Values(Narrow::E4M3, Narrow::E5M2),
                         [](const auto &info) { return std::string(nameOf(info.param)); });

} // namespace
