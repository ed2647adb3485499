//===- Handlers.h - the instructions of the emulated machine --------------===//
//
// What each handler takes from its instruction stands beside it. Unless it says
// otherwise, registers of 4 bytes a lane; "address" registers have 8.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Emulator/Machine/Program.h"

#include <string_view>

namespace swamla::emulator {

/// Arithmetic, comparisons and conversions, each lane for itself: dst = f(a[, b[, c]]). Names:
/// "add.32", "fma.f32", "icmp.slt.64", "zext.32.64", "call.__nv_sin", ... Null: there is none.
Handler findLaneOp(std::string_view name);

/// Control flow (ControlOps.cpp).
Next jump(Frame &frame, const Instr &instr);     ///< extra: edge
Next branch(Frame &frame, const Instr &instr);   ///< a ? edge extra : edge imm
Next switchTo(Frame &frame, const Instr &instr); ///< a (8 bytes a lane); extra: table
Next exitLanes(Frame &frame, const Instr &instr);
Next trap(Frame &frame, const Instr &instr);

/// Memory (MemoryOps.cpp). a: address, imm: bytes to add to it, extra: Access, list: the values.
Next load(Frame &frame, const Instr &instr);
Next store(Frame &frame, const Instr &instr);
/// dst = old value (or none); a: address, b: value (c: compare); imm: AtomicOp; extra: Access.
enum class AtomicOp : uint8_t {
  Add,
  FAdd,
  And,
  Or,
  Xor,
  SMin,
  SMax,
  UMin,
  UMax,
  Inc,
  Exchange,
  Swap
};
Next atomic(Frame &frame, const Instr &instr);
/// cp.async: a: shared address, b: global address, imm: bytes; c: bytes to read (or none).
Next asyncCopy(Frame &frame, const Instr &instr);
Next asyncCopyCommit(Frame &frame, const Instr &instr);
Next asyncCopyWait(Frame &frame, const Instr &instr); ///< imm: groups that may be left

/// Special registers (WarpOps.cpp); imm: which.
enum class SpecialReg : uint8_t {
  TidX,
  TidY,
  TidZ,
  NTidX,
  NTidY,
  NTidZ,
  CtaX,
  CtaY,
  CtaZ,
  NCtaX,
  NCtaY,
  NCtaZ,
  Lane,
  WarpId,
  NWarps,
  SmId,
  LaneMaskEq,
  LaneMaskLt,
  LaneMaskLe,
  LaneMaskGt,
  LaneMaskGe
};
Next specialReg(Frame &frame, const Instr &instr);
/// shfl.sync: dst = value of another lane; a: value, b: lane or offset, c: clamp; list: the member
/// mask[, a register for "the lane was in range"]; imm: ShuffleKind. Lanes of 4 bytes.
enum class ShuffleKind : uint8_t { Index, Up, Down, Butterfly };
Next shuffle(Frame &frame, const Instr &instr);
enum class VoteKind : uint8_t { Any, All, Ballot, Uniform };
Next vote(Frame &frame, const Instr &instr); ///< dst; a: predicate, b: member mask; imm: VoteKind
enum class ReduceKind : uint8_t { Add, And, Or, Xor, SMin, SMax, UMin, UMax };
Next warpReduce(Frame &frame, const Instr &instr); ///< redux.sync: dst; a, b: mask; imm: ReduceKind
Next elect(Frame &frame, const Instr &instr);      ///< dst: 1 in one lane; a: member mask (or none)
Next warpSync(Frame &frame, const Instr &instr);   ///< a: member mask

/// Barriers (BarrierOps.cpp). a: barrier (or none: 0), b: threads (or none: all that live).
Next barrierSync(Frame &frame, const Instr &instr);
Next barrierArrive(Frame &frame, const Instr &instr);
/// mbarriers: a: address, imm: bytes to add to it.
Next mbarrierInit(Frame &frame, const Instr &instr); ///< b: arrivals
Next mbarrierInvalidate(Frame &frame, const Instr &instr);
Next mbarrierArrive(Frame &frame, const Instr &instr); ///< b: number of arrivals (or none: 1)
Next mbarrierExpect(Frame &frame, const Instr &instr); ///< b: bytes; extra: 1: and arrive
Next mbarrierWait(Frame &frame, const Instr &instr); ///< b: parity; waits for the end of the phase
Next mbarrierTest(Frame &frame, const Instr &instr); ///< ... dst: whether it has ended
Next mbarrierInitFence(Frame &frame, const Instr &instr);
Next proxyFence(Frame &frame, const Instr &instr);
Next nothing(Frame &frame, const Instr &instr); ///< fences without an effect here, setmaxnreg

/// The tensor memory accelerator (BulkOps.cpp). list: coordinates, innermost first.
Next tensorLoad(Frame &frame, const Instr &instr);  ///< a: to, b: tensor map, c: mbarrier
Next tensorStore(Frame &frame, const Instr &instr); ///< a: tensor map, b: from
Next bulkLoad(Frame &frame, const Instr &instr);    ///< a: to, b: from, c: mbarrier; list: bytes
Next bulkStore(Frame &frame, const Instr &instr);   ///< a: to, b: from; list: bytes
Next bulkCommit(Frame &frame, const Instr &instr);
Next bulkWait(Frame &frame, const Instr &instr); ///< imm: groups that may be left; extra: 1: .read

/// wgmma (WgmmaOps.cpp).
Next wgmmaFence(Frame &frame, const Instr &instr);
Next wgmmaIssue(Frame &frame,
                const Instr &instr); ///< a: descriptor A (or none), b: B (8 bytes each),
                                     ///< c: accumulate; list: D, A; extra: shape
Next wgmmaCommit(Frame &frame, const Instr &instr);
Next wgmmaWait(Frame &frame, const Instr &instr);    ///< imm: groups that may be left
Next wgmmaResolve(Frame &frame, const Instr &instr); ///< dst = a, or the result that a is a tag of

} // namespace swamla::emulator
