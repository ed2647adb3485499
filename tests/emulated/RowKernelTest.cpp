//===- RowKernelTest.cpp - row kernels of the GPU against those of the CPU ===//
//
// Both come from the same op. Elementwise results are equal to the bit; sums are
// taken in another order and functions are approximated otherwise.
//
//===----------------------------------------------------------------------===//
#include "tests/emulated/EmulatedOp.h"
#include "tests/unit/KernelHarness.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <gtest/gtest.h>

using namespace swamla::test;
using fmt::format;

namespace {

enum class Element { F32, Bf16, I32 };

/// A view of a kernel op: its contents at first, as the kernel's element type has them.
struct View {
  Element element = Element::F32;
  std::vector<std::byte> bytes;
  unsigned offset = 0; ///< bytes that the view lies past an aligned address

  size_t size() const { return bytes.size() / (element == Element::Bf16 ? 2 : 4); }
  float at(size_t i) const {
    if (element == Element::Bf16) {
      uint16_t half;
      std::memcpy(&half, &bytes[2 * i], 2);
      return std::bit_cast<float>(uint32_t(half) << 16);
    }
    float value;
    std::memcpy(&value, &bytes[4 * i], 4);
    return value;
  }
};

View f32(const std::vector<float> &values, unsigned offset = 0) {
  View view{Element::F32, std::vector<std::byte>(4 * values.size()), offset};
  std::memcpy(view.bytes.data(), values.data(), view.bytes.size());
  return view;
}

/// The numbers cut off to bf16.
View bf16(const std::vector<float> &values, unsigned offset = 0) {
  View view{Element::Bf16, std::vector<std::byte>(2 * values.size()), offset};
  for (size_t i = 0; i < values.size(); ++i) {
    auto half = static_cast<uint16_t>(std::bit_cast<uint32_t>(values[i]) >> 16);
    std::memcpy(&view.bytes[2 * i], &half, 2);
  }
  return view;
}

View i32(const std::vector<int32_t> &values) {
  View view{Element::I32, std::vector<std::byte>(4 * values.size())};
  std::memcpy(view.bytes.data(), values.data(), view.bytes.size());
  return view;
}

View random(Element element, size_t count, uint32_t seed, unsigned offset = 0, float low = -1) {
  auto values = randomFloats(count, seed, low);
  return element == Element::F32 ? f32(values, offset) : bf16(values, offset);
}

constexpr double kExact = 0, kSum = 4e-6, kBf16Sum = 1.0 / 128;

/// Runs the op on both machines and compares all views. `units` are the CPU's.
void compare(const std::string &text, int64_t units, std::vector<View> views, double relative,
             double absolute = 0) {
  std::vector<View> expected = views;
  Kernels cpu(text);
  ASSERT_EQ(cpu.errors(), "");
  std::vector<void *> addresses;
  for (View &view : expected)
    addresses.push_back(view.bytes.data());
  cpu.run("kernel", addresses, 0, units);

  std::vector<HostView> host;
  for (View &view : views)
    host.emplace_back(view.bytes.data(), view.bytes.size(), view.offset);
  EmulatedOp gpu(text, host);
  ASSERT_EQ(gpu.errors(), "");
  std::vector<View> first;
  std::vector<View> start = views;
  for (const swamla::EmulationOptions &options : schedules(2)) {
    for (size_t v = 0; v < views.size(); ++v) // the host views stay where they are
      std::copy(start[v].bytes.begin(), start[v].bytes.end(), views[v].bytes.begin());
    gpu.run(host, options);
    if (first.empty())
      first = views;
    for (size_t v = 0; v < views.size(); ++v)
      EXPECT_EQ(first[v].bytes, views[v].bytes) << "view " << v << " depends on the schedule";
  }
  for (size_t v = 0; v < views.size(); ++v) {
    if (relative == kExact || views[v].element == Element::I32) {
      EXPECT_EQ(views[v].bytes, expected[v].bytes) << "view " << v;
      continue;
    }
    double allowed = views[v].element == Element::Bf16 ? std::max(relative, kBf16Sum) : relative;
    for (size_t i = 0; i < views[v].size(); ++i) {
      float want = expected[v].at(i), have = views[v].at(i);
      if (!std::isnan(want) || !std::isnan(have))
        ASSERT_NEAR(have, want, allowed * std::abs(want) + absolute)
            << "view " << v << ", element " << i;
    }
  }
}

/// The same text with `bf16` for every T, and the casts that come with it; or with f32.
std::string instantiate(std::string text, Element element) {
  auto replaceAll = [&](const std::string &from, const std::string &to) {
    for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
      text.replace(at, from.size(), to);
  };
  replaceAll("%TYPE", element == Element::Bf16 ? "bf16" : "f32");
  // %LOAD a b: b as f32; %STORE a b: b as the type.
  for (const char *macro : {"%LOAD ", "%STORE "})
    for (size_t at; (at = text.find(macro)) != std::string::npos;) {
      size_t end = text.find('\n', at);
      std::string line = text.substr(at + std::strlen(macro), end - at - std::strlen(macro));
      size_t space = line.find(' ');
      std::string to = line.substr(0, space), from = line.substr(space + 1), cast;
      bool isLoad = std::string_view(macro) == "%LOAD ";
      if (element == Element::Bf16)
        cast = isLoad ? format("{} = arith.extf {} : bf16 to f32", to, from)
                      : format("{} = arith.truncf {} : f32 to bf16", to, from);
      else
        cast =
            format("%zero_{0} = arith.constant -0.0 : f32\n{1} = arith.addf {2}, %zero_{0} : f32",
                   to.substr(1), to, from);
      text.replace(at, end - at, cast);
    }
  return text;
}

class RowKernels : public testing::TestWithParam<std::tuple<int, Element>> {
protected:
  int width() const { return std::get<0>(GetParam()); }
  Element element() const { return std::get<1>(GetParam()); }
};

//===----------------------------------------------------------------------===//
// Points
//===----------------------------------------------------------------------===//

TEST_P(RowKernels, Points) {
  // An out in place, one beside it, and a number that is the same everywhere.
  int rows = 7;
  std::string text = instantiate(format(R"(
    step.row_kernel @kernel domain [{0}, {1}] row_dims 1 ins 2
        maps [affine_map<(m, c) -> (0)>, affine_map<(m, c) -> (c)>,
              affine_map<(m, c) -> (m * {1} + c)>, affine_map<(m, c) -> (m * {1} + c)>] unit_rows 3 {{
    ^bb0(%s: f32, %w: f32, %x: %TYPE, %y0: %TYPE):
      %LOAD %a %x
      %b = arith.mulf %a, %s : f32
      %c = arith.addf %b, %w : f32
      %STORE %d %c
      %e = arith.subf %c, %a : f32
      %STORE %f %e
      swamla.yield %d, %f : %TYPE, %TYPE
    }})",
                                        rows, width()),
                                 element());
  size_t size = rows * width();
  compare(text, 3,
          {f32({0.75F}), random(Element::F32, width(), 1), random(element(), size, 2),
           random(element(), size, 3)},
          kExact);
}

