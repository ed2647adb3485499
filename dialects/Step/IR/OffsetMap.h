//===- OffsetMap.h - questions about linear offset maps -------------------===//
//
// A row kernel addresses memory by affine maps with one result: the element
// offset from a base address. What verifiers, planner and code generators need
// to know about such a map is answered here.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "mlir/IR/AffineMap.h"
#include "llvm/ADT/ArrayRef.h"

#include <optional>

namespace swamla::step {

/// The closed range of values that an expression takes on.
struct OffsetRange {
  int64_t min = 0;
  int64_t max = 0;
};

/// Range of `expr` where dim i runs over [0, extents[i]). Symbols are taken to be 0: what a gather
/// adds is the business of whoever supplies the indices. Sound, and exact for sums of terms in
/// different dims. Nullopt where the expression is not a sum of products with constants, or
/// divides by something that is not a positive constant.
std::optional<OffsetRange> offsetRange(mlir::AffineExpr expr, llvm::ArrayRef<int64_t> extents);

/// `expr` with floordiv and mod resolved where the extents decide them, e.g. (h * 64 + d) floordiv
/// 64 = h for d < 64.
mlir::AffineExpr simplifyWithExtents(mlir::AffineExpr expr, llvm::ArrayRef<int64_t> extents);

/// The difference between neighbours along `dim`, if it is the same everywhere; nullopt otherwise.
std::optional<int64_t> strideAlong(mlir::AffineExpr expr, unsigned dim,
                                   llvm::ArrayRef<int64_t> extents);

/// The row dim along which a transposed out's neighbours are neighbours in memory: its stride there
/// is 1, and more than 1 along the last dim. Nullopt for an offset that is no transposed out's.
std::optional<unsigned> transposedRowDim(mlir::AffineExpr expr, llvm::ArrayRef<int64_t> extents,
                                         unsigned rowDims);

/// The constant R where `dim floordiv R` occurs in `expr`; nullopt if it does not.
std::optional<int64_t> floorDivisorOf(mlir::AffineExpr expr, unsigned dim);

} // namespace swamla::step
