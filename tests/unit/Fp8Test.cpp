//===- Fp8Test.cpp - numbers of 8 bits, all of them -----------------------===//
#include "runtime/base/Fp8.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace swamla {
namespace {

/// sign * 2^exponent * (mantissa / 2^bits), from the fields, in double.
double definition(Fp8 bits, int mantissaBits, int bias) {
  int exponent = (bits & 0x7F) >> mantissaBits, mantissa = bits & ((1 << mantissaBits) - 1);
  double fraction = std::ldexp(mantissa, -mantissaBits);
  double value =
      exponent == 0 ? std::ldexp(fraction, 1 - bias) : std::ldexp(1 + fraction, exponent - bias);
  return bits & 0x80 ? -value : value;
}

TEST(Fp8, EveryE4M3) {
  for (unsigned bits = 0; bits < 256; ++bits) {
    float value = toFloat(Fp8(bits), kE4M3);
    if ((bits & 0x7F) == 0x7F)
      EXPECT_TRUE(std::isnan(value)) << bits;
    else
      EXPECT_EQ(value, definition(Fp8(bits), 3, 7)) << bits;
  }
  EXPECT_EQ(toFloat(0x7E, kE4M3), 448);
  EXPECT_EQ(toFloat(0x01, kE4M3), 0x1p-9F);
  EXPECT_TRUE(std::signbit(toFloat(0x80, kE4M3)));
}

TEST(Fp8, EveryE5M2) {
  for (unsigned bits = 0; bits < 256; ++bits) {
    float value = toFloat(Fp8(bits), kE5M2);
    unsigned magnitude = bits & 0x7F;
    if (magnitude > 0x7C)
      EXPECT_TRUE(std::isnan(value)) << bits;
    else if (magnitude == 0x7C)
      EXPECT_EQ(value, bits & 0x80 ? -INFINITY : INFINITY);
    else
      EXPECT_EQ(value, definition(Fp8(bits), 2, 15)) << bits;
  }
  EXPECT_EQ(toFloat(0x7B, kE5M2), 57344);
  EXPECT_EQ(toFloat(0x01, kE5M2), 0x1p-16F);
}

/// Each number becomes itself; what is between two, the nearer; halfway, the even one.
void checkRounding(const Fp8Format &format) {
  unsigned last = format.firstSpecial - 1U;
  for (unsigned bits = 0; bits <= last; ++bits) {
    float value = toFloat(Fp8(bits), format);
    EXPECT_EQ(toFp8(value, format), bits);
    EXPECT_EQ(toFp8(-value, format), bits | 0x80);
    if (bits == last)
      break;
    float next = toFloat(Fp8(bits + 1), format), half = value + (next - value) / 2;
    EXPECT_EQ(toFp8(half, format), bits % 2 ? bits + 1 : bits) << half;
    EXPECT_EQ(toFp8(std::nextafter(half, 0.0F), format), bits) << half;
    EXPECT_EQ(toFp8(std::nextafter(half, INFINITY), format), bits + 1) << half;
    EXPECT_EQ(toFp8(-std::nextafter(half, INFINITY), format), (bits + 1) | 0x80) << half;
  }
  for (float beyond : {format.max * 1.0001F, format.max * 2, 3e38F, INFINITY}) {
    EXPECT_EQ(toFp8(beyond, format), last);
    EXPECT_EQ(toFp8(-beyond, format), last | 0x80);
  }
  for (float tiny : {1e-45F, 1e-40F, 1e-30F}) {
    EXPECT_EQ(toFp8(tiny, format), 0);
    EXPECT_EQ(toFp8(-tiny, format), 0x80);
  }
  EXPECT_EQ(toFp8(NAN, format), kFp8NaN);
  EXPECT_EQ(toFp8(-NAN, format), kFp8NaN);
}

TEST(Fp8, RoundsToNearestEven) {
  checkRounding(kE4M3);
  checkRounding(kE5M2);
}

TEST(Fp8, Table) {
  constexpr std::array<float, 256> table = fp8Table(kE5M2);
  for (unsigned bits = 0; bits < 0x7C; ++bits)
    EXPECT_EQ(table[bits], toFloat(Fp8(bits), kE5M2));
}

} // namespace
} // namespace swamla
