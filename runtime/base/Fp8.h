//===- Fp8.h - numbers of 8 bits ------------------------------------------===//
//
// E4M3: 1 sign, 4 exponent and 3 mantissa bits, no infinity (OCP 8-bit floating
// point, 2023). E5M2: 1, 5 and 2 bits, as IEEE 754 would have it.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace swamla {

/// The bits of an E4M3 or E5M2 number.
using Fp8 = uint8_t;

struct Fp8Format {
  int mantissaBits, bias;
  float max;        ///< the largest finite number
  Fp8 firstSpecial; ///< magnitudes from here on are NaN, or where `hasInfinity` infinity at first
  bool hasInfinity;
};

inline constexpr Fp8Format kE4M3 = {3, 7, 448.0F, 0x7F, false};
inline constexpr Fp8Format kE5M2 = {2, 15, 57344.0F, 0x7C, true};
/// What kernels make of a NaN, in both formats.
inline constexpr Fp8 kFp8NaN = 0x7F;

/// Exact.
constexpr float toFloat(Fp8 bits, const Fp8Format &format) {
  constexpr uint32_t kInfinity = 0x7F800000, kNaN = 0x7FC00000;
  constexpr int kFloatBias = 127, kFloatMantissaBits = 23;
  uint32_t sign = uint32_t(bits >> 7) << 31;
  auto magnitude = uint32_t(bits & 0x7F);
  if (magnitude >= format.firstSpecial)
    return std::bit_cast<float>(
        sign | (format.hasInfinity && magnitude == format.firstSpecial ? kInfinity : kNaN));
  uint32_t exponent = magnitude >> format.mantissaBits;
  if (exponent == 0) { // mantissa * 2^(1 - bias - mantissaBits)
    float unit = std::bit_cast<float>(uint32_t(kFloatBias + 1 - format.bias - format.mantissaBits)
                                      << kFloatMantissaBits);
    return sign ? -(float(magnitude) * unit) : float(magnitude) * unit;
  }
  return std::bit_cast<float>(sign | ((magnitude << (kFloatMantissaBits - format.mantissaBits)) +
                                      (uint32_t(kFloatBias - format.bias) << kFloatMantissaBits)));
}

/// Rounded to nearest, ties to even; what is beyond the largest number, infinity too, becomes it. A
/// NaN becomes kFp8NaN. As kernels do.
constexpr Fp8 toFp8(float value, const Fp8Format &format) {
  constexpr uint32_t kInfinity = 0x7F800000, kOne = 1 << 23;
  constexpr int kFloatBias = 127, kFloatMantissaBits = 23, kNothingLeft = 26;
  auto bits = std::bit_cast<uint32_t>(value);
  uint32_t magnitude = bits & ~(uint32_t(1) << 31);
  if (magnitude > kInfinity)
    return kFp8NaN;
  int field = int(magnitude >> kFloatMantissaBits), exponent = (field ? field : 1) - kFloatBias;
  uint32_t mantissa = (magnitude & (kOne - 1)) | (field ? kOne : 0);
  int below = 1 - format.bias - exponent; // exponents under that of the smallest normal number
  int shift = kFloatMantissaBits - format.mantissaBits + (below > 0 ? below : 0);
  uint32_t code = 0;
  if (shift < kNothingLeft)
    code = (mantissa + (uint32_t(1) << (shift - 1)) - 1 + (mantissa >> shift & 1)) >> shift;
  if (below < 0) // the mantissa's first bit is the exponent's last already
    code += uint32_t(-below) << format.mantissaBits;
  uint32_t largest = format.firstSpecial - 1U;
  return Fp8((code < largest ? code : largest) | (bits >> 31 << 7));
}

/// All numbers of a format, by their bits.
constexpr std::array<float, 256> fp8Table(const Fp8Format &format) {
  std::array<float, 256> table = {};
  for (unsigned bits = 0; bits < table.size(); ++bits)
    table[bits] = toFloat(Fp8(bits), format);
  return table;
}

} // namespace swamla
