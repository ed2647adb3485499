//===- LayoutTest.cpp - layouts against lists of addresses ----------------===//
//
// A layout stands for a list of addresses, one for each element in row-major
// order. Every operation on layouts is compared with the same operation on such
// lists, for random layouts.
//
//===----------------------------------------------------------------------===//
#include "compiler/Plan/Layout.h"

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <vector>

using namespace mlir;
using namespace swamla;

namespace {

using Addresses = std::vector<int64_t>;

Addresses addressesOf(const Layout &layout) {
  Addresses list;
  for (int64_t row = 0; row < layout.rows; ++row)
    for (int64_t col = 0; col < layout.cols; ++col)
      list.push_back(layout.offset + row * layout.ld + col / layout.width * layout.headStride +
                     col % layout.width);
  return list;
}

class Random {
public:
  int64_t upTo(int64_t limit) { return static_cast<int64_t>(generator() % (limit + 1)); }
  int64_t between(int64_t low, int64_t high) { return low + upTo(high - low); }

  /// A layout with or without heads, with gaps between heads and between rows.
  Layout layout() {
    int64_t heads = between(1, 4), width = between(1, 4);
    int64_t headStride = width + upTo(3), row = (heads - 1) * headStride + width;
    Layout result{upTo(9), between(1, 4), heads * width, row + upTo(5), width, headStride};
    return result.canonical();
  }

private:
  std::mt19937 generator{7};
};

TEST(Layout, CanonicalMeansTheSame) {
  Random random;
  for (int i = 0; i < 500; ++i) {
    Layout layout = random.layout();
    layout.headStride = layout.width; // groups without gaps
    EXPECT_EQ(addressesOf(layout), addressesOf(layout.canonical()));
    EXPECT_TRUE(layout.canonical().isPlain());
  }
}

TEST(Layout, ExtentIsTheLastAddress) {
  Random random;
  for (int i = 0; i < 500; ++i) {
    Layout layout = random.layout();
    Addresses list = addressesOf(layout);
    EXPECT_EQ(layout.extent(), *std::max_element(list.begin(), list.end()) + 1 - layout.offset);
  }
}

TEST(Layout, ColumnsAreColumns) {
  Random random;
  int found = 0;
  for (int i = 0; i < 2000; ++i) {
    Layout source = random.layout();
    int64_t heads = random.between(1, 4);
    if (source.cols % heads != 0)
      continue;
    int64_t group = source.cols / heads, prefix = random.upTo(group - 1);
    int64_t width = random.between(1, group - prefix);
    std::optional<Layout> part = columnsOf(source, heads, prefix, width);
    if (!part)
      continue;
    ++found;
    Addresses all = addressesOf(source), expected;
    for (int64_t row = 0; row < source.rows; ++row)
      for (int64_t head = 0; head < heads; ++head)
        for (int64_t col = 0; col < width; ++col)
          expected.push_back(all[row * source.cols + head * group + prefix + col]);
    EXPECT_EQ(addressesOf(*part), expected);
  }
  EXPECT_GT(found, 500);
}

TEST(Layout, RowsAreRows) {
  Random random;
  for (int i = 0; i < 500; ++i) {
    Layout source = random.layout();
    int64_t begin = random.upTo(source.rows - 1), rows = random.between(1, source.rows - begin);
    Addresses all = addressesOf(source);
    Addresses expected(all.begin() + begin * source.cols,
                       all.begin() + (begin + rows) * source.cols);
    EXPECT_EQ(addressesOf(rowsOf(source, begin, rows)), expected);
  }
}

TEST(Layout, CompositionIsIndexing) {
  Random random;
  int found = 0;
  for (int i = 0; i < 4000; ++i) {
    Layout outer = random.layout();
    Addresses storage = addressesOf(outer);
    // A part of a dense matrix of outer's shape.
    Layout inner = Layout::dense(outer.rows, outer.cols);
    if (random.upTo(3) != 0) {
      int64_t begin = random.upTo(outer.rows - 1), prefix = random.upTo(outer.cols - 1);
      inner = rowsOf(inner, begin, random.between(1, outer.rows - begin));
      inner = *columnsOf(inner, 1, prefix, random.between(1, outer.cols - prefix));
      if (inner.cols % 2 == 0 && random.upTo(1) == 0)
        inner = *columnsOf(inner, 2, 0, std::max<int64_t>(1, inner.cols / 4));
    }
    std::optional<Layout> composed = composeLayouts(inner, outer);
    if (!composed)
      continue;
    ++found;
    Addresses expected;
    for (int64_t address : addressesOf(inner))
      expected.push_back(storage[address]);
    EXPECT_EQ(addressesOf(*composed), expected);
  }
  EXPECT_GT(found, 1000);
}

TEST(Layout, JoinedColumnsAreSideBySide) {
  Random random;
  int found = 0;
  for (int i = 0; i < 4000; ++i) {
    int64_t heads = random.between(1, 3), group = random.between(2, 6), rows = random.between(1, 3);
    int64_t gap = random.upTo(2), slack = random.upTo(3);
    Layout whole{random.upTo(5), rows,       heads * group, heads * (group + gap) + slack,
                 group,          group + gap};
    whole = whole.canonical();
    int64_t cut = random.between(1, group - 1);
    std::vector<Layout> parts = {*columnsOf(whole, heads, 0, cut),
                                 *columnsOf(whole, heads, cut, group - cut)};
    bool disturbed = random.upTo(3) == 0;
    if (disturbed)
      std::swap(parts[0], parts[1]);
    std::optional<Layout> joined = joinedColumns(parts, heads);
    if (!joined) {
      EXPECT_TRUE(disturbed) << "parts of a whole were not recognised";
      continue;
    }
    ++found;
    Addresses expected;
    std::vector<Addresses> lists = {addressesOf(parts[0]), addressesOf(parts[1])};
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t head = 0; head < heads; ++head)
        for (size_t p = 0; p < 2; ++p) {
          int64_t width = parts[p].cols / heads;
          for (int64_t col = 0; col < width; ++col)
            expected.push_back(lists[p][row * parts[p].cols + head * width + col]);
        }
    EXPECT_EQ(addressesOf(*joined), expected);
  }
  EXPECT_GT(found, 1000);
}

