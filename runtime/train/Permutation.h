//===- Permutation.h - a shuffled order without an array ------------------===//
#pragma once

#include "runtime/base/Philox.h"

#include <cstdint>

namespace swamla {

/// A keyed permutation of 0 .. size - 1, computed index by index in constant memory: a Feistel
/// network over the next even number of bits, applied again while the result lies outside the range
/// (cycle walking; Black and Rogaway, CT-RSA 2002). It takes under four rounds of the network on
/// average, since the network's range is less than four times `size`.
class Permutation {
public:
  /// `size` >= 1. The stream's first numbers are the key.
  Permutation(const RandomStream &keys, uint64_t size);

  /// The `index`-th element of the order; `index` < size.
  uint64_t operator()(uint64_t index) const;
  uint64_t size() const { return count; }

private:
  static constexpr unsigned kRounds = 6;

  uint64_t encrypt(uint64_t x) const;

  uint64_t count;
  unsigned halfBits;
  uint64_t roundKeys[kRounds];
};

} // namespace swamla
