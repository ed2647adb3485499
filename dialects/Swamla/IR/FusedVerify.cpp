//===- FusedVerify.cpp - the constraints of swamla.fused ------------------===//
// What a kernel generator relies on is checked here, once: shapes, ranges, stores that never meet.
//===----------------------------------------------------------------------===//
#include "dialects/Swamla/IR/SwamlaDialect.h"
#include "dialects/Swamla/IR/VerifyUtils.h"

#include "mlir/IR/AffineExpr.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace mlir;
using namespace swamla;

namespace {
/// The values that an affine expression takes over the domain.
struct Interval {
  int64_t low, high;
};
} // namespace

/// Interval arithmetic over the box [0, extents); none for a form that is not understood or that
/// depends on a symbol.
static std::optional<Interval> rangeOf(AffineExpr expr, ArrayRef<int64_t> extents) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return Interval{constant.getValue(), constant.getValue()};
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return Interval{0, extents[dim.getPosition()] - 1};
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return std::nullopt;
  std::optional<Interval> lhs = rangeOf(binary.getLHS(), extents);
  std::optional<Interval> rhs = rangeOf(binary.getRHS(), extents);
  if (!lhs || !rhs)
    return std::nullopt;
  Interval result{};
  if (expr.getKind() == AffineExprKind::Add) {
    bool overflows = llvm::AddOverflow(lhs->low, rhs->low, result.low) ||
                     llvm::AddOverflow(lhs->high, rhs->high, result.high);
    return overflows ? std::nullopt : std::optional(result);
  }
  if (rhs->low != rhs->high)
    return std::nullopt;
  int64_t c = rhs->low;
  switch (expr.getKind()) {
  case AffineExprKind::Mul:
    if (llvm::MulOverflow(lhs->low, c, result.low) || llvm::MulOverflow(lhs->high, c, result.high))
      return std::nullopt;
    return c < 0 ? Interval{result.high, result.low} : result;
  case AffineExprKind::Mod:
    if (c < 1)
      return std::nullopt;
    return lhs->low >= 0 && lhs->high < c ? *lhs : Interval{0, c - 1};
  case AffineExprKind::FloorDiv:
    if (c < 1 || lhs->low < 0)
      return std::nullopt;
    return Interval{lhs->low / c, lhs->high / c};
  default:
    return std::nullopt;
  }
}

//===----------------------------------------------------------------------===//
// Stores (C4)
//===----------------------------------------------------------------------===//

namespace {
/// How an out's map uses the dims: `coefficients[d]` steps of a result per step of dim d, in a
/// result of its own or shared.
struct Store {
  SmallVector<SmallVector<std::pair<unsigned, int64_t>>> results; ///< (dim, coefficient) pairs
  llvm::SmallBitVector dims;                                      ///< that appear on their own
  bool groupsRows = false;                                        ///< `d0 floordiv R` appears
};
} // namespace

/// Splits one result into terms `d * c` (and `d0 floordiv R`); fails for any other form.
static LogicalResult collectTerms(AffineExpr expr, int64_t factor, Store &store) {
  if (isa<AffineConstantExpr>(expr))
    return success();
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    if (store.dims.test(dim.getPosition()))
      return failure();
    store.dims.set(dim.getPosition());
    store.results.back().emplace_back(dim.getPosition(), factor);
    return success();
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return failure();
  if (expr.getKind() == AffineExprKind::Add)
    return failure(failed(collectTerms(binary.getLHS(), factor, store)) ||
                   failed(collectTerms(binary.getRHS(), factor, store)));
  auto constant = dyn_cast<AffineConstantExpr>(binary.getRHS());
  if (!constant || constant.getValue() < 1)
    return failure();
  if (expr.getKind() == AffineExprKind::Mul) {
    int64_t product;
    if (llvm::MulOverflow(factor, constant.getValue(), product))
      return failure();
    return collectTerms(binary.getLHS(), product, store);
  }
  auto dim = dyn_cast<AffineDimExpr>(binary.getLHS());
  bool groups = expr.getKind() == AffineExprKind::FloorDiv && dim && dim.getPosition() == 0;
  if (!groups || store.groupsRows || !store.results.back().empty())
    return failure();
  store.groupsRows = true;
  return success();
}