TEST(Layout, JoinedRowsAreOneBelowTheOther) {
  Random random;
  int found = 0;
  for (int i = 0; i < 2000; ++i) {
    Layout whole = random.layout();
    if (whole.rows < 2)
      continue;
    int64_t cut = random.between(1, whole.rows - 1);
    std::vector<Layout> parts = {rowsOf(whole, 0, cut), rowsOf(whole, cut, whole.rows - cut)};
    bool disturbed = random.upTo(3) == 0;
    if (disturbed)
      parts[1].offset += 1;
    std::optional<Layout> joined = joinedRows(parts);
    if (!joined) {
      EXPECT_TRUE(disturbed) << "rows of a whole were not recognised";
      continue;
    }
    ++found;
    Addresses expected = addressesOf(parts[0]), below = addressesOf(parts[1]);
    expected.insert(expected.end(), below.begin(), below.end());
    EXPECT_EQ(addressesOf(*joined), expected);
  }
  EXPECT_GT(found, 500);
}

TEST(Layout, OverlapIsNeverMissed) {
  Random random;
  int apart = 0;
  for (int i = 0; i < 5000; ++i) {
    Layout a = random.layout(), b = random.layout();
    if (random.upTo(1) == 0)
      b.ld = a.ld = std::max(a.ld, b.ld);
    Addresses first = addressesOf(a), second = addressesOf(b);
    std::set<int64_t> set(first.begin(), first.end());
    bool common = std::any_of(second.begin(), second.end(),
                              [&](int64_t address) { return set.contains(address); });
    if (common)
      EXPECT_TRUE(mayOverlap(a, b));
    apart += !mayOverlap(a, b);
  }
  EXPECT_GT(apart, 100); // it does tell some apart
}

TEST(Layout, PartsOfOneMatrixDoNotOverlap) {
  Layout qkv = Layout::dense(16, 48);
  for (int64_t i = 0; i < 3; ++i)
    for (int64_t j = 0; j < 3; ++j)
      EXPECT_EQ(mayOverlap(*columnsOf(qkv, 1, 16 * i, 16), *columnsOf(qkv, 1, 16 * j, 16)), i == j);
  Layout keys = *columnsOf(qkv, 4, 0, 8), values = *columnsOf(qkv, 4, 8, 4);
  EXPECT_FALSE(mayOverlap(keys, values));
  EXPECT_TRUE(mayOverlap(keys, *columnsOf(qkv, 4, 7, 4)));
  EXPECT_FALSE(mayOverlap(rowsOf(qkv, 0, 8), rowsOf(qkv, 8, 8)));
}

TEST(Layout, LinearOffsetIsTheAddress) {
  MLIRContext context;
  Random random;
  AffineExpr row = getAffineDimExpr(0, &context), col = getAffineDimExpr(1, &context);
  for (int i = 0; i < 200; ++i) {
    Layout layout = random.layout();
    AffineMap map =
        AffineMap::get(2, 0, linearOffset(layout, {layout.rows, layout.cols}, {row, col}));
    Addresses list = addressesOf(layout);
    Type index = IndexType::get(&context);
    for (int64_t m = 0; m < layout.rows; ++m)
      for (int64_t c = 0; c < layout.cols; ++c) {
        SmallVector<Attribute> folded;
        ASSERT_TRUE(succeeded(
            map.constantFold({IntegerAttr::get(index, m), IntegerAttr::get(index, c)}, folded)));
        EXPECT_EQ(cast<IntegerAttr>(folded[0]).getInt() + layout.offset, list[m * layout.cols + c]);
      }
  }
}

} // namespace
