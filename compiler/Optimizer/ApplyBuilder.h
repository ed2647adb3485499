//===- ApplyBuilder.h - emits the bodies of @apply and @cast --------------===//
#pragma once

#include "compiler/Optimizer/FlatRanges.h"
#include "compiler/Optimizer/Passes.h"
#include "compiler/Optimizer/StateBuffers.h"

#include "mlir/IR/Builders.h"

namespace swamla {

/// What an optimizer is made of.
struct OptimizerConfig {
  OptimizerKind kind;
  OptimizerState state;
  bool keepGrads; ///< gradients are not left zero
};

class ApplyBuilder {
public:
  ApplyBuilder(mlir::OpBuilder &builder, mlir::Location loc, const OptimizerConfig &config)
      : builder(builder), loc(loc), config(config), states(builder, loc, config.state),
        numberType(mlir::RankedTensorType::get({1}, builder.getF32Type())) {}

  /// `copier` makes the copies of the fp8 weights that ranges are; null where none is.
  void setCopier(WeightCopier *newCopier, llvm::ArrayRef<QuantizedWeight> newWeights) {
    copier = newCopier;
    weights = newWeights;
  }
  /// Declares the buffers of all states, for parameters of `elements` elements in `blocks` rows.
  void declareStates(int64_t elements, int64_t blocks);
  /// Computes the norm of all gradients, and the factor that every gradient is multiplied by.
  /// `all` covers every parameter.
  ClipFactorOp buildClip(FlatRange all);
  /// One update of a range, and its working copies.
  void buildUpdate(FlatRange range, ClipFactorOp clip);
  /// Rounds a range of parameters to its working copy.
  void buildCast(FlatRange range);

private:
  /// A state of the optimizer: its buffer, "adamw.m", and whether its values have no sign.
  struct State {
    llvm::StringRef buffer;
    bool nonnegative;
  };

  template <typename OpTy, typename... Args> OpTy create(Args &&...args) {
    auto op = OpTy::create(builder, loc, std::forward<Args>(args)...);
    op->setAttr("scope", builder.getStringAttr("optimizer"));
    return op;
  }

  mlir::Value scalar(llvm::StringRef name) { return create<ScalarOp>(numberType, name); }
  /// The numbers of the optimizer's op.
  llvm::SmallVector<mlir::Value> scalars(ClipFactorOp clip);
  mlir::Value get(llvm::StringRef buffer, FlatRange range);
  /// The states in the order of the optimizer's op.
  llvm::ArrayRef<State> allStates() const;
  /// The op of the update: parameters, gradients unless they are kept, states.
  mlir::ValueRange createUpdate(FlatRange range, llvm::ArrayRef<mlir::Value> values,
                                mlir::ValueRange numbers);
  mlir::Value castToWorking(FlatRange range, mlir::Value params);

  mlir::OpBuilder &builder;
  mlir::Location loc;
  OptimizerConfig config;
  StateBuffers states;
  WeightCopier *copier = nullptr;
  llvm::ArrayRef<QuantizedWeight> weights;
  mlir::RankedTensorType numberType;
};

} // namespace swamla
