//===- QuantizableProduct.h - products whose operands may be fp8 ----------===//
#pragma once

#include "mlir/IR/BuiltinAttributes.h"

#include <cstdint>

namespace swamla {

/// What an operand of a linear layer's products is.
enum class OperandRole {
  Activation, ///< what the layer reads
  Weight,     ///< a parameter's working copy
  Cotangent   ///< of what the layer gives
};

struct QuantizableOperand {
  unsigned number; ///< of the operand
  OperandRole role;
  bool transposed; ///< the product wants the operand's transpose as its fp8 copy
};

/// A product of a linear layer, [m, k] [n, k]^T once both operands are fp8.
struct QuantizableProduct {
  QuantizableOperand a, b;
  int64_t m, n, k;
  mlir::FlatSymbolRefAttr param; ///< the layer's weight
};

} // namespace swamla