/// No two points of the dims that appear share an element: in each result the strides nest.
static bool isInjective(const Store &store, ArrayRef<int64_t> extents) {
  for (const auto &terms : store.results) {
    auto sorted = terms;
    llvm::sort(sorted, [](auto a, auto b) { return a.second < b.second; });
    int64_t reach = 1; // one more than the largest sum of the terms so far
    for (auto [dim, coefficient] : sorted) {
      if (coefficient < reach)
        return false;
      reach += coefficient * (extents[dim] - 1);
    }
  }
  return true;
}

/// One of the three forms of RowwiseDomain.h.
static bool isStore(AffineMap map, ArrayRef<int64_t> extents, unsigned rowDims) {
  Store store;
  store.dims.resize(extents.size());
  for (AffineExpr result : map.getResults()) {
    store.results.emplace_back();
    if (failed(collectTerms(result, 1, store)))
      return false;
  }
  if (!isInjective(store, extents))
    return false;
  unsigned rows = 0, columns = 0;
  for (unsigned d : store.dims.set_bits())
    ++(d < rowDims ? rows : columns);
  bool allRows = rows == rowDims, allColumns = columns == extents.size() - rowDims;
  bool stores = allRows && !store.groupsRows && (allColumns || columns == 0);
  bool reducesRows = !store.dims.test(0) && (allColumns || columns == 0);
  return stores || reducesRows;
}

//===----------------------------------------------------------------------===//
// The constraints
//===----------------------------------------------------------------------===//

static LogicalResult verifyDomain(FusedOp op) {
  /*fused_c7*/
  ArrayRef<int64_t> extents = op.getDomain();
  auto rowDims = static_cast<int64_t>(op.getRowDims());
  if (rowDims < 1 || rowDims >= static_cast<int64_t>(extents.size()))
    return op.emitOpError() << "expected a domain of row dims and column dims, found "
                            << extents.size() << " dims of which " << rowDims << " are rows";
  for (int64_t extent : extents)
    if (failed(expectInt(op, "an extent of the domain", extent, 1)))
      return failure();
  return success();
}

/// (C1), and (C6) for each operand.
static LogicalResult verifyMaps(FusedOp op) {
  ArrayRef<int64_t> extents = op.getDomain();
  /*fused_c1*/
  if (op.getMaps().size() != op->getNumOperands())
    return op.emitOpError() << "expected one map for each of " << op->getNumOperands()
                            << " operands, found " << op.getMaps().size();
  for (auto [i, operand] : llvm::enumerate(op->getOperands())) {
    RankedTensorType type = tensorType(operand);
    AffineMap map = cast<AffineMapAttr>(op.getMaps()[i]).getValue();
    if (map.getNumDims() != extents.size() || map.getNumResults() != type.getRank())
      return op.emitOpError() << "map " << i << ": expected " << extents.size() << " dims and "
                              << type.getRank() << " results, found " << op.getMaps()[i];
    unsigned symbols = i < op.getIns().size() && op.getGatherOf(i) >= 0 ? 1 : 0;
    if (map.getNumSymbols() != symbols)
      return op.emitOpError() << "map " << i << ": expected " << symbols << " symbols, found "
                              << map.getNumSymbols();
    /*fused_c6*/
    for (auto [d, expr] : llvm::enumerate(map.getResults())) {
      if (expr.isFunctionOfSymbol(0))
        continue;
      std::optional<Interval> range = rangeOf(expr, extents);
      if (!range)
        return op.emitOpError() << "map " << i << ": expected sums of dims, times, mod or floordiv "
                                << "a positive constant, found " << op.getMaps()[i];
      if (range->low < 0 || range->high >= type.getDimSize(d))
        return op.emitOpError() << "map " << i << ": expected indices inside [0, "
                                << type.getDimSize(d) << ") of dim " << d << ", found ["
                                << range->low << ", " << range->high + 1 << ")";
    }
  }
  return success();
}

