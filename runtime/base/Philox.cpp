//===- Philox.cpp - counter-based random numbers --------------------------===//
//
// The logarithm and the sine here are not the C library's: those differ in the
// last bit between versions and processors. This file is compiled without
// contraction to fused multiply-adds, so each line is a fixed sequence of IEEE
// operations.
//
//===----------------------------------------------------------------------===//
#include "runtime/base/Philox.h"

#include "runtime/base/Hash.h"

#include <bit>
#include <cmath>

namespace swamla {

namespace {
/// ln(x) for a normal x > 0. x = m 2^e with m in [sqrt(1/2), sqrt(2)); then with s = (m - 1) / (m +
/// 1), |s| < 0.172, ln m = 2 (s + s^3/3 + s^5/5 + ...). The first term left out is below 2^-58.
double naturalLog(double x) {
  auto bits = std::bit_cast<uint64_t>(x);
  int exponent = int(bits >> 52) - 1023;
  auto m = std::bit_cast<double>((bits & 0xFFFFFFFFFFFFF) | 0x3FF0000000000000);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    ++exponent;
  }
  double s = (m - 1) / (m + 1);
  double q = s * s;
  double sum = 0;
  for (int n = 21; n >= 1; n -= 2)
    sum = sum * q + 1.0 / n;
  return exponent * 0.6931471805599453 + 2 * s * sum;
}

struct SinCos {
  double sin, cos;
};

/// sin and cos of a quarter turn times t, |t| <= 1/2: Taylor series; what is left out is below
/// 2^-55.
SinCos quarterTurn(double t) {
  double x = t * 1.5707963267948966;
  double q = x * x;
  double s = 0, c = 0;
  for (int n = 9; n >= 1; --n) {
    s = 1 - q * s / double((2 * n) * (2 * n + 1));
    c = 1 - q * c / double((2 * n - 1) * (2 * n));
  }
  return {x * s, c}; // s = sin(x) / x
}

/// sin and cos of 2 pi turn / 2^32.
SinCos ofTurn(uint32_t turn) {
  uint32_t quadrant = (turn + (1u << 29)) >> 30; // nearest quarter, 0 to 3
  auto rest = int32_t(turn - (quadrant << 30));  // exact, within an eighth of a turn
  SinCos r = quarterTurn(double(rest) * 0x1p-30);
  switch (quadrant & 3) {
  case 0:
    return r;
  case 1:
    return {r.cos, -r.sin};
  case 2:
    return {-r.sin, -r.cos};
  default:
    return {-r.cos, r.sin};
  }
}

/// Two independent standard normal numbers (Box and Muller, "A note on the generation of random
/// normal deviates", 1958).
SinCos normalPair(std::array<uint32_t, 2> words) {
  double u = (double(words[0]) + 1) * 0x1p-32; // in (0, 1]
  double radius = std::sqrt(-2 * naturalLog(u));
  SinCos direction = ofTurn(words[1]);
  return {radius * direction.sin, radius * direction.cos};
}
} // namespace

RandomStream::RandomStream(uint64_t seed, std::string_view purpose) {
  uint64_t name = hash64(purpose, seed);
  key = uint32_t(name >> 32);
  stream = uint32_t(name);
}

void RandomStream::fillNormal(std::span<float> values, double mean, double deviation,
                              uint64_t firstIndex) const {
  uint64_t end = firstIndex + values.size();
  for (uint64_t index = firstIndex & ~uint64_t(1); index < end; index += 2) {
    SinCos pair = normalPair(block(index / 2));
    if (index >= firstIndex)
      values[index - firstIndex] = float(mean + deviation * pair.cos);
    if (index + 1 < end)
      values[index + 1 - firstIndex] = float(mean + deviation * pair.sin);
  }
}

} // namespace swamla
