//===- OffsetMap.cpp - questions about linear offset maps -----------------===//
#include "dialects/Step/IR/OffsetMap.h"

#include "mlir/IR/AffineExpr.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace mlir;

namespace swamla::step {

std::optional<OffsetRange> offsetRange(AffineExpr expr, ArrayRef<int64_t> extents) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return OffsetRange{constant.getValue(), constant.getValue()};
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    if (dim.getPosition() >= extents.size())
      return std::nullopt;
    return OffsetRange{0, extents[dim.getPosition()] - 1};
  }
  if (isa<AffineSymbolExpr>(expr))
    return OffsetRange{0, 0};
  auto binary = cast<AffineBinaryOpExpr>(expr);
  std::optional<OffsetRange> lhs = offsetRange(binary.getLHS(), extents);
  std::optional<OffsetRange> rhs = offsetRange(binary.getRHS(), extents);
  if (!lhs || !rhs)
    return std::nullopt;
  if (expr.getKind() == AffineExprKind::Add)
    return OffsetRange{lhs->min + rhs->min, lhs->max + rhs->max};
  if (rhs->min != rhs->max)
    return std::nullopt;
  int64_t factor = rhs->min;
  if (expr.getKind() == AffineExprKind::Mul)
    return OffsetRange{std::min(lhs->min * factor, lhs->max * factor),
                       std::max(lhs->min * factor, lhs->max * factor)};
  if (factor <= 0)
    return std::nullopt;
  if (expr.getKind() == AffineExprKind::FloorDiv)
    return OffsetRange{llvm::divideFloorSigned(lhs->min, factor),
                       llvm::divideFloorSigned(lhs->max, factor)};
  if (expr.getKind() == AffineExprKind::Mod) {
    bool samePeriod =
        llvm::divideFloorSigned(lhs->min, factor) == llvm::divideFloorSigned(lhs->max, factor);
    if (samePeriod)
      return OffsetRange{llvm::mod(lhs->min, factor), llvm::mod(lhs->max, factor)};
    return OffsetRange{0, factor - 1};
  }
  return std::nullopt;
}

namespace {
/// A sum: `multiple * divisor + rest`, where rest collects the terms that are no multiples.
struct Quotient {
  AffineExpr multiple, rest;
};

Quotient divideTerms(AffineExpr expr, int64_t divisor) {
  AffineExpr zero = getAffineConstantExpr(0, expr.getContext());
  if (expr.getKind() == AffineExprKind::Add) {
    auto sum = cast<AffineBinaryOpExpr>(expr);
    Quotient lhs = divideTerms(sum.getLHS(), divisor);
    Quotient rhs = divideTerms(sum.getRHS(), divisor);
    return {lhs.multiple + rhs.multiple, lhs.rest + rhs.rest};
  }
  if (expr.isMultipleOf(divisor)) {
    if (auto constant = dyn_cast<AffineConstantExpr>(expr))
      return {getAffineConstantExpr(constant.getValue() / divisor, expr.getContext()), zero};
    if (auto product = dyn_cast<AffineBinaryOpExpr>(expr);
        product && product.getKind() == AffineExprKind::Mul)
      if (auto factor = dyn_cast<AffineConstantExpr>(product.getRHS());
          factor && factor.getValue() % divisor == 0)
        return {product.getLHS() * (factor.getValue() / divisor), zero};
  }
  return {zero, expr};
}
} // namespace

AffineExpr simplifyWithExtents(AffineExpr expr, ArrayRef<int64_t> extents) {
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return expr;
  AffineExpr lhs = simplifyWithExtents(binary.getLHS(), extents);
  AffineExpr rhs = simplifyWithExtents(binary.getRHS(), extents);
  auto divisor = dyn_cast<AffineConstantExpr>(rhs);
  bool divides =
      expr.getKind() == AffineExprKind::FloorDiv || expr.getKind() == AffineExprKind::Mod;
  if (!divides || !divisor || divisor.getValue() <= 0)
    return getAffineBinaryOpExpr(expr.getKind(), lhs, rhs);

  // lhs = multiple * divisor + rest; where the rest stays within one period, the quotient is
  // decided by the multiple alone.
  Quotient parts = divideTerms(lhs, divisor.getValue());
  std::optional<OffsetRange> rest = offsetRange(parts.rest, extents);
  bool hasSymbol = false;
  parts.rest.walk([&](AffineExpr e) { hasSymbol |= isa<AffineSymbolExpr>(e); });
  if (rest && !hasSymbol && rest->min >= 0 && rest->max < divisor.getValue())
    return expr.getKind() == AffineExprKind::FloorDiv ? parts.multiple : parts.rest;
  if (expr.getKind() == AffineExprKind::FloorDiv)
    return parts.multiple + parts.rest.floorDiv(divisor.getValue());
  return parts.rest % divisor.getValue();
}

std::optional<int64_t> strideAlong(AffineExpr expr, unsigned dim, ArrayRef<int64_t> extents) {
  if (extents[dim] == 1)
    return 0;
  if (!expr.isFunctionOfDim(dim))
    return 0;
  if (auto only = dyn_cast<AffineDimExpr>(expr))
    return only.getPosition() == dim ? 1 : 0;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return std::nullopt;
  std::optional<int64_t> lhs = strideAlong(binary.getLHS(), dim, extents);
  std::optional<int64_t> rhs = strideAlong(binary.getRHS(), dim, extents);
  if (!lhs || !rhs)
    return std::nullopt;
  if (expr.getKind() == AffineExprKind::Add)
    return *lhs + *rhs;
  if (expr.getKind() == AffineExprKind::Mul)
    if (auto factor = dyn_cast<AffineConstantExpr>(binary.getRHS()))
      return *lhs * factor.getValue();
  return std::nullopt; // a floordiv or mod that depends on the dim
}

std::optional<unsigned> transposedRowDim(AffineExpr expr, ArrayRef<int64_t> extents,
                                         unsigned rowDims) {
  // Rows only: the last dim is a row dim.
  if (rowDims >= extents.size())
    return std::nullopt;
  std::optional<int64_t> last = strideAlong(expr, extents.size() - 1, extents);
  if (!last || *last <= 1)
    return std::nullopt;
  for (unsigned dim = rowDims; dim-- > 0;)
    if (strideAlong(expr, dim, extents) == 1)
      return dim;
  return std::nullopt;
}

std::optional<int64_t> floorDivisorOf(AffineExpr expr, unsigned dim) {
  std::optional<int64_t> found;
  expr.walk([&](AffineExpr e) {
    auto binary = dyn_cast<AffineBinaryOpExpr>(e);
    if (!binary || e.getKind() != AffineExprKind::FloorDiv)
      return;
    auto divided = dyn_cast<AffineDimExpr>(binary.getLHS());
    auto divisor = dyn_cast<AffineConstantExpr>(binary.getRHS());
    if (divided && divisor && divided.getPosition() == dim)
      found = divisor.getValue();
  });
  return found;
}

} // namespace swamla::step
