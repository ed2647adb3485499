//===- MergeTable.h - which pairs of tokens become one --------------------===//
#pragma once

#include "runtime/text/Vocabulary.h"

#include <span>
#include <vector>

namespace swamla {

/// Finds the merge of a pair of tokens: open addressing, 8 bytes an entry.
class MergeTable {
public:
  static constexpr uint32_t kNoMerge = UINT32_MAX;
  struct Found {
    uint32_t rank = kNoMerge; ///< its place among the merges; the lowest comes first
    TokenId result = 0;
  };

  /// Of two merges of the same pair the later one counts.
  explicit MergeTable(std::span<const Merge> merges) {
    constexpr size_t kSpace = 2; // at least this many slots an entry
    while ((size_t{1} << bits) < kSpace * merges.size())
      ++bits;
    slots.assign(size_t{1} << bits, kEmpty);
    for (size_t rank = 0; rank < merges.size(); ++rank) {
      const Merge &merge = merges[rank];
      uint32_t key = keyOf(merge.left, merge.right);
      size_t at = slotOf(key);
      while (slots[at] != kEmpty && slots[at] >> 32 != key)
        at = (at + 1) & (slots.size() - 1);
      slots[at] = uint64_t{key} << 32 | rank << 16 | merge.result;
    }
  }

  Found find(TokenId left, TokenId right) const {
    uint32_t key = keyOf(left, right);
    for (size_t at = slotOf(key); slots[at] != kEmpty; at = (at + 1) & (slots.size() - 1))
      if (slots[at] >> 32 == key)
        return {static_cast<uint16_t>(slots[at] >> 16), static_cast<TokenId>(slots[at])};
    return {};
  }

private:
  /// No entry: a merge of 65535 with itself does not make 65535.
  static constexpr uint64_t kEmpty = UINT64_MAX;

  static uint32_t keyOf(TokenId left, TokenId right) { return uint32_t{left} << 16 | right; }
  size_t slotOf(uint32_t key) const {
    constexpr uint32_t kGolden = 0x9E3779B9; // multiplicative hashing
    return (key * kGolden) >> (32 - bits);
  }

  unsigned bits = 4;
  std::vector<uint64_t> slots;
};

} // namespace swamla
