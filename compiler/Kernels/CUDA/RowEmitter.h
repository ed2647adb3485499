//===- RowEmitter.h - writes the GPU code of one row kernel ---------------===//
//
// The code of one thread, straight-line wherever possible: the values of a row or
// of a chunk are computed when they are first asked for, and remembered in the
// row's or chunk's context.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Kernels/CUDA/CudaBuilder.h"
#include "compiler/Kernels/CUDA/RowKernelShape.h"

#include "llvm/ADT/SetVector.h"

namespace swamla {

/// A value at the columns of a chunk. Narrow floats are held as f32 (`lanes`), two in a word
/// (`pairs`, CudaBuilder::packPair), or both; whatever else, in `lanes` with its own type.
struct ChunkValue {
  llvm::SmallVector<mlir::Value> lanes, pairs;
  mlir::Type narrow; ///< of the elements in `pairs`
};

/// One row as a thread sees it.
struct RowContext {
  llvm::SmallVector<mlir::Value> dims; ///< position along the row dims, i32
  mlir::Value valid;                   ///< whether there is such a row; null: there is
  mlir::Value ofSlab;                  ///< its number within the slab, i32; null: there is none
  llvm::DenseMap<mlir::Value, mlir::Value> scalars;
  llvm::DenseMap<unsigned, mlir::Value> pointers; ///< of views, at column 0
};

/// One chunk of a row, number `first` + `shift`; for a picked column, a single element of it.
struct ChunkContext {
  RowContext *row = nullptr;
  mlir::Value first; ///< i32
  int64_t shift = 0;
  mlir::Value unclamped; ///< the number before it was brought into range; null: it was not
  int64_t vec = 1;       ///< its elements
  llvm::SmallVector<mlir::Value> columns; ///< position along the column dims, i32
  mlir::Value valid;                      ///< whether the row has such a chunk; null: it does
  bool isPick = false;                    ///< a single column that another thread may own
  llvm::DenseMap<mlir::Value, mlir::Value> scalars;
  llvm::DenseMap<mlir::Value, ChunkValue> values;
};

class RowEmitter {
public:
  RowEmitter(const RowKernelPlan &plan, const RowKernelShape &shape, mlir::OpBuilder &builder,
             const CudaTarget &target);

  mlir::LLVM::LLVMFuncOp build();

private:
  using Values = llvm::SmallVector<mlir::Value>;
  using Chunks = llvm::MutableArrayRef<ChunkContext>;
  using Out = RowKernelPlan::Out;
  using ChunkBody = llvm::function_ref<Values(Chunks, mlir::ValueRange)>;

  // Which thread does what: RowEmitter.cpp.
  GpuLaunch planLaunch();
  void emitPoints();
  void emitRows();
  /// All rows of a unit, `atOnce` of each thread at a time, and their sums.
  void emitUnit();
  /// The context of row `index` (i32 or i64), which is brought into range if `valid` is not null.
  RowContext rowAt(mlir::Value index, mlir::Value valid);
  /// Chunk `first` + `shift` of a row, brought into range where it may not be.
  ChunkContext chunkAt(RowContext &row, mlir::Value first, int64_t shift, bool mayBeOutside);
  /// The position along the column dims, i32, of a column's number.
  Values columnsAt(mlir::Value number);
  llvm::SmallVector<ChunkContext> chunksOfThread(RowContext &row);
  /// Rows that are only summed over: the thread's chunk of each of them.
  void emitColumns(llvm::MutableArrayRef<RowContext> rows, mlir::Value firstChunk, Values &sums);
  /// Rows whose chunks stay in registers; adds to the sums over rows.
  void emitRowsInRegisters(llvm::MutableArrayRef<RowContext> rows, mlir::Value iteration,
                           Values &sums);

  // Rows that are read again in every pass: RowEmitterLooped.cpp.
  void emitLoopedRow(RowContext &row, mlir::Value iteration);
  void emitLoopedPass(RowContext &row, unsigned pass, mlir::Value iteration);
  /// All of the thread's chunks, some at a time; `roots` are the values that the body computes.
  Values forChunks(RowContext &row, llvm::ArrayRef<mlir::Value> roots, mlir::ValueRange carried,
                   ChunkBody body);
  /// Lays out the shared memory that keeps what several passes read; the bytes.
  int64_t planCache(int64_t offset);

