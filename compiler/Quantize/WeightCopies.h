//===- WeightCopies.h - fp8 copies of parameters --------------------------===//
#pragma once

#include "compiler/Quantize/ScalingAttrs.h"
#include "dialects/Swamla/IR/SwamlaDialect.h"

#include "mlir/IR/Builders.h"

namespace swamla {

/// A parameter or group that functions read as fp8: [offset, offset + N K) of the flat buffers.
struct QuantizedWeight {
  mlir::StringAttr name;
  mlir::RankedTensorType type; ///< N x K, f32
  int64_t offset, site;
  bool straight = false, transposed = false; ///< which copies are read
};

/// The weights that the functions of a module read as fp8, in the order of their sites. Fails, with
/// a diagnostic, where one has no place yet.
mlir::FailureOr<llvm::SmallVector<QuantizedWeight>> findQuantizedWeights(mlir::ModuleOp module);

/// Emits what makes the copies.
class WeightCopier {
public:
  WeightCopier(mlir::OpBuilder &builder, mlir::Location loc, const ScalingState &state)
      : builder(builder), loc(loc), state(state) {}

  /// The matrix, from the buffer `params`.
  mlir::Value read(const QuantizedWeight &weight);
  /// Makes the copies of `matrix` with the scale in the scaling state and stores its amaxes for the
  /// next one; with the recipe rowwise with the scales that its rows have.
  void copy(const QuantizedWeight &weight, mlir::Value matrix);
  /// Stores the amaxes of the matrix for updateScales; nothing with the recipe rowwise.
  void storeAmax(const QuantizedWeight &weight, mlir::Value matrix);
  /// Sets amaxes and history to `zeros` of what they are.
  void forget(llvm::function_ref<mlir::Value(mlir::Value)> zeros);
  /// Turns the amaxes of all sites into scales.
  void updateScales();

private:
  template <typename OpTy, typename... Args> OpTy create(Args &&...args) {
    auto op = OpTy::create(builder, loc, std::forward<Args>(args)...);
    op->setAttr("scope", builder.getStringAttr("optimizer"));
    return op;
  }
  mlir::RankedTensorType f32(llvm::ArrayRef<int64_t> shape) {
    return mlir::RankedTensorType::get(shape, builder.getF32Type());
  }
  mlir::Type format() { return builder.getType<mlir::Float8E4M3FNType>(); }
  unsigned historyLength() const { return state.recipe == Recipe::Delayed ? kHistoryLength : 0; }
  mlir::Value createAmax(const QuantizedWeight &weight, mlir::Value matrix);
  void copyWith(const QuantizedWeight &weight, mlir::Value matrix, mlir::Value scale);
  /// The first amax of a site's rows in the buffer `amax`.
  int64_t amaxOffset(const QuantizedWeight &weight) const { return weight.site * state.rows; }

  mlir::OpBuilder &builder;
  mlir::Location loc;
  const ScalingState &state;
};

} // namespace swamla
