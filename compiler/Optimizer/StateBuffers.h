//===- StateBuffers.h - where optimizer states lie, in each format --------===//
#pragma once

#include "compiler/Optimizer/FlatRanges.h"
#include "compiler/Optimizer/Passes.h"

#include "mlir/IR/Builders.h"

namespace swamla {

/// A state of one range: its values as f32, and what they were read from.
struct LoadedState {
  llvm::StringRef buffer; ///< "adamw.m"
  bool nonnegative;
  llvm::SmallVector<mlir::Value, 2> values; ///< one for each part of the range
  mlir::Value codes;
  llvm::SmallVector<mlir::Value, 2> scales;
};

/// Reads and writes states. In f32 a state is what it is. Else a range is one part or, where two
/// elements share a byte, two halves, and a row of a part is a block: its codes lie in the state's
/// buffer, its scale in that with ".scale" added to the name.
class StateBuffers {
public:
  StateBuffers(mlir::OpBuilder &builder, mlir::Location loc, OptimizerState state)
      : builder(builder), loc(loc), state(state) {}

  /// Elements of a block, which the rows of ranges should have: 1024 without blocks, 256, or 128.
  static int64_t blockOf(OptimizerState state);
  /// Into how many parts a range is divided.
  int64_t parts() const { return state == OptimizerState::Int4 ? 2 : 1; }
  bool hasScales() const { return state != OptimizerState::Fp32 && state != OptimizerState::Bf16; }

  /// Declares the buffers of a state of `elements` elements and `blocks` blocks, at the builder's
  /// place.
  void declare(llvm::StringRef buffer, int64_t elements, int64_t blocks);
  LoadedState load(llvm::StringRef buffer, bool nonnegative, FlatRange range);
  /// Puts `values` in place of those that were loaded, unless `norm` is not finite. Answers the
  /// stores to the buffers that are to follow when all is computed.
  llvm::SmallVector<std::function<void()>> replace(const LoadedState &loaded, FlatRange range,
                                                   mlir::ValueRange values, mlir::Value norm);

private:
  template <typename OpTy, typename... Args> OpTy create(Args &&...args) {
    auto op = OpTy::create(builder, loc, std::forward<Args>(args)...);
    op->setAttr("scope", builder.getStringAttr("optimizer"));
    return op;
  }
  StateFormat format() const;
  mlir::Type codeType() const;
  /// Codes of a range: their first element in the buffer, and their type.
  int64_t codesBegin(FlatRange range) const { return range.begin / parts(); }
  mlir::RankedTensorType codesType(FlatRange range) const {
    return range.part(0, parts()).type(codeType());
  }

  mlir::OpBuilder &builder;
  mlir::Location loc;
  OptimizerState state;
};

} // namespace swamla
