//===- Bf16.h - the upper half of an f32 ----------------------------------===//
#pragma once

#include <bit>
#include <cstdint>

namespace swamla {

/// The bits of a bf16.
using Bf16 = uint16_t;

inline float toFloat(Bf16 value) { return std::bit_cast<float>(uint32_t(value) << 16); }

/// Rounded to nearest, ties to even, as kernels do; a NaN becomes the NaN that they make of it.
inline Bf16 toBf16(float value) {
  constexpr uint32_t kHalf = 0x7FFF, kInfinity = 0x7F800000;
  constexpr Bf16 kNaN = 0x7FC0;
  auto bits = std::bit_cast<uint32_t>(value);
  bool isNaN = (bits & ~(uint32_t(1) << 31)) > kInfinity;
  return isNaN ? kNaN : Bf16((bits + kHalf + (bits >> 16 & 1)) >> 16);
}

} // namespace swamla