/// (C2)
static LogicalResult verifyGather(FusedOp op) {
  /*fused_c2*/
  if (!op.getGather())
    return success();
  ArrayRef<int64_t> gather = *op.getGather();
  int64_t numIns = op.getIns().size();
  if (static_cast<int64_t>(gather.size()) != numIns)
    return op.emitOpError() << "gather: expected one entry for each of " << numIns << " ins, found "
                            << gather.size();
  for (auto [i, source] : llvm::enumerate(gather)) {
    if (failed(expectInt(op, "gather " + Twine(i), source, -1, numIns - 1)))
      return failure();
    if (source < 0)
      continue;
    Value supplier = op.getIns()[source];
    if (!tensorType(supplier).getElementType().isInteger(32) || gather[source] >= 0)
      return op.emitOpError() << "gather " << i << ": expected an in of i32 that is not gathered "
                              << "itself, found in " << source << " of type " << supplier.getType();
  }
  return success();
}

/// (C3)
static LogicalResult verifyBody(FusedOp op) {
  /*fused_c3*/
  Block &body = op.getBody().front();
  if (body.getNumArguments() != op->getNumOperands())
    return op.emitOpError() << "expected one block argument for each of " << op->getNumOperands()
                            << " operands, found " << body.getNumArguments();
  for (auto [i, operand] : llvm::enumerate(op->getOperands())) {
    Type expected = tensorType(operand).getElementType(), found = body.getArgument(i).getType();
    if (expected != found)
      return op.emitOpError() << "block argument " << i << ": expected " << expected << ", found "
                              << found;
  }
  auto yield = dyn_cast<YieldOp>(body.getTerminator());
  if (!yield || yield.getValues().size() != op.getOuts().size())
    return op.emitOpError() << "expected a yield of " << op.getOuts().size() << " values, found "
                            << (yield ? std::to_string(yield.getValues().size())
                                      : "'" + body.getTerminator()->getName().getStringRef().str() +
                                            "'");
  for (auto [i, value] : llvm::enumerate(yield.getValues())) {
    Type expected = tensorType(op.getOuts()[i]).getElementType();
    if (value.getType() != expected)
      return yield.emitOpError() << "value " << i << ": expected " << expected << ", found "
                                 << value.getType();
  }
  return success();
}

/// (C7), for the ops of the region that refer to the domain.
static LogicalResult verifyRegionOps(FusedOp op) {
  /*fused_c7*/
  ArrayRef<int64_t> extents = op.getDomain();
  for (Operation &inner : op.getBody().front()) {
    if (auto index = dyn_cast<IndexOp>(inner))
      if (failed(expectInt(index, "dim", static_cast<int64_t>(index.getDim()), 0,
                           static_cast<int64_t>(extents.size()) - 1)))
        return failure();
    if (isa<PairSwapOp>(inner) && extents.back() % 2 != 0)
      return inner.emitOpError() << "expected a domain whose last dim is even, found "
                                 << extents.back();
  }
  return success();
}

LogicalResult FusedOp::verify() {
  for (auto [i, operand] : llvm::enumerate(getOperands()))
    if (!tensorType(operand).hasStaticShape())
      return emitOpError() << "operand " << i << ": expected a static shape, found "
                           << operand.getType();
  if (failed(verifyDomain(*this)) || failed(verifyGather(*this)) || failed(verifyMaps(*this)) ||
      failed(verifyBody(*this)) || failed(verifyRegionOps(*this)))
    return failure();
  /*fused_c4*/
  for (unsigned i = 0; i < getOuts().size(); ++i)
    if (!isStore(getOutMap(i), getDomain(), getRowDims()))
      return emitOpError() << "out " << i
                           << ": expected a store of all dims or of the row dims, no element "
                              "twice, or a column reduction, found "
                           << getMaps()[getIns().size() + i];
  /*fused_c5*/
  if (getOuts().getTypes() != getResultTypes())
    return emitOpError() << "expected results of the outs' types (" << getOuts().getTypes()
                         << "), found (" << getResultTypes() << ")";
  return success();
}