//===----------------------------------------------------------------------===//
// Sums along rows
//===----------------------------------------------------------------------===//

std::string normText(int rows, int width, int stride) {
  return format(R"(
    step.row_kernel @kernel domain [{0}, {1}] row_dims 1 ins 2
        maps [affine_map<(m, c) -> (m * {3} + c)>, affine_map<(m, c) -> (c)>,
              affine_map<(m, c) -> (m * {1} + c)>, affine_map<(m, c) -> (m)>] unit_rows 2 {{
    ^bb0(%x: %TYPE, %w: f32, %y0: %TYPE, %r0: f32):
      %LOAD %a %x
      %square = arith.mulf %a, %a : f32
      %sum = swamla.reduce_row add %square : f32
      %n = arith.constant {2:e} : f32
      %mean = arith.mulf %sum, %n : f32
      %eps = arith.constant 1.0e-5 : f32
      %shifted = arith.addf %mean, %eps : f32
      %scale = math.rsqrt %shifted : f32
      %scaled = arith.mulf %a, %scale : f32
      %largest = swamla.reduce_row max %scaled : f32
      %z = arith.mulf %scaled, %w : f32
      %STORE %y %z
      swamla.yield %y, %largest : %TYPE, f32
    }})",
                rows, width, 1.0 / width, stride);
}

