//===- LaneTemplates.h - handlers that work on each lane for itself -------===//
#pragma once

#include "compiler/Emulator/Machine/Machine.h"

#include <string_view>

namespace swamla::emulator {

/// A name and its handler, for the tables of LaneOps.
struct LaneOp {
  std::string_view name;
  Handler handler;
};

// Two loops each: the compiler makes vectors of the first, which nearly all warps take. The result
// never shares memory with an operand (see Registers.cpp).

template <typename D, typename A, auto F> Next unary(Frame &frame, const Instr &instr) {
  D *__restrict dst = frame.reg<D>(instr.dst);
  const A *__restrict a = frame.reg<A>(instr.a);
  if (frame.full())
    for (unsigned lane = 0; lane < kLanes; ++lane)
      dst[lane] = D(F(a[lane]));
  else
    forLanes(frame.mask, [&](unsigned lane) { dst[lane] = D(F(a[lane])); });
  return Next::Continue;
}

template <typename D, typename T, auto F> Next binary(Frame &frame, const Instr &instr) {
  D *__restrict dst = frame.reg<D>(instr.dst);
  const T *a = frame.reg<T>(instr.a), *b = frame.reg<T>(instr.b);
  if (frame.full())
    for (unsigned lane = 0; lane < kLanes; ++lane)
      dst[lane] = D(F(a[lane], b[lane]));
  else
    forLanes(frame.mask, [&](unsigned lane) { dst[lane] = D(F(a[lane], b[lane])); });
  return Next::Continue;
}

template <typename T, auto F> Next ternary(Frame &frame, const Instr &instr) {
  T *__restrict dst = frame.reg<T>(instr.dst);
  const T *a = frame.reg<T>(instr.a), *b = frame.reg<T>(instr.b), *c = frame.reg<T>(instr.c);
  if (frame.full())
    for (unsigned lane = 0; lane < kLanes; ++lane)
      dst[lane] = F(a[lane], b[lane], c[lane]);
  else
    forLanes(frame.mask, [&](unsigned lane) { dst[lane] = F(a[lane], b[lane], c[lane]); });
  return Next::Continue;
}

/// dst = f(a, imm). The result may be the operand.
template <typename D, typename A, auto F> Next immediate(Frame &frame, const Instr &instr) {
  D *dst = frame.reg<D>(instr.dst);
  const A *a = frame.reg<A>(instr.a);
  uint64_t imm = instr.imm;
  if (frame.full())
    for (unsigned lane = 0; lane < kLanes; ++lane)
      dst[lane] = D(F(a[lane], imm));
  else
    forLanes(frame.mask, [&](unsigned lane) { dst[lane] = D(F(a[lane], imm)); });
  return Next::Continue;
}

/// The tables.
std::span<const LaneOp> integerLaneOps();
std::span<const LaneOp> floatLaneOps();
std::span<const LaneOp> conversionLaneOps();

} // namespace swamla::emulator
