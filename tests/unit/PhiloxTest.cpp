//===- PhiloxTest.cpp - counter-based random numbers ----------------------===//
#include "runtime/base/Philox.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <set>
#include <vector>

namespace swamla {
namespace {

using Words = std::array<uint32_t, 2>;

// The known answers that the generator's authors publish (Random123, kat_vectors, philox2x32 10).
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox2x32(0, 0, 0), (Words{0xff1dae59, 0x6cd10df2}));
  EXPECT_EQ(philox2x32(0xffffffff, 0xffffffff, 0xffffffff), (Words{0x2c3f628b, 0xab4fd7ad}));
  EXPECT_EQ(philox2x32(0x243f6a88, 0x85a308d3, 0x13198a2e), (Words{0xdd7ce038, 0xf62a4c12}));
}

TEST(Philox, UniformIsTheTopBitsOfTheFirstWord) {
  EXPECT_EQ(philoxUniform(0, 0, 0), float(0xff1dae) * 0x1p-24F);
  EXPECT_EQ(philoxUniform(0x13198a2e, 0x85a308d3, 0x243f6a88), float(0xdd7ce0) * 0x1p-24F);
}

TEST(Philox, UniformIsUniform) {
  // 16 bins of 2^16 numbers: chi-square with 15 degrees of freedom is below 44 but once in 10^4.
  std::array<double, 16> bins = {};
  for (uint32_t i = 0; i < 1U << 16; ++i) {
    float u = philoxUniform(42, 3, i);
    ASSERT_GE(u, 0.0F);
    ASSERT_LT(u, 1.0F);
    ++bins[size_t(u * 16)];
  }
  double chi = 0;
  for (double count : bins)
    chi += (count - 4096) * (count - 4096) / 4096;
  EXPECT_LT(chi, 44);
}

TEST(RandomStream, NamesAndSeedsMakeDifferentStreams) {
  std::set<uint64_t> first;
  for (uint64_t seed : {0, 1, 2})
    for (const char *name : {"init.wte.weight", "init.lm_head.weight", "shuffle"})
      first.insert(RandomStream(seed, name).bits(0));
  EXPECT_EQ(first.size(), 9U);
  EXPECT_EQ(RandomStream(7, "x").bits(5), RandomStream(7, "x").bits(5));
}

TEST(RandomStream, IndicesBeyond32BitsDiffer) {
  RandomStream stream(1, "x");
  std::set<uint64_t> seen;
  for (uint64_t i = 0; i < 64; ++i)
    seen.insert(stream.bits(i << 32));
  EXPECT_EQ(seen.size(), 64U);
}

TEST(RandomStream, BelowStaysBelowAndReachesAll) {
  RandomStream stream(1, "dice");
  std::array<int, 6> counts = {};
  for (uint64_t i = 0; i < 6000; ++i)
    ++counts.at(stream.below(i, 6));
  for (int count : counts)
    EXPECT_NEAR(count, 1000, 150); // five standard deviations
  EXPECT_EQ(stream.below(0, 1), 0U);
  EXPECT_LT(stream.below(0, UINT64_MAX), UINT64_MAX);
}

TEST(RandomStream, UniformHasTheRightMean) {
  RandomStream stream(9, "u");
  double sum = 0;
  for (uint64_t i = 0; i < 100000; ++i) {
    double u = stream.uniform(i);
    ASSERT_TRUE(u >= 0 && u < 1);
    sum += u;
  }
  EXPECT_NEAR(sum / 100000, 0.5, 5 * 0.2887 / std::sqrt(1e5));
}

//===----------------------------------------------------------------------===//
// Normal numbers
//===----------------------------------------------------------------------===//

TEST(RandomStream, NormalMoments) {
  std::vector<float> values(1 << 20);
  RandomStream(3, "normal").fillNormal(values, 0, 1);
  double n = double(values.size());
  std::array<double, 5> moments = {};
  for (float v : values)
    for (int p = 1; p <= 4; ++p)
      moments[p] += std::pow(double(v), p) / n;
  // Five standard errors: of the p-th moment, sqrt(var(x^p) / n), var = 1, 2, 15, 96.
  EXPECT_NEAR(moments[1], 0, 5 * std::sqrt(1 / n));
  EXPECT_NEAR(moments[2], 1, 5 * std::sqrt(2 / n));
  EXPECT_NEAR(moments[3], 0, 5 * std::sqrt(15 / n));
  EXPECT_NEAR(moments[4], 3, 5 * std::sqrt(96 / n));
  double product = 0; // the two numbers of a pair are independent
  for (size_t i = 0; i < values.size(); i += 2)
    product += double(values[i]) * values[i + 1] / (n / 2);
  EXPECT_NEAR(product, 0, 5 * std::sqrt(2 / n));
}

TEST(RandomStream, NormalMatchesTheFormula) {
  RandomStream stream(11, "formula");
  std::vector<float> values(20000);
  stream.fillNormal(values, 0, 1);
  for (size_t j = 0; j < values.size() / 2; ++j) {
    uint64_t bits = stream.bits(j);
    double radius = std::sqrt(-2 * std::log((double(bits >> 32) + 1) * 0x1p-32));
    double angle = 2 * 3.14159265358979323846 * double(uint32_t(bits)) * 0x1p-32;
    ASSERT_NEAR(values[2 * j], radius * std::cos(angle), 4e-7) << j;
    ASSERT_NEAR(values[2 * j + 1], radius * std::sin(angle), 4e-7) << j;
  }
}

TEST(RandomStream, NormalScalesAndShifts) {
  RandomStream stream(5, "scale");
  std::vector<float> unit(64), scaled(64);
  stream.fillNormal(unit, 0, 1);
  stream.fillNormal(scaled, 3, 0.02);
  for (size_t i = 0; i < unit.size(); ++i)
    EXPECT_NEAR(scaled[i], 3 + 0.02 * unit[i], 1e-6);
}

TEST(RandomStream, NormalCanBeginAnywhere) {
  RandomStream stream(5, "slices");
  std::vector<float> whole(300); // numbers are made in batches of 128
  stream.fillNormal(whole, 0, 1);
  for (size_t begin = 0; begin < whole.size(); ++begin)
    for (size_t count : {size_t(0), size_t(1), size_t(2), whole.size() - begin}) {
      count = std::min(count, whole.size() - begin);
      std::vector<float> slice(count);
      stream.fillNormal(slice, 0, 1, begin);
      EXPECT_TRUE(std::equal(slice.begin(), slice.end(), whole.begin() + long(begin))) << begin;
    }
}

// The same bits on every machine and with every compiler: trained models start from them.
TEST(RandomStream, NormalBitsAreFixed) {
  std::vector<float> values(1 << 16);
  RandomStream(1234, "init.wte.weight").fillNormal(values, 0, 0.02);
  uint64_t hash = 0xcbf29ce484222325; // FNV-1a
  for (float v : values)
    hash = (hash ^ std::bit_cast<uint32_t>(v)) * 0x100000001b3;
  EXPECT_EQ(hash, 12978803526402484308U);
}

} // namespace
} // namespace swamla