TEST_P(RowKernels, Norm) {
  int rows = 9, stride = width() + 16;
  compare(instantiate(normText(rows, width(), stride), element()), 5,
          {random(element(), rows * stride, 4), random(Element::F32, width(), 5),
           random(element(), rows * width(), 6), random(Element::F32, rows, 7)},
          kSum, 1e-7);
}

TEST_P(RowKernels, NormOfUnalignedViews) {
  int rows = 5, stride = width() + 3;
  unsigned step = element() == Element::Bf16 ? 2 : 4;
  compare(instantiate(normText(rows, width(), stride), element()), 3,
          {random(element(), rows * stride, 4, 3 * step), random(Element::F32, width(), 5, 8),
           random(element(), rows * width(), 6, step), random(Element::F32, rows, 7, 4)},
          kSum, 1e-7);
}

TEST_P(RowKernels, SumsAlongRowsAndOverThem) {
  // A gradient in place, its sum over the rows of a unit, and that of a row's number.
  int rows = 23, unit = 9;
  std::string text = instantiate(format(R"(
    step.row_kernel @kernel domain [{0}, {1}] row_dims 1 ins 2
        maps [affine_map<(m, c) -> (m * {1} + c)>, affine_map<(m, c) -> (c)>,
              affine_map<(m, c) -> (m * {1} + c)>, affine_map<(m, c) -> ((m floordiv {2}) * {1} + c)>,
              affine_map<(m, c) -> (m floordiv {2})>] unit_rows {2} {{
    ^bb0(%x: %TYPE, %w: f32, %dy: %TYPE, %dw: f32, %u: f32):
      %LOAD %a %x
      %LOAD %b %dy
      %ab = arith.mulf %a, %b : f32
      %sum = swamla.reduce_row add %ab : f32
      %wb = arith.mulf %w, %b : f32
      %scaled = arith.mulf %a, %sum : f32
      %d = arith.subf %wb, %scaled : f32
      %STORE %dx %d
      swamla.yield %dx, %ab, %sum : %TYPE, f32, f32
    }})",
                                        rows, width(), unit),
                                 element());
  int units = (rows + unit - 1) / unit;
  size_t size = rows * width();
  compare(text, units,
          {random(element(), size, 8), random(Element::F32, width(), 9),
           random(element(), size, 10), random(Element::F32, units * width(), 11),
           random(Element::F32, units, 12)},
          kSum, 4e-6 * std::sqrt(double(width())));
}

