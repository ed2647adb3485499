//===- Sha256.cpp - the hash by which the hub names a file's content ------===//

#include "runtime/fetch/Sha256.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace swamla {

/// The first 32 bits of the fractional parts of the cube roots of the first 64 primes (4.2.2).
static constexpr uint32_t kRound[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

void Sha256::block(const std::byte *bytes) {
  uint32_t w[64];
  for (size_t i = 0; i < 16; ++i) {
    uint32_t word = 0;
    for (size_t b = 0; b < 4; ++b)
      word = word << 8 | static_cast<uint32_t>(bytes[4 * i + b]);
    w[i] = word;
  }
  for (size_t i = 16; i < 64; ++i) {
    uint32_t x = w[i - 15], y = w[i - 2];
    w[i] = w[i - 16] + w[i - 7] + (std::rotr(x, 7) ^ std::rotr(x, 18) ^ x >> 3) +
           (std::rotr(y, 17) ^ std::rotr(y, 19) ^ y >> 10);
  }
  uint32_t s[8];
  std::ranges::copy(state, s);
  for (size_t i = 0; i < 64; ++i) {
    uint32_t choice = (s[4] & s[5]) ^ (~s[4] & s[6]);
    uint32_t majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
    uint32_t one = s[7] + (std::rotr(s[4], 6) ^ std::rotr(s[4], 11) ^ std::rotr(s[4], 25)) +
                   choice + kRound[i] + w[i];
    uint32_t two = (std::rotr(s[0], 2) ^ std::rotr(s[0], 13) ^ std::rotr(s[0], 22)) + majority;
    std::shift_right(s, s + 8, 1);
    s[4] += one;
    s[0] = one + two;
  }
  for (size_t i = 0; i < 8; ++i)
    state[i] += s[i];
}

void Sha256::add(std::span<const std::byte> bytes) {
  size_t held = total % kBlock;
  total += bytes.size();
  if (held > 0) {
    size_t take = std::min(kBlock - held, bytes.size());
    std::memcpy(rest + held, bytes.data(), take);
    bytes = bytes.subspan(take);
    if (held + take < kBlock)
      return;
    block(rest);
  }
  for (; bytes.size() >= kBlock; bytes = bytes.subspan(kBlock))
    block(bytes.data());
  std::ranges::copy(bytes, rest);
}

std::string Sha256::finish() {
  uint64_t bits = total * 8;
  std::byte padding[2 * kBlock] = {std::byte{0x80}};
  size_t zeros = (2 * kBlock - 8 - 1 - total % kBlock) % kBlock;
  size_t count = 1 + zeros;
  for (size_t i = 0; i < 8; ++i)
    padding[count++] = static_cast<std::byte>(bits >> (56 - 8 * i));
  add(std::span(padding).first(count));
  std::string text;
  for (uint32_t word : state)
    text += fmt::format("{:08x}", word);
  return text;
}

} // namespace swamla
