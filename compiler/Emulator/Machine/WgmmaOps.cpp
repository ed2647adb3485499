//===- WgmmaOps.cpp - asynchronous matrix products ------------------------===//
//
// Each of the four warps of a warpgroup owns 16 rows of an m64 product, and runs
// its part by itself: as late as its waits allow, or earlier. Layouts are those
// of the PTX ISA: "Register Fragments" of wgmma, and "Strides" of its shared
// memory matrices with the 128-byte swizzle.
//
//===----------------------------------------------------------------------===//
#include "compiler/Emulator/Machine/Handlers.h"
#include "compiler/Emulator/Machine/Machine.h"

#include <bit>
#include <limits>

namespace swamla::emulator {

namespace {
constexpr unsigned kRows = 16;        ///< of a warp
constexpr size_t kLiveResults = 64;   ///< accumulators that a warp may have in flight
constexpr uint32_t kTag = 0x7FA00000; ///< a signalling NaN
constexpr uint32_t kTagMask = 0xFFE00000;
constexpr uint32_t kTagIds = 1 << 14;

uint32_t tagOf(uint32_t result, uint32_t index) { return kTag | (result % kTagIds) << 7 | index; }
bool isTag(uint32_t bits) { return (bits & kTagMask) == kTag; }
uint32_t tagResult(uint32_t bits) { return bits >> 7 & (kTagIds - 1); }
uint32_t tagIndex(uint32_t bits) { return bits & 127; }

WgmmaResult *findResult(Warp &warp, uint32_t id) {
  if (warp.wgmmaResults.empty())
    return nullptr;
  WgmmaResult &result = warp.wgmmaResults[id % kLiveResults];
  return result.id == id ? &result : nullptr;
}

/// Row of a fragment that register `index` of D holds in a lane, and its column.
unsigned rowOf(unsigned lane, unsigned index) { return lane / 4 + 8 * (index / 2 % 2); }
unsigned columnOf(unsigned lane, unsigned index) {
  return 8 * (index / 4) + 2 * (lane % 4) + index % 2;
}

/// A matrix in shared memory, as a descriptor has it.
struct Matrix {
  uint64_t address, leading, stride; ///< bytes
  unsigned swizzle;                  ///< bits that are exchanged: 3, 2, 1 or 0

  explicit Matrix(uint64_t descriptor)
      : address((descriptor & 0x3FFF) << 4), leading((descriptor >> 16 & 0x3FFF) << 4),
        stride((descriptor >> 32 & 0x3FFF) << 4),
        swizzle(descriptor >> 62 == 0 ? 0 : 4 - unsigned(descriptor >> 62)) {}