TEST_P(RowKernels, CrossEntropy) {
  // The logits become their gradient; the targets 0, -100 (ignored), the last one, ...
  int rows = 4;
  std::string text = instantiate(format(R"(
    step.row_kernel @kernel domain [{0}, {1}] row_dims 1 ins 2
        maps [affine_map<(m, c) -> (m)>, affine_map<(m, c) -> (0)>, affine_map<(m, c) -> (m)>,
              affine_map<(m, c) -> (m * {1} + c)>] unit_rows 1 {{
    ^bb0(%target: i32, %weight: f32, %loss: f32, %x: %TYPE):
      %LOAD %a %x
      %zero = arith.constant 0.0 : f32
      %one = arith.constant 1.0 : f32
      %ignored = arith.constant -100 : i32
      %counts = arith.cmpi ne, %target, %ignored : i32
      %column = swamla.index 1
      %hit = arith.cmpi eq, %column, %target : i32
      %max = swamla.reduce_row max %a : f32
      %shifted = arith.subf %a, %max : f32
      %exp = math.exp %shifted : f32
      %sum = swamla.reduce_row add %exp : f32
      %log = math.log %sum : f32
      %own = arith.select %hit, %shifted, %zero : f32
      %picked = swamla.reduce_row add %own : f32
      %l0 = arith.subf %log, %picked : f32
      %l1 = arith.select %counts, %l0, %zero : f32
      %p = arith.divf %exp, %sum : f32
      %e = arith.select %hit, %one, %zero : f32
      %d0 = arith.subf %p, %e : f32
      %d1 = arith.mulf %d0, %weight : f32
      %d2 = arith.select %counts, %d1, %zero : f32
      %STORE %d %d2
      swamla.yield %l1, %d : f32, %TYPE
    }})",
                                        rows, width()),
                                 element());
  compare(text, rows,
          {i32({0, width() - 1, -100, width() / 2}), f32({0.25F}), random(Element::F32, rows, 13),
           random(element(), rows * width(), 14)},
          1e-5, 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Widths, RowKernels,
                         testing::Combine(testing::Values(1, 2, 7, 8, 24, 33, 64, 96, 100, 256, 264,
                                                          1000, 1536, 2056),
                                          testing::Values(Element::F32, Element::Bf16)),
                         [](const auto &info) {
                           bool isBf16 = std::get<1>(info.param) == Element::Bf16;
                           return format("{}_{}", std::get<0>(info.param), isBf16 ? "bf16" : "f32");
                         });
// Rows that registers do not hold: of whole rounds, and with a rest.
INSTANTIATE_TEST_SUITE_P(LongRows, RowKernels,
                         testing::Combine(testing::Values(8200, 32768, 16386),
                                          testing::Values(Element::F32, Element::Bf16)),
                         [](const auto &info) {
                           bool isBf16 = std::get<1>(info.param) == Element::Bf16;
                           return format("{}_{}", std::get<0>(info.param), isBf16 ? "bf16" : "f32");
                         });

TEST(GpuRowKernel, RowsThatBlocksShare) {
  // So long that several blocks take part; a sum, a maximum, and a picked column.
  for (auto [rows, width] : {std::pair(1, 200000), std::pair(3, 40001)}) {
    SCOPED_TRACE(width);
    std::string text = format(R"(
      step.row_kernel @kernel domain [{0}, {1}] row_dims 1 ins 2
          maps [affine_map<(m, c) -> (m)>, affine_map<(m, c) -> (m * {1} + c)>, affine_map<(m, c) -> (m)>,
                affine_map<(m, c) -> (m)>, affine_map<(m, c) -> (m)>] unit_rows 1 {{
      ^bb0(%at: i32, %x: f32, %r0: f32, %r1: f32, %r2: f32):
        %column = swamla.index 1
        %hit = arith.cmpi eq, %column, %at : i32
        %zero = arith.constant 0.0 : f32
        %only = arith.select %hit, %x, %zero : f32
        %picked = swamla.reduce_row add %only : f32
        %square = arith.mulf %x, %x : f32
        %sum = swamla.reduce_row add %square : f32
        %max = swamla.reduce_row max %x : f32
        %root = math.sqrt %sum : f32
        swamla.yield %root, %max, %picked : f32, f32, f32
      }})",
                              rows, width);
    std::vector<int32_t> at = {width - 1, 5, 7};
    at.resize(rows);
    compare(text, rows,
            {i32(at), random(Element::F32, size_t(rows) * width, 45),
             random(Element::F32, rows, 46), random(Element::F32, rows, 47),
             random(Element::F32, rows, 48)},
            2e-5);
  }
}

