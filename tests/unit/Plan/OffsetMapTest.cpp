//===- OffsetMapTest.cpp - answers about maps against their values --------===//
#include "dialects/Step/IR/OffsetMap.h"

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>

using namespace mlir;
using namespace swamla::step;

namespace {

constexpr int64_t kExtents[] = {6, 4, 8};

class OffsetMapTest : public ::testing::Test {
protected:
  AffineExpr dim(unsigned i) { return getAffineDimExpr(i, &context); }

  int64_t evaluate(AffineExpr expr, ArrayRef<int64_t> point) {
    SmallVector<Attribute> operands, folded;
    for (int64_t value : point)
      operands.push_back(IntegerAttr::get(IndexType::get(&context), value));
    EXPECT_TRUE(succeeded(AffineMap::get(3, 0, expr).constantFold(operands, folded)));
    return cast<IntegerAttr>(folded[0]).getInt();
  }

  template <typename Visit> void forEachPoint(Visit visit) {
    for (int64_t a = 0; a < kExtents[0]; ++a)
      for (int64_t b = 0; b < kExtents[1]; ++b)
        for (int64_t c = 0; c < kExtents[2]; ++c)
          visit(SmallVector<int64_t>{a, b, c});
  }

  /// A random expression of the kinds that maps of operands and layouts compose to.
  AffineExpr expression(int depth) {
    auto number = [&](int64_t limit) { return 1 + static_cast<int64_t>(random() % limit); };
    if (depth == 0)
      return random() % 4 == 0 ? getAffineConstantExpr(number(9), &context) : dim(random() % 3);
    AffineExpr lhs = expression(depth - 1);
    switch (random() % 4) {
    case 0:
      return lhs + expression(depth - 1);
    case 1:
      return lhs * number(9);
    case 2:
      return lhs.floorDiv(number(9));
    default:
      return lhs % number(9);
    }
  }

  MLIRContext context;
  std::mt19937 random{3};
};

TEST_F(OffsetMapTest, SimplificationKeepsEveryValue) {
  for (int i = 0; i < 1500; ++i) {
    AffineExpr expr = expression(3), simple = simplifyWithExtents(expr, kExtents);
    forEachPoint([&](const SmallVector<int64_t> &point) {
      ASSERT_EQ(evaluate(expr, point), evaluate(simple, point));
    });
  }
}

TEST_F(OffsetMapTest, RangeHoldsEveryValue) {
  for (int i = 0; i < 1500; ++i) {
    AffineExpr expr = expression(3);
    std::optional<OffsetRange> range = offsetRange(expr, kExtents);
    ASSERT_TRUE(range);
    forEachPoint([&](const SmallVector<int64_t> &point) {
      int64_t value = evaluate(expr, point);
      ASSERT_LE(range->min, value);
      ASSERT_GE(range->max, value);
    });
  }
}

TEST_F(OffsetMapTest, StrideIsTheDifferenceOfNeighbours) {
  int found = 0;
  for (int i = 0; i < 1500; ++i) {
    AffineExpr expr = expression(2);
    std::optional<int64_t> stride = strideAlong(expr, 2, kExtents);
    if (!stride)
      continue;
    ++found;
    forEachPoint([&](SmallVector<int64_t> point) {
      if (point[2] + 1 == kExtents[2])
        return;
      int64_t here = evaluate(expr, point);
      ++point[2];
      ASSERT_EQ(evaluate(expr, point) - here, *stride);
    });
  }
  EXPECT_GT(found, 300);
}

TEST_F(OffsetMapTest, HeadsAreResolved) {
  // (h * 8 + d) floordiv 8 = h and (h * 8 + d) mod 8 = d for d < 8
  AffineExpr column = dim(1) * 8 + dim(2);
  EXPECT_EQ(simplifyWithExtents(column.floorDiv(8), kExtents), dim(1));
  EXPECT_EQ(simplifyWithExtents(column % 8, kExtents), dim(2));
  EXPECT_EQ(simplifyWithExtents((dim(0) * 32 + column).floorDiv(8), kExtents), dim(0) * 4 + dim(1));
  EXPECT_EQ(simplifyWithExtents(dim(0) % 3, kExtents), dim(0) % 3);
  EXPECT_EQ(floorDivisorOf(dim(0).floorDiv(3) * 7 + dim(2), 0), 3);
  EXPECT_EQ(floorDivisorOf(dim(0) * 7 + dim(2), 0), std::nullopt);
}

} // namespace
