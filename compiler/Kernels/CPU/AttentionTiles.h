//===- AttentionTiles.h - the parts that attention kernels are made of ----===//
//
// Shapes and masks of an attention kernel, and the code that both directions
// share: packing of tiles, small matrix products in registers, transposition.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Kernels/CPU/KernelBuilder.h"
#include "dialects/Step/IR/StepDialect.h"

namespace swamla {

/// The sizes of an attention kernel. Query i sees key j if j <= i and, with a window,
/// i - j <= window or j < sink.
struct AttentionGeometry {
  bool narrow; ///< views are bf16, except lse and delta
  int64_t batch, seq, heads, kvHeads;
  int64_t qkWidth, sharedWidth, vWidth; ///< qkWidth counts the shared key columns, too
  double scale;
  std::optional<int64_t> window; ///< absent where it hides nothing
  int64_t sink;                  ///< 0 without window
  int64_t blockQ;                ///< queries of a block, a multiple of blockColumns
  int64_t blockColumns;          ///< queries that are worked on at once: the width of a score tile
  int64_t blockK;                ///< keys of a tile, a multiple of blockRows
  int64_t blockRows;             ///< rows that a matrix product keeps in registers

  int64_t ownWidth() const { return qkWidth - sharedWidth; }
  int64_t groupSize() const { return heads / kvHeads; } ///< query heads that share a KV head
  int64_t blocksQ() const { return (seq + blockQ - 1) / blockQ; }
};

/// The sizes of a verified op, and blocks to suit them and the target.
AttentionGeometry attentionGeometry(step::AttentionKernelOp op, const CpuTarget &target);
AttentionGeometry attentionGeometry(step::AttentionGradKernelOp op, const CpuTarget &target);

/// Keys [begin, end) of one sequence, at most blockK of them.
struct KeyTile {
  mlir::Value begin, end;
};

/// The rows [begin, end) of a key tile that a score tile covers, and whether its mask hides any
/// pair of them (an i1).
struct ScoreRows {
  mlir::Value begin, end, masked;
};

/// C[r, c] = init + sum over k < depth of A[r, k] B[k, c]. Columns of B and C are contiguous.
/// Strides are in elements.
struct TileProduct {
  mlir::Value a;
  int64_t aRow, aDepth;
  mlir::Value b;
  int64_t bDepth;
  mlir::Value c;
  int64_t cRow;
  mlir::Value depth;
  bool accumulate = false;       ///< init is C (else 0) ...
  mlir::ValueRange rescale = {}; ///< ... times these, one vector for each vector of columns
};

/// What to do with the rows that are left over where their number is no multiple of blockRows.
enum class RowTail {
  Overshoot, ///< compute whole blocks: A can be read and C written beyond the end
  Exact      ///< one at a time
};

class TileBuilder : public KernelBuilder {
public:
  TileBuilder(mlir::Location loc, mlir::OpBuilder &builder, const CpuTarget &target,
              const AttentionGeometry &geometry)
      : KernelBuilder(loc, builder, target), geometry(geometry) {}

  const AttentionGeometry geometry;
  /// Vectors of columns that a matrix product keeps in registers.
  static constexpr int64_t vectorsPerBlock = 2;

  /// A piece of the thread's scratch memory for `count` f32, at a multiple of a cache line from its
  /// begin. The sum of the pieces is the kernel's step.scratch_bytes.
  mlir::Value takeScratch(int64_t count);

