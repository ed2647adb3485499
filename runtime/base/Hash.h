//===- Hash.h - checksums -------------------------------------------------===//
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace swamla {

/// XXH3-64: the checksum of step.bin and of what else the runtime writes. Not for secrets.
uint64_t hash64(std::span<const std::byte> bytes, uint64_t seed = 0);
uint64_t hash64(std::string_view text, uint64_t seed = 0);

} // namespace swamla
