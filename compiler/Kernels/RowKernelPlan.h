//===- RowKernelPlan.h - what a row kernel computes where -----------------===//
//
// Before any code is written, the region is analysed: on which dims of the domain
// each value depends, and after how many passes over the row it is known.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "dialects/Step/IR/StepDialect.h"
#include "dialects/Swamla/IR/SwamlaDialect.h"

#include "llvm/ADT/DenseMap.h"

#include <optional>

namespace swamla {

/// The analysis of one step.row_kernel.
///
/// The *level* of a value is one more than the innermost dim of the domain that it depends on, so 0
/// for what never changes, at most rowDims for what is uniform along a row, and numDims() for what
/// differs between neighbours along the last dim, and therefore is a vector.
/// The *stage* of a value is the number of passes over the row that must be over before it can be
/// computed: a reduce_row is one stage later than its operand.
struct RowKernelPlan {
  /// How one view is addressed.
  struct View {
    mlir::AffineExpr offset; ///< in elements, over the dims and s0; dims of extent 1 are gone
    mlir::Type element;
    int64_t gather = -1; ///< the in that supplies s0, or -1
    unsigned level = 0;
    bool alongLast = false; ///< stride 1 along the last dim, else 0 (or a transposed out)
  };
  /// How one out is written.
  struct Out {
    unsigned view = 0;
    mlir::Value value;
    bool perRow = false;                    ///< one element a row, else one a point
    bool reduces = false;                   ///< several rows share an element, which is their sum
    bool accumulate = false;                ///< the sum starts from what the out holds
    llvm::SmallVector<unsigned> summedDims; ///< row dims that the offset lacks
    int64_t rowsPerSum = 0;                 ///< R where the offset has `m floordiv R`, else 0
    /// Of a transposed out: the row dim along which its stride is 1. Every point stores an element.
    std::optional<unsigned> transposed;
    int64_t columnStride = 0; ///< of a transposed out: its stride along the last dim, at least 2
  };

  step::RowKernelOp op;
  /// The domain; one column of extent 1 is added where there are only rows.
  llvm::SmallVector<int64_t> extents;
  unsigned rowDims = 1;
  llvm::SmallVector<View> views;
  llvm::SmallVector<Out> outs;
  /// The reductions that results depend on, by the pass that computes them.
  llvm::SmallVector<llvm::SmallVector<ReduceRowOp>> passes;
  llvm::DenseMap<mlir::Value, unsigned> levels, stages;

  /// Analyses a kernel; emits a diagnostic and fails where the generator cannot follow it.
  static mlir::FailureOr<RowKernelPlan> create(step::RowKernelOp op);

  unsigned numDims() const { return extents.size(); }
  unsigned lastDim() const { return extents.size() - 1; }
  int64_t width() const { return extents.back(); }
  unsigned level(mlir::Value value) const { return levels.lookup(value); }
  bool isUniform(mlir::Value value) const { return level(value) <= rowDims; }
  bool isVector(mlir::Value value) const { return level(value) == numDims(); }
  /// Whether a row has one column, so that everything is a scalar.
  bool hasSingleColumn() const;
  bool hasTransposedOuts() const {
    return llvm::any_of(outs, [](const Out &out) { return out.transposed.has_value(); });
  }

private:
  mlir::LogicalResult analyseViews();
  mlir::LogicalResult analyseOuts();
  mlir::LogicalResult analyseTransposed(Out &out);
  mlir::LogicalResult analyseValues();
  mlir::LogicalResult analyseOp(mlir::Operation &op);
  static mlir::LogicalResult checkNarrowFloats(mlir::Operation &op);
  void collectPasses();
};

} // namespace swamla