TEST(GpuRowKernel, SumIsTheSameBesideOthers) {
  // The sum of a row depends on nothing but the row: not on the number of rows, nor on what else
  // the kernel computes and of what types.
  for (int width : {96, 777, 1536, 9000}) {
    SCOPED_TRACE(width);
    int rows = 3;
    auto x = randomFloats(rows * width, 15);
    auto bits = [&](int used, const std::string &maps, const std::string &body,
                    std::vector<View> more) {
      std::string text = format(R"(
        step.row_kernel @kernel domain [{0}, {1}] row_dims 1 ins 1
            maps [affine_map<(m, c) -> (m * {1} + c)>, affine_map<(m, c) -> (m)>{2}] unit_rows {0} {{
        ^bb0(%x: f32, %r: f32{3}}})",
                                used, width, maps, body);
      std::vector<View> views = {f32(x), f32(std::vector<float>(used))};
      std::move(more.begin(), more.end(), std::back_inserter(views));
      std::vector<HostView> host;
      for (View &view : views)
        host.emplace_back(view.bytes.data(), view.bytes.size());
      EmulatedOp(text, host).run(host);
      return std::vector<std::byte>(views[1].bytes.begin(), views[1].bytes.begin() + 4);
    };
    std::string sum = "%s = swamla.reduce_row add %x : f32\n";
    auto alone = bits(1, "", "):\n" + sum + "swamla.yield %s : f32\n", {});
    auto ofMany = bits(rows, "", "):\n" + sum + "swamla.yield %s : f32\n", {});
    auto beside =
        bits(rows, format(", affine_map<(m, c) -> (m * {} + c)>, affine_map<(m, c) -> (c)>", width),
             ", %y: bf16, %w: f32):\n" + sum +
                 "%max = swamla.reduce_row max %x : f32\n%d = arith.subf %x, %max : f32\n"
                 "%e = arith.truncf %d : f32 to bf16\n"
                 "swamla.yield %s, %e, %d : f32, bf16, f32\n",
             {random(Element::Bf16, rows * width, 16), random(Element::F32, width, 17)});
    EXPECT_EQ(alone, ofMany);
    EXPECT_EQ(alone, beside);
  }
}

//===----------------------------------------------------------------------===//
// Sums over rows
//===----------------------------------------------------------------------===//

struct ColumnSum {
  int rows, width, unit; ///< unit == rows: one sum over all
  Element element;
  const char *accumulate;
};

class ColumnSums : public testing::TestWithParam<ColumnSum> {};

TEST_P(ColumnSums, OverRows) {
  auto [rows, width, unit, element, accumulate] = GetParam();
  std::string outMap = unit == rows ? "c" : format("(m floordiv {}) * {} + c", unit, width);
  std::string text = instantiate(format(R"(
    step.row_kernel @kernel domain [{0}, {1}] row_dims 1 ins 1
        maps [affine_map<(m, c) -> (m * {1} + c)>, affine_map<(m, c) -> ({2})>,
              affine_map<(m, c) -> (m * {1} + c)>] unit_rows {3} accumulate [{4}, false] {{
    ^bb0(%x: %TYPE, %sum: f32, %y0: %TYPE):
      %LOAD %a %x
      %b = arith.negf %a : f32
      %STORE %y %b
      swamla.yield %a, %y : f32, %TYPE
    }})",
                                        rows, width, outMap, unit, accumulate),
                                 element);
  int units = (rows + unit - 1) / unit;
  compare(text, units,
          {random(element, rows * width, 18), random(Element::F32, units * width, 19),
           random(element, rows * width, 20)},
          kSum, 1e-5);
}
INSTANTIATE_TEST_SUITE_P(Shapes, ColumnSums,
                         testing::Values(ColumnSum{50, 37, 50, Element::F32, "false"},
                                         ColumnSum{300, 1536, 300, Element::F32, "true"},
                                         ColumnSum{1, 20, 1, Element::F32, "true"},
                                         ColumnSum{203, 264, 50, Element::Bf16, "false"},
                                         ColumnSum{64, 1536, 16, Element::Bf16, "false"},
                                         ColumnSum{70, 9000, 35, Element::F32, "false"}));

