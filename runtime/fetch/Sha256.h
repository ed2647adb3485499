//===- Sha256.h - the hash by which the hub names a file's content --------===//
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace swamla {

/// SHA-256 (FIPS 180-4) of bytes that come in pieces.
class Sha256 {
public:
  void add(std::span<const std::byte> bytes);
  /// The hash of all bytes so far, 64 lower-case hexadecimal digits. Nothing can be added after.
  std::string finish();

private:
  static constexpr size_t kBlock = 64;
  void block(const std::byte *bytes);

  uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                       0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::byte rest[kBlock]{}; ///< bytes that do not fill a block yet
  uint64_t total = 0;       ///< bytes
};

} // namespace swamla
