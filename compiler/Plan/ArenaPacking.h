//===- ArenaPacking.h - offsets for pieces of memory with lifetimes -------===//
//
// Offline dynamic storage allocation: every piece's size and lifetime are
// known, pieces whose lifetimes meet must not overlap, the top must be low.
// The problem is NP-hard; the lower bound is the most bytes live at once.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>

namespace swamla {

struct ArenaPiece {
  int64_t bytes;
  int64_t first, last; ///< inclusive steps; two pieces meet if they share a step
  int64_t offset = 0;  ///< the answer
};

/// Every offset is a multiple of this: a cache line pair, and what BLAS and vector code like best.
inline constexpr int64_t kArenaAlignment = 256;

/// Sets the offsets and returns the top. Places the pieces one at a time, each in the gap that it
/// fills best, in several orders (by lifetime, by size, by time), and keeps the lowest
/// top; stops early at `lowerBound`. Deterministic.
int64_t packArena(llvm::MutableArrayRef<ArenaPiece> pieces, int64_t lowerBound);

} // namespace swamla