  uint64_t swizzled(uint64_t at) const { return at ^ (at >> 7 & ((1U << swizzle) - 1)) << 4; }
};
} // namespace

Next wgmmaFence(Frame &frame, const Instr &instr) { return frame.converge(instr, ~0U); }

//===----------------------------------------------------------------------===//
// Issue
//===----------------------------------------------------------------------===//

/// Makes a new accumulator from the values of its registers, or finds the one that is in flight in
/// them. False: fault.
static bool accumulatorOf(Frame &frame, const Instr &instr, const WgmmaShape &shape,
                          bool accumulate, uint32_t &id) {
  const Reg *d = frame.list(instr);
  unsigned count = shape.n / 2;
  uint32_t first = frame.reg<uint32_t>(d[0])[0];
  if (accumulate && isTag(first)) {
    id = tagResult(first);
    for (unsigned i = 0; i < count; ++i)
      for (unsigned lane = 0; lane < kLanes; ++lane)
        if (frame.reg<uint32_t>(d[i])[lane] != tagOf(id, i)) {
          frame.fail(instr, lane, "accumulates onto registers of which some are in flight");
          return false;
        }
    if (findResult(frame.warp, id))
      return true;
    frame.fail(instr, 0, "accumulates onto a result that is too old");
    return false;
  }
  id = frame.warp.nextWgmmaResult++ % kTagIds;
  frame.warp.wgmmaResults.resize(kLiveResults);
  WgmmaResult &result = frame.warp.wgmmaResults[id % kLiveResults];
  result.id = id;
  result.values.resize(size_t(count) * kLanes);
  for (unsigned i = 0; i < count; ++i) {
    if (accumulate)
      std::memcpy(&result.values[size_t(i) * kLanes], frame.reg<float>(d[i]), kLanes * 4);
    for (unsigned lane = 0; lane < kLanes; ++lane)
      frame.reg<uint32_t>(d[i])[lane] = tagOf(id, i);
  }
  return true;
}

/// A number that all lanes agree on. False: fault.
template <typename T>
static bool uniform(Frame &frame, const Instr &instr, Reg reg, const char *what, T &value) {
  if (reg == kNoReg)
    return true;
  const T *values = frame.reg<T>(reg);
  value = values[0];
  for (unsigned lane = 1; lane < kLanes; ++lane)
    if (values[lane] != value) {
      frame.fail(instr, lane, std::string("has another ") + what + " than lane 0");
      return false;
    }
  return true;
}

Next wgmmaIssue(Frame &frame, const Instr &instr) {
  if (Next next = frame.converge(instr, ~0U); next != Next::Continue)
    return next;
  const WgmmaShape &shape = frame.machine.program.wgmmas[instr.extra];
  PendingWgmma pending{&instr, 0, true, 0, 0, {}, frame.block.races.now(frame.warp.index)};
  uint32_t accumulate = 1;
  if (!uniform(frame, instr, instr.a, "descriptor of A", pending.descriptorA) ||
      !uniform(frame, instr, instr.b, "descriptor of B", pending.descriptorB) ||
      !uniform(frame, instr, instr.c, "scale-d", accumulate))
    return Next::Fault;
  pending.accumulate = accumulate & 1;
  if (shape.registerA)
    for (unsigned i = 0; i < 4; ++i) {
      const auto *a = frame.reg<uint32_t>(frame.list(instr)[shape.n / 2 + i]);
      pending.registersA.insert(pending.registersA.end(), a, a + kLanes);
    }
  if (!accumulatorOf(frame, instr, shape, pending.accumulate, pending.result))
    return Next::Fault;
  for (uint64_t part : {uint64_t(instr.origin), pending.descriptorA, pending.descriptorB})
    frame.warp.wgmmaHistory = (frame.warp.wgmmaHistory ^ part) * 0x100000001B3;
  frame.warp.openWgmmas.push_back(std::move(pending));
  return Next::Continue;
}

Next wgmmaCommit(Frame &frame, const Instr &instr) {
  if (Next next = frame.converge(instr, ~0U); next != Next::Continue)
    return next;
  frame.warp.wgmmaGroups.push_back(std::move(frame.warp.openWgmmas));
  frame.warp.openWgmmas.clear();
  return Next::Continue;
}

Next wgmmaWait(Frame &frame, const Instr &instr) {
  if (Next next = frame.converge(instr, ~0U); next != Next::Continue)
    return next;
  while (frame.warp.wgmmaGroups.size() > instr.imm)
    if (!runWgmmaGroup(frame.machine, frame.block, frame.warp))
      return Next::Fault;
  frame.block.races.acquireAsync(frame.warp.index);
  return Next::Continue;
}

Next wgmmaResolve(Frame &frame, const Instr &instr) {
  const auto *a = frame.reg<uint32_t>(instr.a);
  auto *dst = frame.reg<uint32_t>(instr.dst);
  forLanes(frame.mask, [&](unsigned lane) {
    uint32_t bits = a[lane];
    if (isTag(bits)) {
      // Still in flight: the tag stays, and is not a number.
      WgmmaResult *result = findResult(frame.warp, tagResult(bits));
      bool flying = !result;
      for (const auto &group : frame.warp.wgmmaGroups)
        for (const PendingWgmma &pending : group)
          flying = flying || pending.result == result->id;
      if (!flying)
        bits = std::bit_cast<uint32_t>(result->values[size_t(tagIndex(bits)) * kLanes + lane]);
    }
    dst[lane] = bits;
  });
  return Next::Continue;
}

//===----------------------------------------------------------------------===//
// Execution
//===----------------------------------------------------------------------===//

namespace {
/// Reads the operands of one product from shared memory.
class OperandReader {
public:
  OperandReader(Machine &machine, Block &block, unsigned thread, const PendingWgmma &pending,
                unsigned elementBytes)
      : machine(machine), block(block), thread(thread), pending(pending),
        elementBytes(elementBytes), depth(32 / elementBytes) {}

  /// out[k * count + i] = element (first + i, k) of the matrix; i runs along its M or N. Both
  /// orders come in chunks of 16 bytes, which a swizzle moves as they are.
  bool read(uint64_t descriptor, bool mnMajor, unsigned first, unsigned count, float *out) {
    Matrix matrix(descriptor);
    unsigned perChunk = 16 / elementBytes, row = 128 / elementBytes;
    if (matrix.swizzle != 3)
      return fail("its descriptor has no 128-byte swizzle, which is all that is emulated");
    if (mnMajor) {
      for (unsigned k = 0; k < depth; ++k)
        for (unsigned i = 0; i < count; i += perChunk) {
          unsigned mn = first + i;
          uint64_t at = matrix.address + mn / row * matrix.leading + mn % row * elementBytes +
                        k / 8 * matrix.stride + k % 8 * 128;
          if (!chunk(matrix.swizzled(at), out + size_t(k) * count + i, 1))
            return false;
        }
      return true;
    }
    for (unsigned i = 0; i < count; ++i)
      for (unsigned k = 0; k < depth; k += perChunk) {
        unsigned mn = first + i;
        uint64_t at = matrix.address + mn / 8 * matrix.stride + mn % 8 * 128 + k * elementBytes;
        if (!chunk(matrix.swizzled(at), out + size_t(k) * count + i, count))
          return false;
      }
    return true;
  }

