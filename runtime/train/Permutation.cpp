//===- Permutation.cpp - a shuffled order without an array ----------------===//

#include "runtime/train/Permutation.h"

#include <bit>
#include <cassert>

namespace swamla {

/// The network's round function: a bijection of 64-bit words in which every input bit reaches every
/// output bit, the output function of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
static uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

Permutation::Permutation(const RandomStream &keys, uint64_t size) : count(size) {
  assert(size >= 1 && "a permutation of nothing");
  unsigned bits = static_cast<unsigned>(std::bit_width(size - 1));
  halfBits = bits <= 2 ? 1 : (bits + 1) / 2;
  for (unsigned i = 0; i < kRounds; ++i)
    roundKeys[i] = keys.bits(i);
}

uint64_t Permutation::encrypt(uint64_t x) const {
  uint64_t mask = (uint64_t{1} << halfBits) - 1;
  uint64_t left = x >> halfBits, right = x & mask;
  for (uint64_t roundKey : roundKeys) {
    uint64_t next = left ^ (mix(roundKey ^ right) & mask);
    left = right;
    right = next;
  }
  return left << halfBits | right;
}

uint64_t Permutation::operator()(uint64_t index) const {
  assert(index < count && "outside the permutation");
  // The network permutes a larger range; walking along its cycle from inside the range comes back
  // inside, and two starts never end at one place.
  do
    index = encrypt(index);
  while (index >= count);
  return index;
}

} // namespace swamla
