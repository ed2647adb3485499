//===- ConversionOps.cpp - conversions on lanes ---------------------------===//
#include "compiler/Emulator/Machine/Float8.h"
#include "compiler/Emulator/Machine/Handlers.h"
#include "compiler/Emulator/Machine/LaneTemplates.h"

#include <bit>
#include <cmath>
#include <limits>

namespace swamla::emulator {

namespace {
float fromBf16(uint32_t bits) { return std::bit_cast<float>(bits << 16); }

/// Round to nearest even; NaN stays NaN.
uint32_t toBf16(float value) {
  auto bits = std::bit_cast<uint32_t>(value);
  uint32_t rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
  return value != value ? 0x7FFF : rounded;
}

/// Round to nearest, ties away from zero, to 10 bits behind the point.
uint32_t toTf32(float value) {
  auto bits = std::bit_cast<uint32_t>(value);
  return value != value ? 0x7FFFFFFF : (bits + 0x1000) & ~0x1FFFU;
}

/// Low half b, high half a.
uint32_t packBf16(float a, float b) { return toBf16(a) << 16 | toBf16(b); }

/// Low byte b, high byte a.
template <const Float8 &Format> uint32_t packFloat8(float a, float b) {
  return toFloat8<Format>(a) << 8 | toFloat8<Format>(b);
}

/// As the hardware converts: saturating, NaN becomes zero.
template <typename I, typename F> I toInteger(F value) {
  if (value != value)
    return 0;
  constexpr F low = F(std::numeric_limits<I>::min());
  constexpr F high = F(uint64_t(1) << (std::numeric_limits<I>::digits - 1)) * 2;
  return value < low     ? std::numeric_limits<I>::min()
         : value >= high ? std::numeric_limits<I>::max()
                         : I(value);
}

template <unsigned Bits> int64_t signExtend(uint64_t value, uint64_t from) {
  return int64_t(value << (Bits - from)) >> (Bits - from);
}
} // namespace

std::span<const LaneOp> conversionLaneOps() {
  using U32 = uint32_t;
  using U64 = uint64_t;
  static const LaneOp ops[] = {
      {"trunc.64.32", unary<U32, U64, [](U64 a) { return U32(a); }>},
      {"zext.32.64", unary<U64, U32, [](U32 a) { return U64(a); }>},
      {"sext.32.64",
       immediate<U64, U32, [](U32 a, U64 from) { return U64(signExtend<64>(a, from)); }>},
      {"sext.32.32",
       immediate<U32, U32, [](U32 a, U64 from) { return U32(signExtend<64>(a, from)); }>},
      {"sitofp.32.f32", unary<float, int32_t, [](int32_t a) { return float(a); }>},
      {"sitofp.32.f64", unary<double, int32_t, [](int32_t a) { return double(a); }>},
      {"sitofp.64.f32", unary<float, int64_t, [](int64_t a) { return float(a); }>},
      {"sitofp.64.f64", unary<double, int64_t, [](int64_t a) { return double(a); }>},
      {"uitofp.32.f32", unary<float, U32, [](U32 a) { return float(a); }>},
      {"uitofp.32.f64", unary<double, U32, [](U32 a) { return double(a); }>},
      {"uitofp.64.f32", unary<float, U64, [](U64 a) { return float(a); }>},
      {"uitofp.64.f64", unary<double, U64, [](U64 a) { return double(a); }>},
      {"fptosi.f32.32", unary<int32_t, float, toInteger<int32_t, float>>},
      {"fptosi.f64.32", unary<int32_t, double, toInteger<int32_t, double>>},
      {"fptosi.f32.64", unary<int64_t, float, toInteger<int64_t, float>>},
      {"fptosi.f64.64", unary<int64_t, double, toInteger<int64_t, double>>},
      {"fptoui.f32.32", unary<U32, float, toInteger<U32, float>>},
      {"fptoui.f64.32", unary<U32, double, toInteger<U32, double>>},
      {"fptoui.f32.64", unary<U64, float, toInteger<U64, float>>},
      {"fptoui.f64.64", unary<U64, double, toInteger<U64, double>>},
      {"fpext.f32.f64", unary<double, float, [](float a) { return double(a); }>},
      {"fptrunc.f64.f32", unary<float, double, [](double a) { return float(a); }>},
      {"fpext.bf16.f32", unary<float, U32, fromBf16>},
      {"fptrunc.f32.bf16", unary<U32, float, toBf16>},
      {"fpext.f16.f32", unary<float, U32, fromFloat16>},
      {"cvt.e4m3.f16", unary<U32, U32, float16OfFloat8<kE4M3>>},
      {"cvt.e5m2.f16", unary<U32, U32, float16OfFloat8<kE5M2>>},
      {"cvt.rn.satfinite.e4m3x2", binary<U32, float, packFloat8<kE4M3>>},
      {"cvt.rn.satfinite.e5m2x2", binary<U32, float, packFloat8<kE5M2>>},
      {"cvt.rna.tf32", unary<U32, float, toTf32>},
      {"cvt.rn.bf16x2", binary<U32, float, packBf16>},
  };
  return ops;
}

} // namespace swamla::emulator
