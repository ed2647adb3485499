//===- IntegerOps.cpp - integer arithmetic on lanes -----------------------===//
//
// Numbers narrower than 32 bits do not occur: the decoder widens operands as
// their op wants them, and cuts the result.
//
//===----------------------------------------------------------------------===//
#include "compiler/Emulator/Machine/Handlers.h"
#include "compiler/Emulator/Machine/LaneTemplates.h"

#include <algorithm>
#include <bit>
#include <type_traits>
#include <unordered_map>

namespace swamla::emulator {

namespace {
template <typename U> using Signed = std::make_signed_t<U>;
template <typename U> constexpr unsigned kBits = sizeof(U) * 8;

/// Division: by zero gives all ones, as the hardware has it, and the one overflow wraps.
template <typename U> U divideSigned(U a, U b) {
  return b == 0 ? ~U(0) : b == ~U(0) ? U(0) - a : U(Signed<U>(a) / Signed<U>(b));
}
template <typename U> U remainderSigned(U a, U b) {
  return b == 0 ? a : b == ~U(0) ? 0 : U(Signed<U>(a) % Signed<U>(b));
}
template <typename U> U divide(U a, U b) { return b == 0 ? ~U(0) : a / b; }
template <typename U> U remainder(U a, U b) { return b == 0 ? a : a % b; }
/// Shifts by the width or more give zeros (or signs), as in PTX.
template <typename U> U shiftLeft(U a, U b) { return b < kBits<U> ? a << b : 0; }
template <typename U> U shiftRight(U a, U b) { return b < kBits<U> ? a >> b : 0; }
template <typename U> U shiftSigned(U a, U b) {
  return U(Signed<U>(a) >> std::min<U>(b, kBits<U> - 1));
}
template <typename U> U multiplyHighSigned(U a, U b) {
  return U((__int128(Signed<U>(a)) * Signed<U>(b)) >> kBits<U>);
}
template <typename U> U multiplyHigh(U a, U b) {
  return U((static_cast<unsigned __int128>(a) * b) >> kBits<U>);
}

template <typename U, auto F> Next compare(Frame &frame, const Instr &instr) {
  return binary<uint32_t, U, F>(frame, instr);
}
template <typename U, auto F> Next compareSigned(Frame &frame, const Instr &instr) {
  return binary<uint32_t, Signed<U>, F>(frame, instr);
}

#define SWAMLA_INTEGER_OPS(U, SUFFIX)                                                              \
  {"add." SUFFIX, binary<U, U, [](U a, U b) { return a + b; }>},                                   \
      {"sub." SUFFIX, binary<U, U, [](U a, U b) { return a - b; }>},                               \
      {"mul." SUFFIX, binary<U, U, [](U a, U b) { return a * b; }>},                               \
      {"and." SUFFIX, binary<U, U, [](U a, U b) { return a & b; }>},                               \
      {"or." SUFFIX, binary<U, U, [](U a, U b) { return a | b; }>},                                \
      {"xor." SUFFIX, binary<U, U, [](U a, U b) { return a ^ b; }>},                               \
      {"shl." SUFFIX, binary<U, U, shiftLeft<U>>}, {"lshr." SUFFIX, binary<U, U, shiftRight<U>>},  \
      {"ashr." SUFFIX, binary<U, U, shiftSigned<U>>},                                              \
      {"sdiv." SUFFIX, binary<U, U, divideSigned<U>>}, {"udiv." SUFFIX, binary<U, U, divide<U>>},  \
      {"srem." SUFFIX, binary<U, U, remainderSigned<U>>},                                          \
      {"urem." SUFFIX, binary<U, U, remainder<U>>},                                                \
      {"smin." SUFFIX,                                                                             \
       binary<Signed<U>, Signed<U>, [](Signed<U> a, Signed<U> b) { return std::min(a, b); }>},     \
      {"smax." SUFFIX,                                                                             \
       binary<Signed<U>, Signed<U>, [](Signed<U> a, Signed<U> b) { return std::max(a, b); }>},     \
      {"umin." SUFFIX, binary<U, U, [](U a, U b) { return std::min(a, b); }>},                     \
      {"umax." SUFFIX, binary<U, U, [](U a, U b) { return std::max(a, b); }>},                     \
      {"smulhi." SUFFIX, binary<U, U, multiplyHighSigned<U>>},                                     \
      {"umulhi." SUFFIX, binary<U, U, multiplyHigh<U>>},                                           \
      {"not." SUFFIX, unary<U, U, [](U a) { return ~a; }>},                                        \
      {"neg." SUFFIX, unary<U, U, [](U a) { return U(0) - a; }>},                                  \
      {"abs." SUFFIX, unary<U, U, [](U a) { return Signed<U>(a) < 0 ? U(0) - a : a; }>},           \
      {"ctpop." SUFFIX, unary<U, U, [](U a) { return U(std::popcount(a)); }>},                     \
      {"ctlz." SUFFIX, unary<U, U, [](U a) { return U(std::countl_zero(a)); }>},                   \
      {"cttz." SUFFIX, unary<U, U, [](U a) { return U(std::countr_zero(a)); }>},                   \
      {"mask." SUFFIX, immediate<U, U, [](U a, uint64_t mask) { return a & U(mask); }>},           \
      {"addi." SUFFIX, immediate<U, U, [](U a, uint64_t value) { return a + U(value); }>},         \
      {"shli." SUFFIX,                                                                             \
       immediate<U, U, [](U a, uint64_t n) { return n < kBits<U> ? a << n : 0; }>},                \
      {"shri." SUFFIX,                                                                             \
       immediate<U, U, [](U a, uint64_t n) { return n < kBits<U> ? a >> n : 0; }>},                \
      {"madi." SUFFIX, ternary<U, [](U a, U b, U c) { return a * b + c; }>},                       \
      {"icmp.eq." SUFFIX, compare<U, [](U a, U b) { return a == b; }>},                            \
      {"icmp.ne." SUFFIX, compare<U, [](U a, U b) { return a != b; }>},                            \
      {"icmp.ult." SUFFIX, compare<U, [](U a, U b) { return a < b; }>},                            \
      {"icmp.ule." SUFFIX, compare<U, [](U a, U b) { return a <= b; }>},                           \
      {"icmp.ugt." SUFFIX, compare<U, [](U a, U b) { return a > b; }>},                            \
      {"icmp.uge." SUFFIX, compare<U, [](U a, U b) { return a >= b; }>},                           \
      {"icmp.slt." SUFFIX, compareSigned<U, [](Signed<U> a, Signed<U> b) { return a < b; }>},      \
      {"icmp.sle." SUFFIX, compareSigned<U, [](Signed<U> a, Signed<U> b) { return a <= b; }>},     \
      {"icmp.sgt." SUFFIX, compareSigned<U, [](Signed<U> a, Signed<U> b) { return a > b; }>}, {    \
    "icmp.sge." SUFFIX, compareSigned<U, [](Signed<U> a, Signed<U> b) { return a >= b; }>          \
  }

/// a ? b : c; a has 4 bytes a lane.
template <typename T> Next select(Frame &frame, const Instr &instr) {
  T *__restrict dst = frame.reg<T>(instr.dst);
  const auto *a = frame.reg<uint32_t>(instr.a);
  const T *b = frame.reg<T>(instr.b), *c = frame.reg<T>(instr.c);
  if (frame.full())
    for (unsigned lane = 0; lane < kLanes; ++lane)
      dst[lane] = a[lane] & 1 ? b[lane] : c[lane];
  else
    forLanes(frame.mask, [&](unsigned lane) { dst[lane] = a[lane] & 1 ? b[lane] : c[lane]; });
  return Next::Continue;
}

/// Byte i of the result is that of b:a which nibble i of the selector names, or its sign bit eight
/// times.
uint32_t permuteBytes(uint32_t a, uint32_t b, uint32_t selector) {
  uint64_t pool = uint64_t(b) << 32 | a;
  uint32_t result = 0;
  for (unsigned i = 0; i < 4; ++i) {
    uint32_t nibble = selector >> 4 * i, byte = uint32_t(pool >> 8 * (nibble & 7)) & 0xFF;
    if (nibble & 8)
      byte = byte & 0x80 ? 0xFF : 0;
    result |= byte << 8 * i;
  }
  return result;
}
} // namespace

std::span<const LaneOp> integerLaneOps() {
  static const LaneOp ops[] = {
      SWAMLA_INTEGER_OPS(uint32_t, "32"),
      SWAMLA_INTEGER_OPS(uint64_t, "64"),
      {"prmt", ternary<uint32_t, permuteBytes>},
      {"select.32", select<uint32_t>},
      {"select.64", select<uint64_t>},
      {"move.32", unary<uint32_t, uint32_t, [](uint32_t a) { return a; }>},
      {"move.64", unary<uint64_t, uint64_t, [](uint64_t a) { return a; }>},
  };
  return ops;
}
#undef SWAMLA_INTEGER_OPS

Handler findLaneOp(std::string_view name) {
  static const auto table = [] {
    std::unordered_map<std::string_view, Handler> all;
    for (auto ops : {integerLaneOps(), floatLaneOps(), conversionLaneOps()})
      for (const LaneOp &op : ops)
        all.emplace(op.name, op.handler);
    return all;
  }();
  auto found = table.find(name);
  return found == table.end() ? nullptr : found->second;
}

} // namespace swamla::emulator
