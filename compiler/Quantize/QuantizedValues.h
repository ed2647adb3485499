//===- QuantizedValues.h - fp8 copies of the values of a function ---------===//
#pragma once

#include "dialects/Swamla/IR/SwamlaDialect.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseMap.h"

namespace swamla {

/// The values that `x` is joined of, where one op makes them all and they are equally wide: what
/// reads `x` element by element can then be done where they are made. Otherwise `x` alone.
llvm::SmallVector<mlir::Value> partsOf(mlir::Value x);

/// Emits ops right behind the op that makes the value which they are about, one after the other,
/// with its discardable attributes (scope, backward, recompute).
class BehindValue {
public:
  /// A builder for what is about `x`. It stays valid until the next call.
  mlir::OpBuilder &at(mlir::Value x);
  /// Records an op that `at` has placed.
  template <typename OpTy> OpTy placed(mlir::Value x, OpTy op) {
    if (mlir::Operation *maker = x.getDefiningOp())
      op->setDiscardableAttrs(maker->getDiscardableAttrDictionary());
    last[x.getDefiningOp()] = op;
    return op;
  }
  explicit BehindValue(mlir::MLIRContext *context) : builder(context) {}

private:
  mlir::OpBuilder builder;
  llvm::DenseMap<mlir::Operation *, mlir::Operation *> last; ///< by the maker; null: an argument
};

/// Quantises values, each once for each orientation.
class QuantizedValues {
public:
  /// `inParts`: parts of a value are quantised where they are made (partsOf).
  QuantizedValues(BehindValue &place, bool inParts) : place(place), inParts(inParts) {}

  /// The copy that `reader` multiplies by. It is made where `x` is made, but for a transposed copy
  /// of a value that no row-wise op makes and that the backward reads anyway: that one would live
  /// from the forward to the backward beside the value, and is made right before its reader.
  mlir::Value get(mlir::Value x, mlir::Value scale, mlir::Type format, bool transposed,
                  mlir::Operation *reader);
  unsigned count() const { return copies.size(); }

private:
  mlir::Value quantize(mlir::Value x, mlir::Value part, mlir::Value scale, mlir::Type format,
                       bool transposed);

  BehindValue &place;
  bool inParts;
  llvm::DenseMap<std::pair<mlir::Value, unsigned>, mlir::Value>
      copies; ///< by value and orientation
};

} // namespace swamla