  // Arithmetic and addresses; everything here is f32 and i64, except the views' elements in memory.
  mlir::Value at(mlir::Value base, mlir::Value offset) {
    return pointer(base, getF32Type(), offset);
  }
  mlir::Value at(mlir::Value base, int64_t offset) { return at(base, i64(offset)); }
  mlir::Type elementType() {
    return geometry.narrow ? mlir::Type(getBF16Type()) : mlir::Type(getF32Type());
  }
  mlir::Value viewAt(mlir::Value base, mlir::Value offset) {
    return pointer(base, elementType(), offset);
  }
  /// Reads elements of a view as f32, and writes f32 to it, rounded.
  mlir::Value loadView(mlir::Value pointer, mlir::Value mask);
  void storeView(mlir::Value vector, mlir::Value pointer, mlir::Value mask);
  /// A value rounded as one that goes through memory of the views' type: the operands of the second
  /// products are, on every target.
  mlir::Value rounded(mlir::Value vector);
  /// The first element of a row and head of a view.
  mlir::Value headAt(mlir::Value base, step::HeadsAttr layout, mlir::Value row, mlir::Value head);
  mlir::Value loadFloats(mlir::Value base, int64_t vector) {
    return loadVector(getF32Type(), at(base, vector * lanes()));
  }
  void storeFloats(mlir::Value value, mlir::Value base, int64_t vector) {
    storeVector(value, at(base, vector * lanes()));
  }
  mlir::Value floats(double value) { return constant(vectorOf(getF32Type()), value); }
  mlir::Value sub(mlir::Value lhs, mlir::Value rhs) {
    return createOrFold<mlir::arith::SubIOp>(lhs, rhs);
  }
  mlir::Value smaller(mlir::Value lhs, mlir::Value rhs) {
    return createOrFold<mlir::arith::MinSIOp>(lhs, rhs);
  }
  mlir::Value larger(mlir::Value lhs, mlir::Value rhs) {
    return createOrFold<mlir::arith::MaxSIOp>(lhs, rhs);
  }
  mlir::Value isLess(mlir::Value lhs, mlir::Value rhs);
  /// Rounds down to a multiple of blockRows.
  mlir::Value wholeRows(mlir::Value rows);
  mlir::Value divide(mlir::Value value, int64_t divisor);
  mlir::Value remainder(mlir::Value value, int64_t divisor);
  /// lhs * rhs + sum, in one rounding where the target has an instruction for it.
  mlir::Value multiplyAdd(mlir::Value lhs, mlir::Value rhs, mlir::Value sum);
  void ifThen(mlir::Value condition, llvm::function_ref<void()> body);

  // Masks (AttentionMask.cpp).
  /// Visits every key tile that some query of the block [query, query + blockQ) sees, once.
  void forKeyTiles(mlir::Value query, llvm::function_ref<void(KeyTile)> body);
  /// What the queries [query, query + blockColumns) see of a tile; empty if end <= begin.
  ScoreRows scoreRows(KeyTile tile, mlir::Value query);
  /// Sets the hidden entries of a score tile to -infinity.
  void maskScores(mlir::Value scores, ScoreRows rows, KeyTile tile, mlir::Value query);

  // Moving tiles. Source and target do not overlap.
  /// Copies `rows` rows of `width` columns of a view.
  void copyRows(mlir::Value from, int64_t fromStride, mlir::Value to, int64_t toStride,
                mlir::Value rows, int64_t width);
  /// The same from f32 to a view.
  void copyRowsToView(mlir::Value from, int64_t fromStride, mlir::Value to, int64_t toStride,
                      mlir::Value rows, int64_t width);
  /// to[c, r] = factor * from[min(r, rows - 1), c] for r < blockQ, c < width; from is a view, to
  /// has row stride blockQ.
  void packTransposed(mlir::Value from, int64_t fromStride, mlir::Value to, mlir::Value rows,
                      int64_t width, double factor);
  /// to[r, c] = factor[r] * from[c, r] for r < rows, c < width; from has row stride blockQ, to is a
  /// view, and a null factor is 1.
  void unpackTransposed(mlir::Value from, mlir::Value to, int64_t toStride, mlir::Value rows,
                        int64_t width, mlir::Value factor);
  /// to[r] = from[min(r, rows - 1)] for r < blockQ.
  void extend(mlir::Value from, mlir::Value to, mlir::Value rows);
  void fillZero(mlir::Value to, int64_t stride, int64_t rows, int64_t width);
  /// Copies a tile's keys from views: their own columns, then the shared ones where there are any.
  void packKeys(mlir::Value own, int64_t ownStride, mlir::Value shared, int64_t sharedStride,
                mlir::Value to, KeyTile tile);

  // Products.
  /// A tile product of a fixed number of rows.
  void product(const TileProduct &p, int64_t rows, int64_t columns);
  /// A tile product of a number of rows known at run time.
  void product(const TileProduct &p, mlir::Value rows, RowTail tail, int64_t columns);

private:
  int64_t scratchFloats = 0;

  using ColumnsBody =
      llvm::function_ref<void(mlir::Value column, int64_t vectors, int64_t lastLanes)>;
  /// Cuts `columns` into blocks of `perBlock` vectors; only the last vector may be partly used.
  void forColumns(int64_t columns, int64_t perBlock, ColumnsBody body);
  void microkernel(TileProduct p, int64_t rows, int64_t vectors, int64_t lastLanes);
  void productColumns(const TileProduct &p, mlir::Value row, int64_t rows, int64_t columns);
  llvm::SmallVector<mlir::Value> transpose(llvm::SmallVector<mlir::Value> rows);
};

} // namespace swamla
