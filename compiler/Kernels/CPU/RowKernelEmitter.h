//===- RowKernelEmitter.h - writes the code of one row kernel -------------===//
#pragma once

#include "compiler/Kernels/CPU/KernelBuilder.h"
#include "compiler/Kernels/RowKernelPlan.h"

#include "llvm/ADT/MapVector.h"

namespace swamla {

class RowKernelEmitter {
public:
  RowKernelEmitter(const RowKernelPlan &plan, mlir::OpBuilder &builder, const CpuTarget &target)
      : plan(plan), op(plan.op), b(op.getLoc(), builder, target), dims(plan.numDims()),
        rowsOfTiles(plan.numDims()) {}

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

  // Transposed outs: RowKernelTranspose.cpp.
  /// Rows of a transposed out that wait in scratch memory for their turn.
  struct Tile {
    int64_t base = 0;   ///< in scratch, bytes
    int64_t width = 0;  ///< of the last dim, rounded up to whole vectors
    int64_t pitch = 0;  ///< from row to row, elements
    mlir::Type element; ///< the bits of an element, an integer
  };
  /// Decides about the tiles; returns the scratch bytes that they need.
  int64_t planTiles();
  bool isTiled(unsigned dim) const;
  /// The loop over a row dim along which an out is transposed.
  void emitTiledRows(unsigned dim, mlir::Value from, mlir::Value to);
  /// Address of the tile's element in row `row`, at the current position of the dims further in and
  /// column 0.
  mlir::Value tilePointer(unsigned view, mlir::Value row);
  void emitTile(const RowKernelPlan::Out &out, mlir::Value rows);
  /// The loops from `dim` on that write a tile; `rows` is null for a whole one.
  void emitTileLoops(const RowKernelPlan::Out &out, unsigned dim, mlir::Value rows);
  void copyColumn(const RowKernelPlan::Out &out, mlir::Value column, mlir::Value rows);
  void copyColumns(const RowKernelPlan::Out &out, mlir::Value column, int64_t count);
  Values transposeSquare(Values rows);

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
  Values bases; ///< address of each view
  Values dims;  ///< current position, i64; the last is the first column of the vector
  llvm::MapVector<unsigned, Tile> tiles; ///< by view
  int64_t tileRows = 0;                  ///< of every tile
  Values rowsOfTiles;                    ///< current row of the tiles of a dim
  mlir::Value mask;                      ///< of the current vector; null: all lanes
  /// Scalars known here, one map for each enclosing loop.
  llvm::SmallVector<llvm::DenseMap<mlir::Value, mlir::Value>> scopes;
  /// Vectors at the current column.
  llvm::DenseMap<mlir::Value, mlir::Value> vectors;
  /// Row addresses of views in the current innermost loop.
  llvm::DenseMap<unsigned, mlir::Value> pointers;
};

} // namespace swamla
