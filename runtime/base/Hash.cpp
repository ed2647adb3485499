//===- Hash.cpp - checksums -----------------------------------------------===//
#define XXH_INLINE_ALL // no dependency on the shared library
#include <xxhash.h>

#include "runtime/base/Hash.h"

namespace swamla {

uint64_t hash64(std::span<const std::byte> bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

uint64_t hash64(std::string_view text, uint64_t seed) {
  return XXH3_64bits_withSeed(text.data(), text.size(), seed);
}

} // namespace swamla
