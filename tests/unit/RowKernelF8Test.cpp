//===- RowKernelF8Test.cpp - eight-bit floats in row kernels --------------===//
#include "tests/unit/F8Format.h"
#include "tests/unit/KernelHarness.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <limits>

using namespace swamla;
using namespace swamla::test;
using fmt::format;

namespace {

constexpr F8Format kFormats[] = {kE4M3, kE5M2};

/// Every number of the format and every midpoint of neighbours, their neighbours in f32, what lies
/// beyond the largest, and the special ones; both signs.
std::vector<float> hardNumbers(const F8Format &f8) {
  using Limits = std::numeric_limits<float>;
  std::vector<float> sizes = {Limits::infinity(), Limits::max(), Limits::min(),
                              Limits::denorm_min(), Limits::quiet_NaN()};
  for (unsigned code = 0; code <= f8.largest; ++code) {
    double here = f8.value(uint8_t(code)), step = here - f8.value(uint8_t(std::max(code, 1U) - 1));
    double next = code < f8.largest ? f8.value(uint8_t(code + 1)) : here + step;
    for (double point : {here, (here + next) / 2, next}) {
      auto x = float(point);
      sizes.insert(sizes.end(), {x, std::nextafter(x, 0.0F), std::nextafter(x, Limits::max())});
    }
  }
  for (int exponent = -149; exponent < 128; ++exponent) // of every size
    sizes.push_back(std::ldexp(1.37F, exponent));
  std::vector<float> all;
  for (float size : sizes)
    all.insert(all.end(), {size, -size});
  return all;
}

TEST(RowKernelF8, RoundsToNearestEvenAndSaturates) {
  for (const F8Format &f8 : kFormats) {
    std::vector<float> x = hardNumbers(f8);
    for (const std::string &architecture : runnableArchitectures()) {
      SCOPED_TRACE(format("{}, {}", f8.name, architecture));
      Kernels kernels(castText("f32", "truncf", f8.name, x.size()), architecture);
      ASSERT_EQ(kernels.errors(), "");
      std::vector<uint8_t> y(x.size() + 1, 0x42);
      kernels.run("cast", {x.data(), y.data()}, 0, 1);
      EXPECT_EQ(y.back(), 0x42) << "written past the end";
      for (size_t i = 0; i < x.size(); ++i)
        ASSERT_EQ(y[i], f8.nearest(x[i])) << std::hexfloat << x[i];
    }
  }
}

TEST(RowKernelF8, WidensExactly) {
  std::vector<uint8_t> x(0x100);
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = uint8_t(i);
  for (const F8Format &f8 : kFormats)
    for (const std::string &architecture : runnableArchitectures()) {
      SCOPED_TRACE(format("{}, {}", f8.name, architecture));
      Kernels kernels(castText(f8.name, "extf", "f32", x.size()), architecture);
      ASSERT_EQ(kernels.errors(), "");
      std::vector<float> y(x.size());
      kernels.run("cast", {x.data(), y.data()}, 0, 1);
      for (size_t i = 0; i < x.size(); ++i) {
        auto expected = float(f8.value(x[i]));
        if (std::isnan(expected))
          ASSERT_TRUE(std::isnan(y[i])) << i;
        else
          ASSERT_EQ(std::bit_cast<uint32_t>(y[i]), std::bit_cast<uint32_t>(expected)) << i;
      }
    }
}

/// bf16 to f8 and back: each is exactly what a detour through f32 gives. As scalars: one column.
TEST(RowKernelF8, CastsToAndFromBf16) {
  for (const F8Format &f8 : kFormats)
    for (int width : {1, 21}) {
      int rows = 8;
      Kernels kernels(format(R"(
          step.row_kernel @cast domain [{0}, {1}] row_dims 1 ins 1
              maps [affine_map<(m, c) -> (m * {1} + c)>, affine_map<(m, c) -> (m * {1} + c)>,
                    affine_map<(m, c) -> (m * {1} + c)>] unit_rows {0} {{
          ^bb0(%x: bf16, %o0: {2}, %o1: bf16):
            %y = arith.truncf %x : bf16 to {2}
            %z = arith.extf %y : {2} to bf16
            swamla.yield %y, %z : {2}, bf16
          }})",
                             rows, width, f8.name));
      ASSERT_EQ(kernels.errors(), "");
      std::vector<float> numbers = randomFloats(rows * width, 3, -600, 600);
      std::vector<uint16_t> x(numbers.size()), back(numbers.size());
      for (size_t i = 0; i < x.size(); ++i)
        x[i] = uint16_t(std::bit_cast<uint32_t>(numbers[i]) >> 16);
      std::vector<uint8_t> y(x.size());
      kernels.run("cast", {x.data(), y.data(), back.data()}, 0, 1);
      for (size_t i = 0; i < x.size(); ++i) {
        uint8_t code = f8.nearest(std::bit_cast<float>(uint32_t(x[i]) << 16));
        ASSERT_EQ(y[i], code);
        ASSERT_EQ(uint32_t(back[i]) << 16, std::bit_cast<uint32_t>(float(f8.value(code))));
      }
    }
}

TEST(RowKernelF8, RefusesArithmetic) {
  auto errorsOf = [](const char *body) {
    return Kernels(format(R"(
        step.row_kernel @k domain [4, 8] row_dims 1 ins 1
            maps [affine_map<(m, c) -> (m * 8 + c)>, affine_map<(m, c) -> (m * 8 + c)>] unit_rows 4 {{
        ^bb0(%x: f8E4M3FN, %out: f8E4M3FN):
          {}
          swamla.yield %y : f8E4M3FN
        }})",
                          body))
        .errors();
  };
  const char *expected = "computes with eight-bit floats, expected f32";
  EXPECT_NE(errorsOf("%y = arith.addf %x, %x : f8E4M3FN").find(expected), std::string::npos);
  EXPECT_NE(errorsOf("%y = swamla.reduce_row max %x : f8E4M3FN").find(expected), std::string::npos);
  EXPECT_NE(errorsOf("%d = arith.extf %x : f8E4M3FN to f64\n"
                     "%y = arith.truncf %d : f64 to f8E4M3FN")
                .find(expected),
            std::string::npos);
  EXPECT_EQ(errorsOf("%y = swamla.pair_swap %x : f8E4M3FN"), "");
}

} // namespace
