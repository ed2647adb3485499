//===- ArenaPacking.cpp - offsets for pieces of memory with lifetimes -----===//
#include "compiler/Plan/ArenaPacking.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/MathExtras.h"

#include <limits>
#include <numeric>
#include <tuple>
#include <vector>

namespace swamla {

namespace {
int64_t alignedBytes(const ArenaPiece &piece) {
  return static_cast<int64_t>(llvm::alignTo(piece.bytes, kArenaAlignment));
}

/// The offset of the smallest gap between `placed` (by offset, all of them alive with the piece)
/// that takes the piece; above them if there is none.
int64_t bestGap(const std::vector<std::pair<int64_t, int64_t>> &placed, int64_t bytes) {
  int64_t best = -1, bestSlack = std::numeric_limits<int64_t>::max(), top = 0;
  for (auto [begin, end] : placed) {
    int64_t slack = begin - top - bytes;
    if (slack >= 0 && slack < bestSlack) {
      best = top;
      bestSlack = slack;
    }
    top = std::max(top, end);
  }
  return best >= 0 ? best : top;
}

/// Places the pieces in the order given; returns the top, or `limit` as soon as it is reached.
int64_t packInOrder(llvm::ArrayRef<ArenaPiece> pieces, llvm::ArrayRef<unsigned> order,
                    int64_t limit, std::vector<int64_t> &offsets) {
  std::vector<unsigned> byOffset; // of the pieces placed so far
  std::vector<std::pair<int64_t, int64_t>> meeting;
  int64_t top = 0;
  for (unsigned index : order) {
    const ArenaPiece &piece = pieces[index];
    meeting.clear();
    for (unsigned other : byOffset)
      if (pieces[other].first <= piece.last && piece.first <= pieces[other].last)
        meeting.emplace_back(offsets[other], offsets[other] + alignedBytes(pieces[other]));
    int64_t offset = bestGap(meeting, alignedBytes(piece));
    offsets[index] = offset;
    top = std::max(top, offset + alignedBytes(piece));
    if (top >= limit)
      return limit;
    auto above = llvm::upper_bound(
        byOffset, offset, [&](int64_t value, unsigned other) { return value < offsets[other]; });
    byOffset.insert(above, index);
  }
  return top;
}
} // namespace

int64_t packArena(llvm::MutableArrayRef<ArenaPiece> pieces, int64_t lowerBound) {
  using Key = std::tuple<int64_t, int64_t, unsigned>;
  auto byLifetime = [&](unsigned i) {
    return Key(pieces[i].first - pieces[i].last, -pieces[i].bytes, i);
  };
  auto bySize = [&](unsigned i) { return Key(-pieces[i].bytes, pieces[i].first, i); };
  auto byTime = [&](unsigned i) { return Key(pieces[i].first, -pieces[i].last, i); };
  const llvm::function_ref<Key(unsigned)> orders[] = {byLifetime, bySize, byTime};
  int64_t best = std::numeric_limits<int64_t>::max();
  std::vector<unsigned> order(pieces.size());
  std::vector<int64_t> offsets(pieces.size());
  for (llvm::function_ref<Key(unsigned)> key : orders) {
    std::iota(order.begin(), order.end(), 0U);
    llvm::sort(order, [&](unsigned a, unsigned b) { return key(a) < key(b); });
    int64_t top = packInOrder(pieces, order, best, offsets);
    if (top >= best)
      continue;
    best = top;
    for (auto [piece, offset] : llvm::zip_equal(pieces, offsets))
      piece.offset = offset;
    if (best <= lowerBound)
      break;
  }
  return pieces.empty() ? 0 : best;
}

} // namespace swamla