  // Rows that several blocks share: RowEmitterSplit.cpp.
  void emitSplitRow();
  /// Where a block of the row leaves its partial results: `sums` numbers.
  mlir::Value partialAt(mlir::Value row, mlir::Value split, int64_t sums);
  /// Whether this block is the last of its row to get here, for all of its threads.
  mlir::Value isLastOfRow(mlir::Value row);

  // Values: RowEmitterValues.cpp.
  mlir::Value scalar(RowContext &row, ChunkContext *chunk, mlir::Value value);
  ChunkValue &valueOf(ChunkContext &chunk, mlir::Value value);
  /// The elements, narrow floats as f32.
  Values lanesOf(ChunkContext &chunk, mlir::Value value);
  mlir::Value emitScalar(RowContext &row, ChunkContext *chunk, mlir::Value value);
  ChunkValue emitChunk(ChunkContext &chunk, mlir::Value value);
  ChunkValue emitElementwise(ChunkContext &chunk, mlir::OpResult result);
  Values emitRandom(const RowContext &row, const ChunkContext *chunk, RandomUniformOp random,
                    mlir::ValueRange keys);
  /// Loads the memory that `roots` need at a chunk.
  void prefetch(ChunkContext &chunk, llvm::ArrayRef<mlir::Value> roots);
  /// Computes what `roots` need of a row after `stage` passes.
  void materialise(RowContext &row, llvm::ArrayRef<mlir::Value> roots, unsigned stage);
  /// The block arguments that `roots` are computed from, reductions taken as known.
  llvm::SetVector<mlir::Value> leavesOf(llvm::ArrayRef<mlir::Value> roots) const;
  Values outValues(bool points) const;

  // Memory: RowEmitterMemory.cpp.
  void analyseAccesses();
  mlir::Value emitOffset(unsigned view, const RowContext &row, llvm::ArrayRef<mlir::Value> columns,
                         mlir::Value symbol);
  mlir::Value address(unsigned view, const RowContext &row, llvm::ArrayRef<mlir::Value> columns,
                      mlir::Value symbol);
  mlir::Value rowPointer(unsigned view, RowContext &row);
  mlir::Value chunkPointer(unsigned view, ChunkContext &chunk);
  mlir::Value cachePointer(unsigned view, ChunkContext &chunk);
  ChunkValue loadChunk(unsigned view, ChunkContext &chunk);
  /// Keeps what this pass is the first to load of a looped row's chunk.
  void fillCache(ChunkContext &chunk, llvm::ArrayRef<mlir::Value> leaves);
  ChunkValue gatherChunk(unsigned view, ChunkContext &chunk);
  ChunkValue loadVector(mlir::Type element, mlir::Value pointer, int64_t vec, int64_t accessBytes,
                        bool readOnly);
  void storeVector(mlir::Type element, ChunkValue &value, mlir::Value pointer, int64_t vec,
                   int64_t accessBytes);
  void fillLanes(ChunkValue &value);
  void fillPairs(ChunkValue &value, mlir::Type element);
  /// Runs `body` where all conditions hold; null ones do.
  void whenAll(llvm::ArrayRef<mlir::Value> conditions, llvm::function_ref<void()> body);

  // Sums along rows: RowEmitterReduce.cpp.
  static ReduceKind kindOf(ReduceRowOp reduction);
  /// The reductions of a pass, apart from picks.
  llvm::SmallVector<ReduceRowOp> sumsOf(unsigned pass) const;
  Values startPartials(unsigned pass);
  void addChunk(llvm::MutableArrayRef<mlir::Value> partials, unsigned pass, ChunkContext &chunk);
  /// Combines the threads' partial results, `partials[row]`, and makes them known to the rows.
  void finishPass(unsigned pass, llvm::MutableArrayRef<RowContext> rows,
                  llvm::ArrayRef<Values> partials, mlir::Value iteration);
  Values reduceInGroup(unsigned pass, Values values, llvm::ArrayRef<ReduceKind> kinds,
                       mlir::Value iteration);
  /// Bytes of shared memory that the passes use to combine partial results of warps.
  int64_t planPassScratch();
  void pickColumns(unsigned pass, RowContext &row);
  /// What a reduction that adds one column to zeros picks: the column's number, and its value.
  struct Pick {
    mlir::Value column, value;
  };
  std::optional<Pick> pickOf(ReduceRowOp reduction) const;
  void groupBarrier();

