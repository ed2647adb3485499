//===- Linears.h - the products of linear layers --------------------------===//
#pragma once

#include "compiler/Quantize/Recipe.h"
#include "dialects/Swamla/IR/SwamlaDialect.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/DenseSet.h"

#include <tuple>

namespace swamla {

/// An operand of a layer, in every function that uses the layer: what has one scale. A layer that a
/// function uses several times (the head, in chunks) has one for each use.
struct Site {
  mlir::StringAttr param;
  OperandRole role;
  unsigned use;

  /// In the order of names: addresses differ between runs.
  friend bool operator<(const Site &a, const Site &b) {
    return std::tuple(a.param.getValue(), a.role, a.use) <
           std::tuple(b.param.getValue(), b.role, b.use);
  }
};

/// A product that will be of fp8 operands.
struct LinearProduct {
  QuantizableOpInterface op;
  QuantizableProduct what;
  unsigned use; ///< the how many-eth of its kind that the function has for the parameter

  mlir::Value value(const QuantizableOperand &operand) const {
    return op->getOperand(operand.number);
  }
  Site site(const QuantizableOperand &operand) const {
    return {what.param.getAttr(), operand.role, use};
  }
};

/// Which products are wanted.
struct WantedProducts {
  Recipe recipe; ///< rowwise: no weight gradients
  bool forward;  ///< those of the forward, too
  bool head;     ///< those of the head, too
};

/// The products of a function that can be of fp8 operands, in order. Emits a remark
/// for each layer that stays bf16, and fails, with an error, where the head should be fp8 and
/// cannot.
class LinearFinder {
public:
  explicit LinearFinder(const WantedProducts &wanted) : wanted(wanted) {}

  mlir::FailureOr<llvm::SmallVector<LinearProduct>> find(mlir::func::FuncOp func);

private:
  mlir::FailureOr<bool> isWanted(QuantizableOpInterface op, const QuantizableProduct &what);

  WantedProducts wanted;
  llvm::DenseSet<std::pair<mlir::StringAttr, mlir::StringAttr>> remarked; ///< function, parameter
};

} // namespace swamla
