//===- RowKernelShape.h - how a row kernel's points are dealt to threads --===//
//
// A row is cut into chunks of `vec` neighbours along the last dim; a thread
// handles whole chunks. Which chunk of a row belongs to which thread, and so the
// order of every sum along a row, depends on the row's width alone: not on what
// else the kernel computes, nor on the number of rows.
//
//   Points   no sums: chunk after chunk, thread after thread.
//   Rows     `group` threads share a row, chunk k belongs to thread k % group;
//            a block handles `rowsPerBlock` rows at a time.
//   Columns  sums over rows only, or transposed outs: a block handles `group`
//            chunks side by side, `rowsPerBlock` rows at a time.
//
// Transposed outs: a block handles `slabRows` rows and then writes columns of them
// (RowSlab.h).
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Kernels/CUDA/CudaTarget.h"
#include "compiler/Kernels/CUDA/RowSlab.h"
#include "compiler/Kernels/RowKernelPlan.h"

namespace swamla {

struct RowKernelShape {
  enum class Kind { Points, Rows, Columns };
  Kind kind = Kind::Points;

  int64_t vec = 1;    ///< elements of a chunk: a power of two up to 8 that divides the last dim
  int64_t chunks = 1; ///< of a row
  int64_t rows = 1;   ///< of the domain, all row dims together

  int64_t group = 1;        ///< Rows: threads of a row; Columns: chunks side by side
  int64_t rowsPerBlock = 1; ///< Rows and Columns: rows that a block handles at a time
  int64_t perThread = 1;    ///< Rows: chunks of a thread; Points and Columns: 1
  /// Chunks (Points) or rows (Rows, Columns) that a thread handles at a time, so that enough loads
  /// are in flight.
  int64_t atOnce = 1;
  /// Rows: a thread has too many chunks for its registers and goes over the row once a pass.
  bool looped = false;

  /// Looped rows that are so long, and of which only sums are wanted, that several blocks share
  /// one: how many, and the chunks of each.
  int64_t splits = 1, splitChunks = 0;
  /// Columns: strips that a block goes over for the maxima of its rows, which `splits` blocks share
  /// (RowEmitterStrips.cpp); 0: a block has one strip.
  int64_t stripsOfBlock = 0;

  /// Rows (of all row dims) that one block handles because it computes their sums, or in one slab;
  /// 0 where there is neither.
  int64_t unitRows = 0;
  /// Whether the sums over a unit's rows are kept by the threads. Otherwise they live in the outs,
  /// to which the rows are added one after the other.
  bool sumsInRegisters = false;

  /// Rows and Columns: rows whose transposed results meet in shared memory, a multiple of
  /// rowsPerBlock * atOnce; 0 where there are none, or each is stored by itself. A unit may have
  /// several slabs, the last of them partly empty.
  int64_t slabRows = 0;
  llvm::SmallVector<RowSlab, 0> slabs; ///< of each transposed out

  /// How many neighbours along the first row dim come one after the other before the second
  /// row dim moves on.
  int64_t rowTile = 1;

  int64_t minBlocksPerSm = 0; ///< 0: no request; else it bounds the registers of a thread
  int64_t block = 256;        ///< threads
  int64_t blocks = 1;

  int64_t units() const { return (rows + unitRows - 1) / unitRows; }
  /// Columns: chunks side by side, of all blocks.
  int64_t strips() const { return (chunks + group - 1) / group; }
  int64_t warpsOfGroup() const { return (group + 31) / 32; }
  /// Groups that a warp holds.
  int64_t groupsOfWarp() const { return std::max<int64_t>(kWarpSize / group, 1); }

  static RowKernelShape choose(const RowKernelPlan &plan, const CudaTarget &target);
};

/// Parts of `choose`, for kernels with transposed outs (RowSlab.cpp). Without any sums: strips of
/// 128 columns. `loads`: 16-byte loads of a chunk; `enough`: blocks that fill the GPU.
void chooseStrips(const RowKernelPlan &plan, RowKernelShape &shape, int64_t loads, int64_t enough);
/// With maxima of rows that no element asks for: the same, and a block goes over several strips.
bool hasOnlyLateMaxima(const RowKernelPlan &plan);
void chooseStripsWithMaxima(const RowKernelPlan &plan, RowKernelShape &shape, int64_t loads,
                            int64_t enough);
/// With sums: the slab, where shared memory has room for one.
void chooseSlab(const RowKernelPlan &plan, RowKernelShape &shape, int64_t loads,
                const CudaTarget &target);

} // namespace swamla
