//===- Philox.cpp - counter-based random numbers --------------------------===//
//
// The logarithm and the sine here are not the C library's: those differ in the
// last bit between versions and processors. This file is compiled without
// contraction to fused multiply-adds, so each line is a fixed sequence of IEEE
// operations. Normal numbers are made in batches, without branches, so that the
// compiler's vectors do many at once: with the same operations, the same bits.
//
//===----------------------------------------------------------------------===//
#include "runtime/base/Philox.h"

#include "runtime/base/Hash.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace swamla {

/// Part of every version of a batch.
#define SWAMLA_INLINE inline __attribute__((always_inline))

namespace {
/// ln(x) for a normal x > 0. x = m 2^e with m in [sqrt(1/2), sqrt(2)); then with s = (m - 1) / (m +
/// 1), |s| < 0.172, ln m = 2 (s + s^3/3 + s^5/5 + ...). The first term left out is below 2^-58.
SWAMLA_INLINE double naturalLog(double x) {
  auto bits = std::bit_cast<uint64_t>(x);
  int exponent = int(bits >> 52) - 1023;
  auto m = std::bit_cast<double>((bits & 0xFFFFFFFFFFFFF) | 0x3FF0000000000000);
  bool upper = m > 1.4142135623730951;
  m = upper ? m * 0.5 : m;
  exponent += upper ? 1 : 0;
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
SWAMLA_INLINE SinCos quarterTurn(double t) {
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
SWAMLA_INLINE SinCos ofTurn(uint32_t turn) {
  uint32_t quadrant = (turn + (1u << 29)) >> 30; // nearest quarter, 0 to 4
  auto rest = int32_t(turn - (quadrant << 30));  // exact, within an eighth of a turn
  SinCos r = quarterTurn(double(rest) * 0x1p-30);
  double s = quadrant & 1 ? r.cos : r.sin, c = quadrant & 1 ? r.sin : r.cos;
  return {quadrant & 2 ? -s : s, (quadrant + 1) & 2 ? -c : c};
}

/// Two independent standard normal numbers (Box and Muller, "A note on the generation of random
/// normal deviates", 1958).
SWAMLA_INLINE SinCos normalPair(std::array<uint32_t, 2> words) {
  double u = (double(words[0]) + 1) * 0x1p-32; // in (0, 1]
  double radius = std::sqrt(-2 * naturalLog(u));
  SinCos direction = ofTurn(words[1]);
  return {radius * direction.sin, radius * direction.cos};
}

constexpr size_t kBatch = 64;

/// The normal pairs of kBatch consecutive blocks of a stream.
struct Batch {
  std::array<double, kBatch> sin, cos;
};

SWAMLA_INLINE void makeBatch(uint32_t first, uint32_t stream, uint32_t key, Batch &batch) {
  std::array<uint32_t, kBatch> words0, words1;
  for (uint32_t i = 0; i < kBatch; ++i) {
    std::array<uint32_t, 2> words = philox2x32(first + i, stream, key);
    words0[i] = words[0];
    words1[i] = words[1];
  }
  for (size_t i = 0; i < kBatch; ++i) {
    SinCos pair = normalPair({words0[i], words1[i]});
    batch.sin[i] = pair.sin;
    batch.cos[i] = pair.cos;
  }
}

void makeBatchAnywhere(uint32_t first, uint32_t stream, uint32_t key, Batch &batch) {
  makeBatch(first, stream, key, batch);
}

#if defined(__x86_64__)
__attribute__((target("avx512f,avx512dq,avx512vl"))) void
makeBatchAvx512(uint32_t first, uint32_t stream, uint32_t key, Batch &batch) {
  makeBatch(first, stream, key, batch);
}

__attribute__((target("avx2"))) void makeBatchAvx2(uint32_t first, uint32_t stream, uint32_t key,
                                                   Batch &batch) {
  makeBatch(first, stream, key, batch);
}
#endif

using BatchMaker = void (*)(uint32_t first, uint32_t stream, uint32_t key, Batch &batch);

/// The widest version that this processor runs.
BatchMaker chooseBatchMaker() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    return makeBatchAvx512;
  if (__builtin_cpu_supports("avx2"))
    return makeBatchAvx2;
#endif
  return makeBatchAnywhere;
}
} // namespace

RandomStream::RandomStream(uint64_t seed, std::string_view purpose) {
  uint64_t name = hash64(purpose, seed);
  key = uint32_t(name >> 32);
  stream = uint32_t(name);
}

void RandomStream::fillNormal(std::span<float> values, double mean, double deviation,
                              uint64_t firstIndex) const {
  static const BatchMaker make = chooseBatchMaker();
  Batch batch;
  uint64_t end = firstIndex + values.size();
  // Batches begin at multiples of kBatch blocks: within one the high half of the index is the same.
  for (uint64_t index = firstIndex - firstIndex % (2 * kBatch); index < end; index += 2 * kBatch) {
    uint64_t blocks = index / 2;
    make(uint32_t(blocks), stream ^ uint32_t(blocks >> 32), key, batch);
    uint64_t from = std::max(index, firstIndex), to = std::min(index + 2 * kBatch, end);
    for (uint64_t i = from; i < to; ++i) {
      size_t pair = (i - index) / 2;
      double number = i % 2 == 0 ? batch.cos[pair] : batch.sin[pair];
      values[i - firstIndex] = float(mean + deviation * number);
    }
  }
}

} // namespace swamla
