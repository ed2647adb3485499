//===- FloatOps.cpp - floating-point arithmetic on lanes ------------------===//
//
// The approximate instructions of the hardware are as wrong here as the PTX ISA
// lets them be where that matters (tanh.approx: 11 bits); the others, a few
// units in the last place, are right.
//
//===----------------------------------------------------------------------===//
#include "compiler/Emulator/Machine/Handlers.h"
#include "compiler/Emulator/Machine/LaneTemplates.h"

#include <bit>
#include <cmath>
#include <limits>

namespace swamla::emulator {

namespace {
/// Subnormal numbers become zero, as .ftz says.
float flush(float x) { return std::fabs(x) < std::numeric_limits<float>::min() ? x * 0.0F : x; }

float tanhApprox(float x) {
  return std::bit_cast<float>(std::bit_cast<uint32_t>(std::tanh(x)) & ~0xFFFU);
}

/// maxnum, minnum: the other operand where one is NaN; maximum, minimum: NaN. -0 < +0.
template <typename T> T larger(T a, T b) { return a > b || (a == b && !std::signbit(a)) ? a : b; }
template <typename T> T smaller(T a, T b) { return a < b || (a == b && std::signbit(a)) ? a : b; }
template <typename T> T maxNumber(T a, T b) {
  return std::isnan(a) ? b : std::isnan(b) ? a : larger(a, b);
}
template <typename T> T minNumber(T a, T b) {
  return std::isnan(a) ? b : std::isnan(b) ? a : smaller(a, b);
}
template <typename T> T maximum(T a, T b) {
  return std::isnan(a) ? a : std::isnan(b) ? b : larger(a, b);
}
template <typename T> T minimum(T a, T b) {
  return std::isnan(a) ? a : std::isnan(b) ? b : smaller(a, b);
}
template <typename T> bool unordered(T a, T b) { return std::isnan(a) || std::isnan(b); }

template <typename T, auto F> Next compare(Frame &frame, const Instr &instr) {
  return binary<uint32_t, T, F>(frame, instr);
}

#define SWAMLA_FLOAT_OPS(T, SUFFIX)                                                                \
  {"fadd." SUFFIX, binary<T, T, [](T a, T b) { return a + b; }>},                                  \
      {"fsub." SUFFIX, binary<T, T, [](T a, T b) { return a - b; }>},                              \
      {"fmul." SUFFIX, binary<T, T, [](T a, T b) { return a * b; }>},                              \
      {"fdiv." SUFFIX, binary<T, T, [](T a, T b) { return a / b; }>},                              \
      {"frem." SUFFIX, binary<T, T, [](T a, T b) { return std::fmod(a, b); }>},                    \
      {"fma." SUFFIX, ternary<T, [](T a, T b, T c) { return std::fma(a, b, c); }>},                \
      {"fneg." SUFFIX, unary<T, T, [](T a) { return -a; }>},                                       \
      {"fabs." SUFFIX, unary<T, T, [](T a) { return std::fabs(a); }>},                             \
      {"sqrt." SUFFIX, unary<T, T, [](T a) { return std::sqrt(a); }>},                             \
      {"rsqrt." SUFFIX, unary<T, T, [](T a) { return 1 / std::sqrt(a); }>},                        \
      {"floor." SUFFIX, unary<T, T, [](T a) { return std::floor(a); }>},                           \
      {"ceil." SUFFIX, unary<T, T, [](T a) { return std::ceil(a); }>},                             \
      {"trunc.f." SUFFIX, unary<T, T, [](T a) { return std::trunc(a); }>},                         \
      {"rint." SUFFIX, unary<T, T, [](T a) { return std::nearbyint(a); }>},                        \
      {"round." SUFFIX, unary<T, T, [](T a) { return std::round(a); }>},                           \
      {"exp." SUFFIX, unary<T, T, [](T a) { return std::exp(a); }>},                               \
      {"exp2." SUFFIX, unary<T, T, [](T a) { return std::exp2(a); }>},                             \
      {"expm1." SUFFIX, unary<T, T, [](T a) { return std::expm1(a); }>},                           \
      {"log." SUFFIX, unary<T, T, [](T a) { return std::log(a); }>},                               \
      {"log1p." SUFFIX, unary<T, T, [](T a) { return std::log1p(a); }>},                           \
      {"log2." SUFFIX, unary<T, T, [](T a) { return std::log2(a); }>},                             \
      {"log10." SUFFIX, unary<T, T, [](T a) { return std::log10(a); }>},                           \
      {"sin." SUFFIX, unary<T, T, [](T a) { return std::sin(a); }>},                               \
      {"cos." SUFFIX, unary<T, T, [](T a) { return std::cos(a); }>},                               \
      {"tan." SUFFIX, unary<T, T, [](T a) { return std::tan(a); }>},                               \
      {"tanh." SUFFIX, unary<T, T, [](T a) { return std::tanh(a); }>},                             \
      {"atan." SUFFIX, unary<T, T, [](T a) { return std::atan(a); }>},                             \
      {"erf." SUFFIX, unary<T, T, [](T a) { return std::erf(a); }>},                               \
      {"rcp." SUFFIX, unary<T, T, [](T a) { return 1 / a; }>},                                     \
      {"pow." SUFFIX, binary<T, T, [](T a, T b) { return std::pow(a, b); }>},                      \
      {"copysign." SUFFIX, binary<T, T, [](T a, T b) { return std::copysign(a, b); }>},            \
      {"maxnum." SUFFIX, binary<T, T, maxNumber<T>>},                                              \
      {"minnum." SUFFIX, binary<T, T, minNumber<T>>},                                              \
      {"maximum." SUFFIX, binary<T, T, maximum<T>>},                                               \
      {"minimum." SUFFIX, binary<T, T, minimum<T>>},                                               \
      {"fcmp._false." SUFFIX, compare<T, [](T, T) { return false; }>},                             \
      {"fcmp._true." SUFFIX, compare<T, [](T, T) { return true; }>},                               \
      {"fcmp.oeq." SUFFIX, compare<T, [](T a, T b) { return a == b; }>},                           \
      {"fcmp.ogt." SUFFIX, compare<T, [](T a, T b) { return a > b; }>},                            \
      {"fcmp.oge." SUFFIX, compare<T, [](T a, T b) { return a >= b; }>},                           \
      {"fcmp.olt." SUFFIX, compare<T, [](T a, T b) { return a < b; }>},                            \
      {"fcmp.ole." SUFFIX, compare<T, [](T a, T b) { return a <= b; }>},                           \
      {"fcmp.one." SUFFIX, compare<T, [](T a, T b) { return a < b || a > b; }>},                   \
      {"fcmp.ord." SUFFIX, compare<T, [](T a, T b) { return !unordered(a, b); }>},                 \
      {"fcmp.uno." SUFFIX, compare<T, [](T a, T b) { return unordered(a, b); }>},                  \
      {"fcmp.ueq." SUFFIX, compare<T, [](T a, T b) { return !(a < b || a > b); }>},                \
      {"fcmp.ugt." SUFFIX, compare<T, [](T a, T b) { return !(a <= b); }>},                        \
      {"fcmp.uge." SUFFIX, compare<T, [](T a, T b) { return !(a < b); }>},                         \
      {"fcmp.ult." SUFFIX, compare<T, [](T a, T b) { return !(a >= b); }>},                        \
      {"fcmp.ule." SUFFIX, compare<T, [](T a, T b) { return !(a > b); }>}, {                       \
    "fcmp.une." SUFFIX, compare<T, [](T a, T b) { return a != b; }>                                \
  }
} // namespace

std::span<const LaneOp> floatLaneOps() {
  static const LaneOp ops[] = {
      SWAMLA_FLOAT_OPS(float, "f32"),
      SWAMLA_FLOAT_OPS(double, "f64"),
      {"ex2.approx", unary<float, float, [](float a) { return std::exp2(a); }>},
      {"ex2.approx.ftz", unary<float, float, [](float a) { return flush(std::exp2(flush(a))); }>},
      {"lg2.approx", unary<float, float, [](float a) { return std::log2(a); }>},
      {"lg2.approx.ftz", unary<float, float, [](float a) { return std::log2(flush(a)); }>},
      {"rcp.approx", unary<float, float, [](float a) { return 1 / a; }>},
      {"rcp.approx.ftz", unary<float, float, [](float a) { return flush(1 / flush(a)); }>},
      {"rsqrt.approx", unary<float, float, [](float a) { return 1 / std::sqrt(a); }>},
      {"rsqrt.approx.ftz", unary<float, float, [](float a) { return 1 / std::sqrt(flush(a)); }>},
      {"sqrt.approx", unary<float, float, [](float a) { return std::sqrt(a); }>},
      {"sqrt.approx.ftz", unary<float, float, [](float a) { return std::sqrt(flush(a)); }>},
      {"sin.approx", unary<float, float, [](float a) { return std::sin(a); }>},
      {"cos.approx", unary<float, float, [](float a) { return std::cos(a); }>},
      {"tanh.approx", unary<float, float, tanhApprox>},
      {"div.approx", binary<float, float, [](float a, float b) { return a / b; }>},
      {"div.full", binary<float, float, [](float a, float b) { return a / b; }>},
  };
  return ops;
}
#undef SWAMLA_FLOAT_OPS

} // namespace swamla::emulator
