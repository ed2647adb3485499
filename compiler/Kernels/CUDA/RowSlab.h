//===- RowSlab.h - where rows wait to be written as columns ---------------===//
//
// A transposed out wants its elements from many rows at once. The rows of a block
// leave them in shared memory, row by row, and when `slabRows` of them are there (a
// slab), the block writes columns of it: a thread reads words down a few columns
// and stores `bandRows` neighbours with one access.
//
// Bank conflicts, of 32 banks of 4 bytes: a warp writes pieces of 8 elements that lie side by
// side, 8 or 16 bytes a lane: none. (f32, 32 bytes a lane: two accesses, each with 2 lanes a bank.)
// A warp that reads has its lanes in all bands of 32 / bands neighbouring words: rows are a
// multiple of 8 words and so bands begin at the same bank, were it not for `skewWords` between
// them, which spreads them over all 32: none, up to 8 bands. Narrow rows, of which a block has 256
// at a time, make 16 bands of f8, or 32 of bf16: 2 or 4 lanes a bank.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cstdint>

namespace swamla {

/// The part of one transposed out in a slab.
struct RowSlab {
  unsigned out = 0;         ///< in RowKernelPlan::outs
  int64_t elementBytes = 1; ///< 1, 2 or 4
  int64_t rows = 1;         ///< of the slab
  /// Rows that one store takes, a power of two: 16 bytes where layout and alignment allow. 1 where
  /// fewer than 4 bytes do; then elements are written one by one.
  int64_t bandRows = 1;
  int64_t rowWords = 8;  ///< words of 4 bytes from row to row
  int64_t skewWords = 0; ///< what they are more from band to band

  RowSlab(unsigned out, int64_t elementBytes, int64_t rows, int64_t columns, int64_t bandRows);

  int64_t bands() const { return rows / bandRows; }
  int64_t elementsOfWord() const { return 4 / elementBytes; }
  int64_t bytes() const { return 4 * (rows * rowWords + bands() * skewWords); }
};

} // namespace swamla