  // Transposed rows and their maxima: RowEmitterStrips.cpp.
  void emitStrips();
  /// One strip of the rows: stores it, and returns the maxima that `soFar` are until then.
  Values emitStrip(llvm::MutableArrayRef<RowContext> rows, mlir::Value firstChunk,
                   llvm::ArrayRef<mlir::Value> roots, mlir::ValueRange soFar);
  void finishStrips(mlir::Value unit, mlir::Value split, llvm::MutableArrayRef<RowContext> rows,
                    llvm::ArrayRef<mlir::Value> partials);

  // Transposed outs: RowEmitterSlab.cpp.
  /// Lays out the shared memory of the slab from `offset` on; the bytes.
  int64_t planSlab(int64_t offset);
  /// The rounds over a unit's rows, slab after slab: `round(number, number within the slab, sums)`.
  Values emitSlabs(mlir::Value firstChunk, mlir::ValueRange sums,
                   llvm::function_ref<Values(mlir::Value, mlir::Value, mlir::ValueRange)> round);
  void storeTransposed(const Out &out, ChunkContext &chunk);
  void storeOneByOne(const Out &out, ChunkContext &chunk);
  /// Words of 4 bytes from the slab's begin to a band.
  mlir::Value bandOffset(const RowSlab &slab, mlir::Value band);
  /// Writes the slabs to memory, from row `firstRow` of the unit on.
  void writeSlabs(mlir::Value firstRow, mlir::Value firstChunk);
  /// Slabs `first` to `end` - 1, of outs that are written in the same way.
  void writeAlike(size_t first, size_t end, mlir::Value firstRow, mlir::Value firstChunk);
  /// Writes the columns from number `column` on that `words`, one from each row of a band, hold, to
  /// the out at `memory`.
  void writeColumns(const RowSlab &slab, mlir::Value memory, RowContext &row, mlir::Value column,
                    llvm::ArrayRef<mlir::Value> words);

  // Outs: RowEmitterOuts.cpp.
  void storeRowOuts(RowContext &row);
  void storeChunk(ChunkContext &chunk);
  mlir::Value startOfSum(const Out &out, const RowContext &row, mlir::Value held);
  /// Whether the out's sum over rows is kept by the threads.
  bool isKept(const Out &out) const { return out.reduces && shape.sumsInRegisters; }
  Values startSums();
  void addToSums(Values &sums, RowContext &row, Chunks chunks);
  /// Adds up the sums of all groups of the block and writes them to the outs of `row`; the block's
  /// chunks begin with number `firstChunk` (null: 0).
  void writeSums(llvm::ArrayRef<mlir::Value> sums, RowContext &row, mlir::Value firstChunk);
  /// How many parts of an out's sum meet in shared memory: those of warps, or of groups.
  int64_t partsOfChunkSum(const Out &out) const;
  void writeRowSum(const Out &out, mlir::Value sum, RowContext &row);
  void writeChunkSums(const Out &out, llvm::ArrayRef<mlir::Value> sums, RowContext &row,
                      mlir::Value firstChunk);

  const RowKernelPlan &plan;
  const RowKernelShape &shape;
  step::RowKernelOp op;
  CudaBuilder b;

  /// How a view may be accessed.
  struct Access {
    int64_t bytes = 1;      ///< of one access to a chunk
    bool readOnly = false;  ///< no out lies where it does
    bool wide = false;      ///< offsets need 64 bits
    int64_t cache = -1;     ///< where a looped row keeps its elements in shared memory, or -1
    unsigned firstPass = 0; ///< the pass that fills the cache
  };
  llvm::SmallVector<Access> accesses;
  llvm::SmallVector<int64_t> passScratch; ///< where each pass combines partial results
  int64_t scratchParity = 0; ///< bytes between the scratch of odd and of even iterations; 0: same
  llvm::SmallVector<int64_t> slabsAt; ///< where each of the shape's slabs lies in shared memory
  mlir::Value unitRow;                ///< the first row of the block's unit
  int64_t ticketAt = 0;               ///< shared memory: whether the block is the last of its row
  unsigned currentPass = 0;           ///< of a looped row
  mlir::Value firstChunk; ///< of the block's part of a looped row; null: it has all of it
  mlir::Value member;     ///< the thread's number in its group, i32
  mlir::Value group;      ///< the group's number in its block, i32
};

} // namespace swamla
