//===- RowKernelTransposeTest.cpp - transposed outs of row kernels --------===//
#include "tests/unit/KernelHarness.h"

#include <cmath>
#include <fmt/format.h>
#include <gtest/gtest.h>

using namespace swamla;
using namespace swamla::test;
using fmt::format;

namespace {

/// A row kernel that stores numbers of `element` straight and transposed, beside the row's sum.
/// `straight` and `transposed` are offsets over the dims (a, b, c), of which two are rows.
std::string textOf(const char *element, std::vector<int> domain, int rowDims, int unitRows,
                   const std::string &straight, const std::string &transposed) {
  std::string dims = domain.size() == 2 ? "(a, c)" : "(a, b, c)";
  std::string rows = domain.size() == 2 ? "a" : format("a * {} + b", rowDims == 2 ? domain[1] : 0);
  if (domain.size() == 3 && rowDims == 1)
    rows = "a";
  bool isInteger = std::string(element) == "i32";
  std::string body = isInteger ? "%y = arith.addi %x, %x : i32"
                               : format("%y = arith.truncf %x : f32 to {}", element);
  if (std::string(element) == "f32")
    body = "%y = arith.addf %x, %x : f32";
  return format(R"(
      step.row_kernel @k domain [{0}] row_dims {1} ins 1
          maps [affine_map<{2} -> ({3})>, affine_map<{2} -> ({3})>, affine_map<{2} -> ({4})>,
                affine_map<{2} -> ({5})>] unit_rows {6} {{
      ^bb0(%x: f32, %o0: {7}, %o1: {7}, %o2: f32):
        {8}
        %sum = swamla.reduce_row add %x : f32
        swamla.yield %y, %y, %sum : {7}, {7}, f32
      }})",
                fmt::join(domain, ", "), rowDims, dims, straight, transposed, rows, unitRows,
                element, body);
}

/// Runs the kernel in two calls, and compares the transposed out with the straight one, `offset`
/// being where (a, b, c) goes; everything else in its memory must be left alone.
template <typename Element, typename Offset>
void check(const char *element, std::vector<int> domain, int rowDims, int unitRows,
           const std::string &straight, const std::string &transposed, size_t space,
           Offset offset) {
  for (const std::string &architecture : runnableArchitectures()) {
    SCOPED_TRACE(format("{} [{}], {} rows a unit, {}", element, fmt::join(domain, ", "), unitRows,
                        architecture));
    Kernels kernels(textOf(element, domain, rowDims, unitRows, straight, transposed), architecture);
    ASSERT_EQ(kernels.errors(), "");
    EXPECT_GT(kernels.scratchBytes(), 0U);
    if (domain.size() == 2)
      domain.insert(domain.begin() + 1, 1);
    size_t points = size_t(domain[0]) * domain[1] * domain[2];
    std::vector<float> x = randomFloats(points, 5), sums(points);
    auto untouched = Element(0x5A);
    std::vector<Element> y(points), t(space + 1, untouched), expected = t;
    int64_t units = (domain[0] + unitRows - 1) / unitRows;
    kernels.run("k", {x.data(), y.data(), t.data(), sums.data()}, 0, units / 2);
    kernels.run("k", {x.data(), y.data(), t.data(), sums.data()}, units / 2, units);
    size_t i = 0;
    for (int a = 0; a < domain[0]; ++a)
      for (int b = 0; b < domain[1]; ++b)
        for (int c = 0; c < domain[2]; ++c)
          expected[offset(a, b, c)] = y[i++];
    EXPECT_EQ(t, expected);
    EXPECT_NE(y.front(), y.back());
  }
}

template <typename Element> void checkMatrix(const char *element) {
  for (int width : {7, 70})
    for (auto [rows, unitRows] : {std::pair(3, 3), {128, 64}, {150, 70}}) {
      int pitch = rows + 3; // the out is part of a larger matrix
      check<Element>(element, {rows, width}, 1, unitRows, format("a * {} + c", width),
                     format("c * {} + a", pitch), size_t(width) * pitch,
                     [&](int a, int, int c) { return size_t(c) * pitch + a; });
    }
}

TEST(RowKernelTranspose, MatricesOfF8) { checkMatrix<uint8_t>("f8E4M3FN"); }
TEST(RowKernelTranspose, MatricesOfBf16) { checkMatrix<uint16_t>("bf16"); }
TEST(RowKernelTranspose, MatricesOfF32) { checkMatrix<float>("f32"); }

/// Heads as rows, the rows' dim being the contiguous one.
TEST(RowKernelTranspose, AlongTheOuterRowDim) {
  int rows = 100, heads = 3, width = 24;
  check<uint8_t>("f8E5M2", {rows, heads, width}, 2, 64, format("a * 72 + b * {} + c", width),
                 format("b * {} + c * {} + a", width * rows, rows), size_t(rows) * heads * width,
                 [&](int a, int b, int c) { return (size_t(b) * width + c) * rows + a; });
}

/// Within each row of the first dim, a matrix of its own: the innermost row dim is contiguous.
TEST(RowKernelTranspose, AlongTheInnerRowDim) {
  int rows = 6, heads = 70, width = 20;
  check<uint16_t>("bf16", {rows, heads, width}, 2, 4, format("a * 1400 + b * {} + c", width),
                  format("a * 1400 + c * {} + b", heads), size_t(rows) * heads * width,
                  [&](int a, int b, int c) { return (size_t(a) * width + c) * heads + b; });
}

/// Two column dims.
TEST(RowKernelTranspose, ColumnsInGroups) {
  int rows = 80, groups = 3, width = 18;
  check<uint8_t>("f8E4M3FN", {rows, groups, width}, 1, 64, format("a * 54 + b * {} + c", width),
                 format("b * {} + c * {} + a", width * rows, rows), size_t(rows) * groups * width,
                 [&](int a, int b, int c) { return (size_t(b) * width + c) * rows + a; });
}

TEST(RowKernelTranspose, RefusesInitialValues) {
  Kernels kernels(R"(
      step.row_kernel @k domain [4, 8] row_dims 1 ins 0
          maps [affine_map<(m, c) -> (c * 4 + m)>] unit_rows 4 {
      ^bb0(%out: f32):
        swamla.yield %out : f32
      })");
  EXPECT_NE(kernels.errors().find("a transposed out is written only"), std::string::npos)
      << kernels.errors();
}

} // namespace
