//===- RowKernelEmitter.h - writes the code of one row kernel -------------===//
#pragma once

#include "compiler/Kernels/CPU/KernelBuilder.h"
#include "compiler/Kernels/RowKernelPlan.h"

namespace swamla {

class RowKernelEmitter {
public:
  RowKernelEmitter(const RowKernelPlan &plan, mlir::OpBuilder &builder, const CpuTarget &target)
      : plan(plan), op(plan.op), b(op.getLoc(), builder, target), dims(plan.numDims()) {}

  mlir::func::FuncOp build();

private:
  using Values = llvm::SmallVector<mlir::Value>;
  using InnerLoops = llvm::function_ref<Values(mlir::ValueRange)>;

  // Loops: RowKernel.cpp.
  void emitRowLoops(unsigned dim);
  void emitRow();
  /// The loops over the column dims from `dim` on, except the last, around `inner`; `roots` are the
  /// values that inner computes, `stage` the passes that are over.
  Values emitColumnLoops(unsigned dim, mlir::ValueRange roots, unsigned stage,
                         mlir::ValueRange carried, InnerLoops inner);

  // Results: RowKernelOuts.cpp.
  void emitRowOuts();
  void emitPointPass();
  void writePoints();
  /// What an out starts from at this row: what it holds, or zero at the first row of a sum. Null if
  /// the out is simply overwritten.
  mlir::Value initialValue(const RowKernelPlan::Out &out, mlir::Value held);
  mlir::Value isFirstOfSum(const RowKernelPlan::Out &out);

  // Reductions: RowKernelReduction.cpp.
  void emitReductionPass(unsigned pass);
  Values emitReductionLoops(llvm::ArrayRef<ReduceRowOp> reductions, mlir::ValueRange carried);
  /// One step: adds the vector at column `column` into slot `slot` of each reduction.
  void reduceVector(llvm::ArrayRef<ReduceRowOp> reductions, Values &slots, unsigned slot,
                    mlir::Value column, mlir::Value mask);
  mlir::Value foldSlots(ReduceRowOp reduction, mlir::ValueRange slots);

  // Values: RowKernelValues.cpp.
  /// Computes, as scalars here, the values that `roots` need and that depend on nothing beyond
  /// `level` and on no pass after `stage`.
  void materialise(mlir::ValueRange roots, unsigned level, unsigned stage);
  mlir::Value scalar(mlir::Value value);
  /// The value's `lanes` elements from the current column on.
  mlir::Value vector(mlir::Value value);
  mlir::Value emitScalar(mlir::Value value);
  mlir::Value emitVector(mlir::Value value);
  mlir::Value cloneOf(mlir::Value value, bool asVector);
  mlir::Value lookup(mlir::Value value);
  void setColumn(mlir::Value column, mlir::Value mask);

  // Addresses: RowKernelValues.cpp.
  mlir::Value emitOffset(mlir::AffineExpr expr, mlir::Value symbol);
  mlir::Value emitVectorOffset(mlir::AffineExpr expr, mlir::Value symbol);
  /// Address of a view's element at the current row and, along the last dim, column 0.
  mlir::Value rowPointer(unsigned view);
  void preparePointers(mlir::ValueRange roots);
  mlir::Value columnPointer(unsigned view);
  mlir::Value gatherVector(unsigned view);

  // The generator: RowKernelRandom.cpp.
  mlir::Value emitRandom(RandomUniformOp random, mlir::Value key);
  mlir::Value linearIndex();

  const RowKernelPlan &plan;
  step::RowKernelOp op;
  KernelBuilder b;
  Values bases;     ///< address of each view
  Values dims;      ///< current position, i64; the last is the first column of the vector
  mlir::Value mask; ///< of the current vector; null: all lanes
  /// Scalars known here, one map for each enclosing loop.
  llvm::SmallVector<llvm::DenseMap<mlir::Value, mlir::Value>> scopes;
  /// Vectors at the current column.
  llvm::DenseMap<mlir::Value, mlir::Value> vectors;
  /// Row addresses of views in the current innermost loop.
  llvm::DenseMap<unsigned, mlir::Value> pointers;
};

} // namespace swamla
