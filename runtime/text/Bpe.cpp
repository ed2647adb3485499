//===- Bpe.cpp - byte pair encoding of one piece --------------------------===//

#include "runtime/text/Bpe.h"

#include <algorithm>
#include <array>
#include <functional>

namespace swamla {

/// Up to this many bytes, looking at all pairs for each merge is faster than a heap.
static constexpr size_t kShortBytes = 64;

size_t Bpe::encode(std::string_view piece, TokenId *out) {
  if (piece.size() == 1) {
    *out = vocabulary.ofByte(static_cast<uint8_t>(piece.front()));
    return 1;
  }
  return piece.size() <= kShortBytes ? encodeShort(piece, out) : encodeLong(piece, out);
}

size_t Bpe::encodeShort(std::string_view piece, TokenId *out) {
  std::array<MergeTable::Found, kShortBytes> pairs; // of token i and the one behind it
  size_t count = piece.size();
  for (size_t i = 0; i < count; ++i)
    out[i] = vocabulary.ofByte(static_cast<uint8_t>(piece[i]));
  for (size_t i = 0; i + 1 < count; ++i)
    pairs[i] = table.find(out[i], out[i + 1]);
  while (count > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < count; ++i)
      if (pairs[i].rank < pairs[best].rank)
        best = i;
    if (pairs[best].rank == MergeTable::kNoMerge)
      break;
    out[best] = pairs[best].result;
    std::copy(out + best + 2, out + count, out + best + 1);
    std::copy(pairs.begin() + best + 1, pairs.begin() + count - 1, pairs.begin() + best);
    --count;
    if (best + 1 < count)
      pairs[best] = table.find(out[best], out[best + 1]);
    if (best > 0)
      pairs[best - 1] = table.find(out[best - 1], out[best]);
  }
  return count;
}

/// Puts the pair of the token at `left` and the next one on the heap if it has a merge.
void Bpe::push(int32_t left) {
  int32_t right = left < 0 ? -1 : nodes[left].next;
  if (right < 0)
    return;
  auto found = table.find(nodes[left].token, nodes[right].token);
  if (found.rank == MergeTable::kNoMerge)
    return;
  heap.push_back(uint64_t{found.rank} << 32 | static_cast<uint32_t>(left));
  std::ranges::push_heap(heap, std::greater());
}

size_t Bpe::encodeLong(std::string_view piece, TokenId *out) {
  auto count = static_cast<int32_t>(piece.size());
  nodes.resize(piece.size());
  for (int32_t i = 0; i < count; ++i)
    nodes[i] = {i - 1, i + 1 < count ? i + 1 : -1,
                vocabulary.ofByte(static_cast<uint8_t>(piece[i])), true};
  heap.clear();
  for (int32_t i = 0; i < count; ++i)
    push(i);
  while (!heap.empty()) {
    std::ranges::pop_heap(heap, std::greater());
    uint64_t top = heap.back();
    heap.pop_back();
    auto left = static_cast<int32_t>(static_cast<uint32_t>(top));
    Node &node = nodes[left];
    if (!node.alive || node.next < 0)
      continue;
    auto found = table.find(node.token, nodes[node.next].token);
    if (found.rank != top >> 32) // the pair that was meant is gone
      continue;
    Node &right = nodes[node.next];
    right.alive = false;
    node.token = found.result;
    node.next = right.next;
    if (node.next >= 0)
      nodes[node.next].previous = left;
    push(left);
    push(node.previous);
  }
  size_t written = 0;
  for (int32_t i = 0; i >= 0; i = nodes[i].next)
    out[written++] = nodes[i].token;
  // One enormous piece must not hold its memory for ever.
  constexpr size_t kKeepNodes = size_t{1} << 20;
  if (nodes.size() > kKeepNodes) {
    nodes = {};
    heap = {};
  }
  return written;
}

} // namespace swamla
