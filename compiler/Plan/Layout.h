//===- Layout.h - how a tensor lies in its storage ------------------------===//
//
// A layout is a matrix of elements in a one-dimensional storage:
//
//   element (m, c) lies at  offset + m * ld + (c div width) * headStride + c mod width
//
// A plain layout has width = cols; the parts of a split by heads have not. A
// vector is one row; a tensor of higher rank is the matrix of its last dim,
// the other dims being dense among themselves. All numbers are elements.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/BuiltinTypes.h"

#include <optional>

namespace swamla {

struct Layout {
  int64_t offset = 0;
  int64_t rows = 1;
  int64_t cols = 1;
  int64_t ld = 1;         ///< from row to row; meaningless for one row
  int64_t width = 1;      ///< contiguous columns
  int64_t headStride = 0; ///< from one group of `width` columns to the next

  static Layout dense(int64_t rows, int64_t cols, int64_t offset = 0) {
    return {offset, rows, cols, cols, cols, 0};
  }
  static Layout dense(mlir::RankedTensorType type, int64_t offset = 0);
  /// A vector's elements, `stride` apart.
  static Layout spread(int64_t elements, int64_t stride, int64_t offset) {
    return {offset, 1, elements, elements, 1, stride};
  }

  bool isPlain() const { return width == cols; }
  bool isDense() const { return isPlain() && (rows == 1 || ld == cols); }
  /// Elements from the offset to the end of the last element.
  int64_t extent() const;
  /// The same layout with `width` as large as it can be: groups without gaps are one group.
  Layout canonical() const;
  bool operator==(const Layout &other) const;
};

/// Columns [prefix, prefix + width) of each of `heads` equal groups of columns; nullopt where that
/// is not a layout.
std::optional<Layout> columnsOf(const Layout &source, int64_t heads, int64_t prefix, int64_t width);

/// Rows [begin, begin + rows).
Layout rowsOf(const Layout &source, int64_t begin, int64_t rows);

/// `inner` is a layout in a dense matrix; that matrix is put where `outer` says. Nullopt where the
/// result is not a layout.
std::optional<Layout> composeLayouts(const Layout &inner, const Layout &outer);

/// The layout of parts side by side (in each of `heads` groups), if they lie so already.
std::optional<Layout> joinedColumns(llvm::ArrayRef<Layout> parts, int64_t heads);

/// The layout of parts one below the other, if they lie so already.
std::optional<Layout> joinedRows(llvm::ArrayRef<Layout> parts);

/// Whether two layouts of one storage may have an element in common (never wrongly false).
bool mayOverlap(const Layout &a, const Layout &b);

/// The offset of the element at `indices` of a tensor of `shape` from the layout's own offset.
mlir::AffineExpr linearOffset(const Layout &layout, llvm::ArrayRef<int64_t> shape,
                              llvm::ArrayRef<mlir::AffineExpr> indices);

} // namespace swamla
