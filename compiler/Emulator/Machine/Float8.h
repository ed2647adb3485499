//===- Float8.h - numbers of 8 and 16 bits, as the GPU converts them ------===//
//
// By definition: what a code means is written down once, and rounding to it is a
// search among the codes.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

namespace swamla::emulator {

/// E4M3 has no infinity, and one NaN of each sign; E5M2 is as IEEE 754 would have it.
struct Float8 {
  unsigned mantissaBits;
  int bias;
  unsigned lastFinite; ///< the code of the largest number

  /// What the lowest seven bits of a code mean, where they are a finite number.
  float magnitude(unsigned code) const {
    unsigned exponent = code >> mantissaBits;
    auto mantissa = float(code & ((1U << mantissaBits) - 1));
    float one = exponent ? float(1U << mantissaBits) : 0.0F;
    return std::ldexp(one + mantissa,
                      int(exponent ? exponent : 1) - bias - static_cast<int>(mantissaBits));
  }
};
inline constexpr Float8 kE4M3{3, 7, 0x7E}, kE5M2{2, 15, 0x7B};

/// cvt.rn.satfinite: the nearest number, of two the one with the even code; the largest for
/// whatever is beyond it; 0x7F for NaN.
template <const Float8 &Format> uint32_t toFloat8(float value) {
  static const std::array<float, 128> magnitudes = [] {
    std::array<float, 128> table{};
    for (unsigned code = 0; code <= Format.lastFinite; ++code)
      table[code] = Format.magnitude(code);
    return table;
  }();
  if (value != value)
    return 0x7F;
  uint32_t sign = std::signbit(value) ? 0x80 : 0;
  double magnitude = std::abs(double(value));
  unsigned low = 0, high = Format.lastFinite; // magnitudes[low] <= magnitude, or low is 0
  while (low < high) {
    unsigned middle = (low + high + 1) / 2;
    if (magnitudes[middle] <= magnitude)
      low = middle;
    else
      high = middle - 1;
  }
  if (low == Format.lastFinite)
    return sign | low;
  double between = (double(magnitudes[low]) + double(magnitudes[low + 1])) / 2; // exact
  bool up = magnitude > between || (magnitude == between && low % 2 == 1);
  return sign | (low + (up ? 1 : 0));
}

/// The bits of an f16 as f32.
inline float fromFloat16(uint32_t bits) {
  uint32_t exponent = bits >> 10 & 31, mantissa = bits & 1023;
  float value = exponent == 31 ? (mantissa ? std::numeric_limits<float>::quiet_NaN()
                                           : std::numeric_limits<float>::infinity())
                : exponent     ? std::ldexp(float(1024 + mantissa), int(exponent) - 25)
                               : std::ldexp(float(mantissa), -24);
  return bits & 0x8000 ? -value : value;
}

/// The bits of an f16 that a number of 8 bits is; every one of them is one.
template <const Float8 &Format> uint32_t float16OfFloat8(uint32_t code) {
  // E5M2 is the upper half of an f16. E4M3's exponents are 8 less, its subnormal numbers normal.
  if constexpr (Format.mantissaBits == 2)
    return (code & 0xFF) << 8;
  unsigned low = code & 0x7F, sign = (code & 0x80) << 8;
  if (low > Format.lastFinite)
    return 0x7FFF;
  if (low == 0)
    return sign;
  int exponent = 0; // of a value in [1/2, 1) * 2^exponent
  float fraction = std::frexp(Format.magnitude(low), &exponent);
  return sign | uint32_t(exponent + 14) << 10 | (uint32_t(std::ldexp(fraction, 11)) & 1023);
}

} // namespace swamla::emulator