  static float number(uint32_t bits, unsigned elementBytes) {
    return std::bit_cast<float>(elementBytes == 2 ? bits << 16 : bits & ~0x1FFFU);
  }

private:
  bool fail(const std::string &message) {
    machine.fail(block, thread, *pending.instr, message);
    return false;
  }

  /// The numbers of 16 bytes, written `step` apart. A descriptor has 18 bits of an address.
  bool chunk(uint64_t address, float *out, size_t step) {
    address &= 0x3FFFF;
    const std::byte *memory = block.shared.find(address, 16);
    if (!memory)
      return fail("an operand lies at " + block.shared.describe(address) +
                  ", which is out of bounds");
    if (int writer = block.shared.unfencedWriter(address); writer >= 0)
      return fail("reads " + block.shared.describe(address) + ", which thread " +
                  std::to_string(writer) + " has written without fence.proxy.async since");
    std::string race =
        block.races.readAsync(address - kSharedBase, 16, thread / kLanes, pending.issued);
    if (!isRaceFree(machine, block, thread, *pending.instr, address, race))
      return false;
    for (unsigned i = 0; i < 16 / elementBytes; ++i) {
      uint32_t bits = 0;
      std::memcpy(&bits, memory + size_t(i) * elementBytes, elementBytes);
      out[i * step] = number(bits, elementBytes);
    }
    return true;
  }

  Machine &machine;
  Block &block;
  unsigned thread;
  const PendingWgmma &pending;
  unsigned elementBytes, depth;
};

/// A of a warp from its registers: out[k * 16 + row].
void registersOfA(const PendingWgmma &pending, unsigned elementBytes, float *out) {
  for (unsigned reg = 0; reg < 4; ++reg)
    for (unsigned lane = 0; lane < kLanes; ++lane) {
      uint32_t bits = pending.registersA[size_t(reg) * kLanes + lane];
      unsigned row = lane / 4 + 8 * (reg % 2);
      if (elementBytes == 4) {
        out[(lane % 4 + 4 * (reg / 2)) * kRows + row] = OperandReader::number(bits, 4);
        continue;
      }
      unsigned k = 2 * (lane % 4) + 8 * (reg / 2);
      out[k * kRows + row] = OperandReader::number(bits & 0xFFFF, 2);
      out[(k + 1) * kRows + row] = OperandReader::number(bits >> 16, 2);
    }
}

bool runWgmma(Machine &machine, Block &block, Warp &warp, const PendingWgmma &pending) {
  const WgmmaShape &shape = machine.program.wgmmas[pending.instr->extra];
  unsigned elementBytes = shape.type == WgmmaShape::Type::BF16 ? 2 : 4, depth = 32 / elementBytes;
  unsigned thread = warp.index * kLanes;
  WgmmaResult *result = findResult(warp, pending.result);
  if (!result) {
    machine.fail(block, thread, *pending.instr, "more accumulators are in flight than emulated");
    return false;
  }
  OperandReader reader(machine, block, thread, pending, elementBytes);
  std::array<float, kRows * 16> a;
  std::array<float, 256 * 16> b;
  if (shape.registerA)
    registersOfA(pending, elementBytes, a.data());
  else if (!reader.read(pending.descriptorA, shape.transposeA, warp.index % 4 * kRows, kRows,
                        a.data()))
    return false;
  if (!reader.read(pending.descriptorB, shape.transposeB, 0, shape.n, b.data()))
    return false;
  float sign = shape.negateA != shape.negateB ? -1.0F : 1.0F;
  std::vector<float> product(size_t(kRows) * shape.n, 0);
  for (unsigned k = 0; k < depth; ++k)
    for (unsigned row = 0; row < kRows; ++row) {
      float factor = a[k * kRows + row] * sign;
      float *to = &product[size_t(row) * shape.n];
      const float *from = &b[size_t(k) * shape.n];
      for (unsigned i = 0; i < shape.n; ++i)
        to[i] += factor * from[i];
    }
  for (unsigned i = 0; i < shape.n / 2; ++i)
    for (unsigned lane = 0; lane < kLanes; ++lane) {
      float value = product[size_t(rowOf(lane, i)) * shape.n + columnOf(lane, i)];
      float &to = result->values[size_t(i) * kLanes + lane];
      to = pending.accumulate ? to + value : value;
    }
  return true;
}
} // namespace

bool runWgmmaGroup(Machine &machine, Block &block, Warp &warp) {
  std::vector<PendingWgmma> group = std::move(warp.wgmmaGroups.front());
  warp.wgmmaGroups.pop_front();
  for (const PendingWgmma &pending : group)
    if (!runWgmma(machine, block, warp, pending))
      return false;
  return true;
}

} // namespace swamla::emulator