TEST(GpuRowKernel, SumsOverAnInnerRowDim) {
  // [M, H | D] -> [M, D], and [H, D]: which keeps the inner dim apart.
  int rows = 10, heads = 3, width = 40;
  std::string text = format(R"(
    step.row_kernel @kernel domain [{0}, {1}, {2}] row_dims 2 ins 1
        maps [affine_map<(m, h, d) -> ((m * {1} + h) * {2} + d)>, affine_map<(m, h, d) -> (OUT)>]
        unit_rows UNIT {{
    ^bb0(%x: f32, %out: f32):
      swamla.yield %x : f32
    }})",
                            rows, heads, width);
  auto with = [&](std::string out, const std::string &unit) {
    std::string copy = text;
    copy.replace(copy.find("OUT"), 3, out);
    return copy.replace(copy.find("UNIT"), 4, unit);
  };
  View x = random(Element::F32, rows * heads * width, 21);
  compare(with(format("m * {} + d", width), "2"), 5, {x, random(Element::F32, rows * width, 22)},
          kSum, 1e-6);
  compare(with(format("h * {} + d", width), "10"), 1, {x, random(Element::F32, heads * width, 23)},
          kSum, 1e-6);
  compare(with("d", "10"), 1, {x, random(Element::F32, width, 24)}, kSum, 1e-6);
}

TEST(GpuRowKernel, RowsOfASingleColumn) {
  // A row is one number; a sum over rows in units.
  int rows = 1000;
  compare(R"(
    step.row_kernel @kernel domain [1000, 1] row_dims 1 ins 2
        maps [affine_map<(m, c) -> (m)>, affine_map<(m, c) -> (0)>, affine_map<(m, c) -> (m)>,
              affine_map<(m, c) -> (m floordiv 300)>] unit_rows 300 {
    ^bb0(%x: f32, %s: f32, %y: f32, %u: f32):
      %a = arith.mulf %x, %s : f32
      %b = swamla.reduce_row add %a : f32
      swamla.yield %b, %a : f32, f32
    })",
          4,
          {random(Element::F32, rows, 25, 0, 0), f32({3.0F}), random(Element::F32, rows, 26),
           random(Element::F32, 4, 27)},
          kSum);
}

//===----------------------------------------------------------------------===//
// Addresses
//===----------------------------------------------------------------------===//

TEST(GpuRowKernel, RopeWithTablesOverHeads) {
  int rows = 6, heads = 3, width = 24, period = 3, stride = 104;
  for (Element element : {Element::F32, Element::Bf16}) {
    std::string text = instantiate(format(R"(
      step.row_kernel @kernel domain [{0}, {1}, {2}] row_dims 2 ins 2
          maps [affine_map<(m, h, d) -> ((m mod {3}) * {2} + d)>,
                affine_map<(m, h, d) -> ((m mod {3}) * {2} + d)>,
                affine_map<(m, h, d) -> (m * {4} + h * {2} + d + 8)>] unit_rows 4 {{
      ^bb0(%cos: f32, %sin: f32, %x: %TYPE):
        %LOAD %x0 %x
        %p = swamla.pair_swap %x0 : f32
        %a = arith.mulf %x0, %cos : f32
        %b = arith.mulf %p, %sin : f32
        %y0 = arith.addf %a, %b : f32
        %STORE %y %y0
        swamla.yield %y : %TYPE
      }})",
                                          rows, heads, width, period, stride),
                                   element);
    compare(text, 2,
            {random(Element::F32, period * width, 28), random(Element::F32, period * width, 29),
             random(element, rows * stride, 30)},
            kExact);
  }
}

