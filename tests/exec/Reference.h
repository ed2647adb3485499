//===- Reference.h - functions of primitives, evaluated in double ---------===//
//
// The definition of each differentiable op, as its description in the dialect
// has it, written for clarity. What the compiler makes of a function is
// compared with what this makes of it.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace swamla::test {

/// A tensor of any element type; integers are exact in a double.
struct HostTensor {
  std::vector<int64_t> shape;
  std::vector<double> values;

  HostTensor() = default;
  explicit HostTensor(mlir::Type type);

  int64_t rows() const { return shape.front(); }
  /// Elements of a row.
  int64_t width() const { return static_cast<int64_t>(values.size()) / rows(); }
  double &at(int64_t row, int64_t column) { return values[row * width() + column]; }
  double at(int64_t row, int64_t column) const { return values[row * width() + column]; }
};

using HostTensors = std::vector<HostTensor>;
/// The value of a parameter.
using ParamLookup = std::function<const HostTensor &(llvm::StringRef name)>;

/// Evaluates a function of one block. An op without a definition here is a fatal error.
HostTensors evaluate(mlir::func::FuncOp func, const HostTensors &arguments,
                     const ParamLookup &params);

} // namespace swamla::test
