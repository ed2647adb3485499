//===- F8Format.h - eight-bit floats by their definition ------------------===//
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

namespace swamla::test {

/// A format as its standard defines it, slowly: what kernels compute by bits is compared with it.
struct F8Format {
  const char *name;
  int mantissa, bias;
  uint8_t largest; ///< code of the largest number
  bool hasInfinity;

  double value(uint8_t code) const {
    int exponent = (code & 0x7F) >> mantissa, fraction = code & ((1 << mantissa) - 1);
    double size = exponent == 0
                      ? std::ldexp(fraction, 1 - bias - mantissa)
                      : std::ldexp((1 << mantissa) + fraction, exponent - bias - mantissa);
    if ((code & 0x7F) > largest)
      size = hasInfinity && (code & 0x7F) == largest + 1 ? std::numeric_limits<double>::infinity()
                                                         : std::numeric_limits<double>::quiet_NaN();
    return code & 0x80 ? -size : size;
  }

  /// The nearest number, of two the one with the even code; the largest for what is beyond.
  uint8_t nearest(float x) const {
    if (std::isnan(x))
      return 0x7F;
    uint8_t best = std::abs(x) >= value(largest) ? largest : 0;
    for (unsigned code = 1; code <= largest && best != largest; ++code) {
      double now = std::abs(std::abs(double(x)) - value(best)),
             then = std::abs(std::abs(double(x)) - value(uint8_t(code)));
      if (then < now || (then == now && code % 2 == 0))
        best = uint8_t(code);
    }
    return best | (std::signbit(x) ? 0x80 : 0);
  }
};

inline constexpr F8Format kE4M3{"f8E4M3FN", 3, 7, 0x7E, false};
inline constexpr F8Format kE5M2{"f8E5M2", 2, 15, 0x7B, true};

} // namespace swamla::test