TEST(GpuRowKernel, HeadMajorRowOuts) {
  // [M, H | D] -> [H, M]: attention's delta.
  int heads = 4;
  for (int rows : {21, 24}) // 24: eight rows of a head side by side
    for (int width : {8, 96, 128, 320}) {
      std::string text = format(R"(
      step.row_kernel @kernel domain [{0}, {1}, {2}] row_dims 2 ins 2
          maps [affine_map<(m, h, d) -> ((m * {1} + h) * {2} + d)>,
                affine_map<(m, h, d) -> ((m * {1} + h) * {2} + d)>,
                affine_map<(m, h, d) -> (h * {0} + m)>] unit_rows 8 {{
      ^bb0(%x: bf16, %y: bf16, %out: f32):
        %a = arith.extf %x : bf16 to f32
        %b = arith.extf %y : bf16 to f32
        %c = arith.mulf %a, %b : f32
        %s = swamla.reduce_row add %c : f32
        swamla.yield %s : f32
      }})",
                                rows, heads, width);
      size_t size = rows * heads * width;
      compare(text, 3,
              {random(Element::Bf16, size, 31), random(Element::Bf16, size, 32),
               random(Element::F32, rows * heads, 33)},
              kSum, 1e-5);
    }
}

TEST(GpuRowKernel, SeveralColumnDims) {
  // [M | H, D]: a row is all of H x D; an operand varies with h alone.
  for (auto [heads, width] : {std::pair(5, 20), std::pair(3, 7), std::pair(40, 260)}) {
    int rows = 3;
    std::string text = format(R"(
      step.row_kernel @kernel domain [{0}, {1}, {2}] row_dims 1 ins 2
          maps [affine_map<(m, h, d) -> ((m * {1} + h) * {2} + d)>, affine_map<(m, h, d) -> (m * {1} + h)>,
                affine_map<(m, h, d) -> ((m * {1} + h) * {2} + d)>, affine_map<(m, h, d) -> (m)>] unit_rows 2 {{
      ^bb0(%x: f32, %s: f32, %y0: f32, %r0: f32):
        %t = arith.mulf %x, %s : f32
        %max = swamla.reduce_row max %t : f32
        %h = swamla.index 1
        %g = arith.sitofp %h : i32 to f32
        %u = arith.addf %t, %g : f32
        %y = arith.subf %u, %max : f32
        swamla.yield %y, %max : f32, f32
      }})",
                              rows, heads, width);
    size_t size = rows * heads * width;
    compare(text, 2,
            {random(Element::F32, size, 34), random(Element::F32, rows * heads, 35),
             random(Element::F32, size, 36), random(Element::F32, rows, 37)},
            kExact);
  }
}

TEST(GpuRowKernel, Gathers) {
  // A table's row by the row's index, and a table's element by the element's.
  int rows = 6, width = 40, vocab = 11;
  std::vector<int32_t> ids, each;
  for (int i = 0; i < rows; ++i)
    ids.push_back(i * 7 % vocab);
  for (int i = 0; i < rows * width; ++i)
    each.push_back(i * 5 % vocab);
  std::string text = format(R"(
    step.row_kernel @kernel domain [{0}, {1}] row_dims 1 ins 4
        maps [affine_map<(m, c) -> (m)>, affine_map<(m, c)[s0] -> (s0 * {1} + c)>,
              affine_map<(m, c) -> (m * {1} + c)>, affine_map<(m, c)[s0] -> (s0 * {1} + c)>,
              affine_map<(m, c) -> (m * {1} + c)>] gather [-1, 0, -1, 2] unit_rows 4 {{
    ^bb0(%id: i32, %row: bf16, %each: i32, %element: f32, %y0: f32):
      %a = arith.extf %row : bf16 to f32
      %y = arith.addf %a, %element : f32
      swamla.yield %y : f32
    }})",
                            rows, width);
  compare(text, 2,
          {i32(ids), random(Element::Bf16, vocab * width, 38), i32(each),
           random(Element::F32, vocab * width, 39), random(Element::F32, rows * width, 40)},
          kExact);
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

