//===- RowwiseDomain.h - iteration space of a row-wise computation --------===//
#pragma once

#include "mlir/IR/AffineMap.h"
#include "llvm/ADT/SmallVector.h"

namespace swamla {

/// The iteration space of a row-wise computation, as `swamla.fused` states it: `[rows | columns]`,
/// e.g. `[2048 | 128]` or `[2048, 16 | 64]`, and one indexing map for each in and out.
///
/// Input maps: domain -> index in the operand, such as `(m, c) -> (m, c)`, `(m, c) -> (c)` or
/// `(m, c) -> (m mod 256, c)`. A map with a symbol `s0` is a gather: s0 is the value of the integer
/// operand that `gather` names, at the same point.
///
/// Output maps, one of:
///   all dims        every point stores its element (the map must be injective);
///   row dims only   one element a row; its value must be uniform along the row;
///   column reduction: rows missing, or `m floordiv R`: the sum over the rows that share an index
///                   (R rows make one unit of work).
struct RowwiseDomain {
  llvm::SmallVector<int64_t, 3> extents;     ///< of each dimension, rows first
  unsigned rowDims = 1;                      ///< how many of them are rows
  llvm::SmallVector<mlir::AffineMap> inMaps; ///< one for each in
  llvm::SmallVector<int64_t> gather;         ///< for each in: the in that supplies s0, or -1
  llvm::SmallVector<mlir::AffineMap> outMaps;
  /// For each out: the operand number whose value it starts from and whose buffer it takes over, or
  /// -1 for a fresh one.
  llvm::SmallVector<int64_t> outInits;
  /// Operand numbers of the ins, in the order of inMaps (an operand may appear more than once, with
  /// different maps).
  llvm::SmallVector<int64_t> ins;
};

} // namespace swamla
