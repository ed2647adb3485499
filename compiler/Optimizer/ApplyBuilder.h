//===- ApplyBuilder.h - emits the bodies of @apply and @cast --------------===//
#pragma once

#include "compiler/Optimizer/FlatRanges.h"
#include "compiler/Optimizer/Passes.h"

#include "mlir/IR/Builders.h"

namespace swamla {

class ApplyBuilder {
public:
  ApplyBuilder(mlir::OpBuilder &builder, mlir::Location loc, OptimizerKind kind, bool keepGrads)
      : builder(builder), loc(loc), kind(kind), keepGrads(keepGrads),
        numberType(mlir::RankedTensorType::get({1}, builder.getF32Type())) {}

  /// Computes the norm of all gradients, and the factor that every gradient is multiplied by.
  /// `all` covers every parameter.
  ClipFactorOp buildClip(FlatRange all);
  /// One update of a range, and its working copy.
  void buildUpdate(FlatRange range, ClipFactorOp clip);
  /// Rounds a range of parameters to its working copy.
  void buildCast(FlatRange range);

private:
  template <typename OpTy, typename... Args> OpTy create(Args &&...args) {
    auto op = OpTy::create(builder, loc, std::forward<Args>(args)...);
    op->setAttr("scope", builder.getStringAttr("optimizer"));
    return op;
  }

  mlir::Value scalar(llvm::StringRef name) { return create<ScalarOp>(numberType, name); }
  /// The numbers of the optimizer's op.
  llvm::SmallVector<mlir::Value> scalars(ClipFactorOp clip);
  mlir::Value get(llvm::StringRef buffer, FlatRange range);
  /// The optimizer's states in the order of its op: "adamw.m", "adamw.v".
  llvm::ArrayRef<llvm::StringRef> stateBuffers() const;
  /// The op of the update: parameters, gradients unless they are kept, states.
  mlir::ValueRange createUpdate(FlatRange range, llvm::ArrayRef<mlir::Value> values,
                                mlir::ValueRange numbers);
  mlir::Value castToWorking(FlatRange range, mlir::Value params);

  mlir::OpBuilder &builder;
  mlir::Location loc;
  OptimizerKind kind;
  bool keepGrads;
  mlir::RankedTensorType numberType;
};

} // namespace swamla
