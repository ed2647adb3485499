//===- FlatRanges.h - what one update of @apply covers --------------------===//
#pragma once

#include "compiler/Quantize/WeightCopies.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"

namespace swamla {

/// Elements [begin, begin + rows * cols) of the flat buffers, as rows: what one update is about.
struct FlatRange {
  int64_t begin = 0, rows = 0, cols = 0;
  bool decay = false;          ///< weight decay applies
  bool hasWorkingCopy = false; ///< a function reads parameters of the range as bf16
  int64_t weight = -1;         ///< the fp8 weight that it is, by its number, or -1
  int64_t firstBlock = 0;      ///< number of its first row among those of all ranges

  int64_t elements() const { return rows * cols; }
  int64_t end() const { return begin + elements(); }
  mlir::RankedTensorType type(mlir::Type element) const {
    return mlir::RankedTensorType::get({rows, cols}, element);
  }
  /// One number for each row.
  mlir::RankedTensorType rowType(mlir::Type element) const {
    return mlir::RankedTensorType::get({rows}, element);
  }
  /// The same elements as rows of another width, which must divide their number.
  FlatRange withCols(int64_t newCols) const;
  /// Part `i` of `count` equal ones.
  FlatRange part(int64_t i, int64_t count) const;
};

/// The same ranges, cut so that each fp8 weight is one, in rows of its own width; what lies between
/// is rows of a power of two. Padding is left out.
llvm::SmallVector<FlatRange> cutAtWeights(mlir::ModuleOp module, llvm::ArrayRef<FlatRange> ranges,
                                          llvm::ArrayRef<QuantizedWeight> weights);

/// Numbers the rows of all ranges, which are in order: the blocks of optimizer states. Answers how
/// many there are.
int64_t numberBlocks(llvm::MutableArrayRef<FlatRange> ranges);

/// The ranges of the layout that swamla-layout-params has made, in order and without gaps, in rows
/// of `flatRowWidth`: parameters with weight decay, then the others; none that is empty. Emits an
/// error and fails where the module has no layout, or no parameters.
mlir::FailureOr<llvm::SmallVector<FlatRange>> findFlatRanges(mlir::ModuleOp module);

} // namespace swamla