TEST(GpuRowKernel, RandomNumbersAreTheSame) {
  for (int width : {1, 30, 64}) {
    std::string text = format(R"(
      step.row_kernel @kernel domain [5, 3, {0}] row_dims 2 ins 1
          maps [affine_map<(m, h, c) -> (0)>, affine_map<(m, h, c) -> ((m * 3 + h) * {0} + c)>] unit_rows 2 {{
      ^bb0(%key: i32, %y0: f32):
        %y = swamla.random_uniform %key site(123)
        swamla.yield %y : f32
      }})",
                              width);
    compare(text, 3, {i32({-77}), random(Element::F32, 15 * width, 41)}, kExact);
  }
}

std::string functionText(int count, const std::string &body) {
  return format(R"(
    step.row_kernel @kernel domain [1, {0}] row_dims 1 ins 1
        maps [affine_map<(m, c) -> (c)>, affine_map<(m, c) -> (c)>] unit_rows 1 {{
    ^bb0(%x: f32, %out: f32):
      {1}
      swamla.yield %y : f32
    }})",
                count, body);
}

TEST(GpuRowKernel, Functions) {
  std::vector<float> x = {0.0F,  1e-30F, 1e-6F, 0.01F, 0.3F,  0.62F,
                          0.63F, 1.0F,   2.5F,  9.0F,  30.0F, 80.0F};
  for (size_t i = 0, count = x.size(); i < count; ++i)
    x.push_back(-x[i]);
  auto check = [&](const std::string &body, const std::vector<float> &at, double relative) {
    SCOPED_TRACE(body);
    compare(functionText(static_cast<int>(at.size()), body), 1,
            {f32(at), random(Element::F32, at.size(), 42)}, relative, 1e-37);
  };
  check("%y = math.tanh %x : f32", x, 1e-6);
  check("%y = math.exp %x : f32", x, 1e-5);
  check("%y = math.exp2 %x : f32", x, 1e-6);
  std::vector<float> positive = {1e-30F, 1e-6F, 0.3F, 0.9F, 1.5F, 2.0F, 100.0F, 1e30F};
  check("%y = math.log %x : f32", positive, 1e-6);
  check("%y = math.sqrt %x : f32", positive, 1e-6);
  check("%y = math.rsqrt %x : f32", positive, 1e-6);
  check("%c = arith.constant 3.0 : f32\n%y = arith.divf %c, %x : f32", positive, 1e-6);
}

TEST(GpuRowKernel, TablesInDouble) {
  // Rotary tables: cos and sin of m * exp(-c / 40), far beyond the first turn.
  compare(R"(
    step.row_kernel @kernel domain [64, 48] row_dims 1 ins 0
        maps [affine_map<(m, c) -> (m * 48 + c)>, affine_map<(m, c) -> (m * 48 + c)>] unit_rows 64 {
    ^bb0(%out0: f32, %out1: f32):
      %m = swamla.index 0
      %c = swamla.index 1
      %md = arith.sitofp %m : i32 to f64
      %cd = arith.sitofp %c : i32 to f64
      %rate = arith.constant -0.025 : f64
      %step = arith.constant 517.0 : f64
      %e = arith.mulf %cd, %rate : f64
      %f = math.exp %e : f64
      %t = arith.mulf %md, %step : f64
      %angle = arith.mulf %t, %f : f64
      %negative = arith.negf %angle : f64
      %cos = math.cos %angle : f64
      %sin = math.sin %negative : f64
      %a = arith.truncf %cos : f64 to f32
      %b = arith.truncf %sin : f64 to f32
      swamla.yield %a, %b : f32, f32
    })",
          1, {random(Element::F32, 64 * 48, 43), random(Element::F32, 64 * 48, 44)}, 1.2e-7, 1e-12);
}

} // namespace
