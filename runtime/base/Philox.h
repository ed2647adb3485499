//===- Philox.h - counter-based random numbers ----------------------------===//
//
// Philox2x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy
// as 1, 2, 3", SC11): a keyed bijection of a 64-bit counter. There is no state
// to save: number i of a stream is a function of (key, stream, i), so a resumed
// run continues with the same numbers, in any order and on any thread.
//
// Every number is the same on every machine: beside integers only IEEE +, *, /
// and sqrt are used, never the C library's transcendental functions.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace swamla {

/// The bijection: counter words (c0, c1) under a key.
constexpr std::array<uint32_t, 2> philox2x32(uint32_t c0, uint32_t c1, uint32_t key) {
  for (int round = 0; round < 10; ++round) {
    uint64_t product = uint64_t(0xD256D193u) * c0;
    c0 = uint32_t(product >> 32) ^ key ^ c1;
    c1 = uint32_t(product);
    key += 0x9E3779B9u; // the golden ratio, a Weyl sequence
  }
  return {c0, c1};
}

/// The value of `swamla.random_uniform` at a point: in [0, 1), a multiple of 2^-24.
constexpr float philoxUniform(uint32_t key, uint32_t site, uint32_t index) {
  return float(philox2x32(index, site, key)[0] >> 8) * 0x1p-24f;
}

/// An endless array of random numbers, named by a seed and a purpose ("init.wte.weight",
/// "shuffle.epoch3"): streams with different names are independent. Index, do not iterate.
class RandomStream {
public:
  RandomStream(uint64_t seed, std::string_view purpose);

  uint32_t word(uint64_t index) const { return block(index)[0]; }
  /// 64 random bits: both words of block `index`.
  uint64_t bits(uint64_t index) const {
    auto b = block(index);
    return uint64_t(b[0]) << 32 | b[1];
  }
  /// In [0, 1), a multiple of 2^-53.
  double uniform(uint64_t index) const { return double(bits(index) >> 11) * 0x1p-53; }
  /// In [0, n), n > 0. The bias against an exactly uniform number is below n * 2^-64.
  uint64_t below(uint64_t index, uint64_t n) const {
    return uint64_t((unsigned __int128)(bits(index)) * n >> 64);
  }
  /// values[i] = mean + deviation * (standard normal number firstIndex + i). Box-Muller; numbers
  /// 2j and 2j + 1 come from block j.
  void fillNormal(std::span<float> values, double mean, double deviation,
                  uint64_t firstIndex = 0) const;

private:
  /// The low counter word is the index's low half; its high half perturbs the stream's word.
  std::array<uint32_t, 2> block(uint64_t index) const {
    return philox2x32(uint32_t(index), stream ^ uint32_t(index >> 32), key);
  }

  uint32_t key, stream;
};

} // namespace swamla
