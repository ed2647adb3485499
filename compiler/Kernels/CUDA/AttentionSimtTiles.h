//===- AttentionSimtTiles.h - tiles and products of SIMT attention --------===//
//
// A thread block of 16 x 16 threads owns 64 rows (queries or keys of one head) and
// streams tiles of 64 rows of the other kind. Thread (y, x) computes rows
// 4y .. 4y+3 of
//
//   scores [64, 64]: columns x, x+16, x+32, x+48
//   results [64, 64 G]: columns 64g + 4x .. 64g + 4x + 3 for each group g < G
//
// Both products read f32 copies of their operands in shared memory, 16 bytes at a
// time along the depth (scores) or along the columns (results), without bank
// conflicts; the scores' depth and the results' depth arrive in chunks, so that
// shared memory does not depend on the widths.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Kernels/CUDA/AttentionSizes.h"
#include "compiler/Kernels/CUDA/CudaBuilder.h"
#include "compiler/Kernels/CUDA/GpuKernel.h"

namespace swamla {

/// Some columns of each head of a matrix.
struct SimtColumns {
  unsigned view;
  step::HeadsAttr layout;
  int64_t first, width; ///< columns within the head
};

/// Where the columns of one head lie: the address of the first one in row 0 of the sequence.
struct SimtHead {
  mlir::Value base;   ///< !llvm.ptr<1>
  mlir::Value stride; ///< i64, elements from row to row
  mlir::Value width;  ///< i32; columns from there on read as zero
  bool wide;          ///< whether four elements can be accessed at once
};

/// Up to 64 columns of the results: where their factors are read, and where they go.
struct SimtGroup {
  SimtHead source, target;
};

class SimtTiles : public CudaBuilder {
public:
  static constexpr int64_t kRows = 64;     ///< of a block, and of a streamed tile
  static constexpr int64_t kThreads = 256; ///< 16 x 16
  static constexpr int64_t kMaxGroups = 4; ///< of 64 result columns: 64 registers a thread

  SimtTiles(mlir::Location loc, mlir::OpBuilder &builder, const CudaTarget &target,
            mlir::Operation *op, mlir::Type element, const AttentionSizes &sizes)
      : CudaBuilder(loc, builder, target), sizes(sizes), op(op), element(element) {}

  /// Bytes of shared memory for results of `groups` groups.
  static int64_t sharedBytes(int64_t groups);

  const AttentionSizes sizes;

  /// Creates the kernel's function with one parameter for each of the op's `views`, and computes
  /// what every thread needs.
  GpuKernel begin(llvm::StringRef name, llvm::ArrayRef<unsigned> views, int64_t blocks,
                  int64_t groups, int64_t blocksPerSm);

  // Where this thread's part of a tile lies (i32).
  mlir::Value x, y;
  /// First row of this thread's four: 4y.
  mlir::Value row0;

  /// Whether four elements of these columns can be accessed at once.
  bool isWide(const SimtColumns &columns) const;
  /// A head's columns; sequence (which one of the batch) and head are i32.
  SimtHead headOf(const SimtColumns &columns, mlir::Value sequence, mlir::Value head);
  SimtHead select(mlir::Value condition, const SimtHead &yes, const SimtHead &no);
  using CudaBuilder::select;
  /// Where a view of statistics (f32 [heads, batch * seq]) holds those of a sequence and head.
  mlir::Value statisticsOf(unsigned view, int64_t stride, mlir::Value sequence, mlir::Value head);
  /// The statistic of a row of the sequence, or 0 if there is no such row.
  mlir::Value loadStatistic(mlir::Value base, mlir::Value row);
  void storeStatistic(mlir::Value value, mlir::Value base, mlir::Value row);

  /// Whether the sequence has such a row.
  mlir::Value isRow(mlir::Value row) { return lessThan(row, sizes.seq); }

  /// The 16 products of this thread, row-major: [r][j] is the sum over c of
  /// a[rowsAt + 4y + r, c] b[columnsAt + x + 16j, c]. a and b pair up and have the same `widths`.
  llvm::SmallVector<mlir::Value> scores(llvm::ArrayRef<SimtHead> a, mlir::Value rowsAt,
                                        llvm::ArrayRef<SimtHead> b, mlir::Value columnsAt,
                                        llvm::ArrayRef<int64_t> widths);

  /// Puts this thread's 16 scores where addResults reads them, and takes them back: shared memory
  /// holds them while another product needs the registers. Not before a call of `scores`.
  void putScores(llvm::ArrayRef<mlir::Value> scores);
  llvm::SmallVector<mlir::Value> takeScores();

  /// results[g][r][i] += sum over s < 64 of scores[4y + r, s] source_g[columnsAt + s, 4x + i],
  /// with the scores that were put last.
  llvm::SmallVector<mlir::Value>
  addResults(mlir::ValueRange results, llvm::ArrayRef<SimtGroup> groups, mlir::Value columnsAt);

  /// target_g[rowsAt + 4y + r, 4x + i] = factor[r] * results[g][r][i].
  void storeResults(mlir::ValueRange results, llvm::ArrayRef<mlir::Value> factors,
                    llvm::ArrayRef<SimtGroup> groups, mlir::Value rowsAt);

private:
  using Values = llvm::SmallVector<mlir::Value>;

  mlir::Value viewOf(unsigned view);
  /// Four elements at columns column .. column + 3 of a row; zero where there is none.
  Values loadFour(const SimtHead &head, mlir::Value row, mlir::Value column);
  mlir::Value scorePlace(int64_t r, int64_t j);
  Values readFour(mlir::Value base, mlir::Value offset);
  void writeFour(mlir::ValueRange values, mlir::Value base, mlir::Value offset);
  /// Adds the products of `quads` times four columns of the chunks in shared memory.
  Values addChunk(mlir::Value quads, mlir::ValueRange sums);
  /// Adds the products of 16 rows of the source chunk, those of scores from column `first` on.
  Values addSourceChunk(mlir::Value first, mlir::ValueRange results, size_t groups);

  mlir::Operation *op;
  mlir::Type element;
  llvm::SmallVector<unsigned> parameters; ///< the op's views that the function takes
  mlir::Value aTile, bTile, scoreTile, sourceTile;
};

} // namespace swamla
