//===- RowSlab.cpp - where rows wait to be written as columns -------------===//
#include "compiler/Kernels/CUDA/RowSlab.h"

#include "compiler/Kernels/CUDA/CudaBuilder.h"
#include "compiler/Kernels/CUDA/RowKernelShape.h"

#include "mlir/IR/AffineExpr.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mlir;

namespace swamla {

using llvm::divideCeilSigned;

RowSlab::RowSlab(unsigned out, int64_t elementBytes, int64_t rows, int64_t columns,
                 int64_t bandRows)
    : out(out), elementBytes(elementBytes), rows(rows), bandRows(bandRows) {
  constexpr int64_t banks = 32, wordsOfAccess = 4;
  rowWords = static_cast<int64_t>(llvm::alignTo(divideCeilSigned(columns * elementBytes, 4), 8));
  if (bandRows > 1 && bands() > 1)
    skewWords = std::max(banks / bands(), wordsOfAccess);
}

static int64_t elementBytes(const RowKernelPlan &plan, const RowKernelPlan::Out &out) {
  return plan.views[out.view].element.getIntOrFloatBitWidth() / 8;
}

/// Rows that come one after the other and lie side by side in the out.
static int64_t neighbours(const RowKernelPlan &plan, const RowKernelShape &shape, unsigned dim) {
  if (shape.rowTile > 1)
    return dim == 0 ? shape.rowTile : 1;
  for (unsigned inner = dim + 1; inner < plan.rowDims; ++inner)
    if (plan.extents[inner] != 1)
      return 1;
  return plan.extents[dim];
}

/// The rows of one store to the out where a slab has `rows`.
static int64_t bandRowsOf(const RowKernelPlan &plan, const RowKernelShape &shape,
                          const RowKernelPlan::Out &out, int64_t rows) {
  constexpr int64_t accessBytes = 16, wordBytes = 4;
  unsigned dim = *out.transposed;
  int64_t bytes = elementBytes(plan, out);
  int64_t band = std::gcd(std::gcd(accessBytes / bytes, rows), neighbours(plan, shape, dim));
  if (shape.unitRows != 0)
    band = std::gcd(band, shape.unitRows);
  AffineExpr offset = plan.views[out.view].offset;
  AffineExpr row = getAffineDimExpr(dim, offset.getContext());
  int64_t divisor = offset.replace(row, row * band).getLargestKnownDivisor() * bytes;
  int64_t aligned = std::gcd(divisor, viewAlignment(plan.op, out.view));
  while (band > 1 && aligned % (band * bytes) != 0)
    band /= 2;
  return band * bytes < wordBytes ? 1 : band;
}

static SmallVector<RowSlab> slabsOf(const RowKernelPlan &plan, const RowKernelShape &shape,
                                    int64_t rows) {
  SmallVector<RowSlab> slabs;
  for (auto [i, out] : llvm::enumerate(plan.outs))
    if (out.transposed)
      slabs.emplace_back(i, elementBytes(plan, out), rows,
                         shape.perThread * shape.group * shape.vec,
                         bandRowsOf(plan, shape, out, rows));
  return slabs;
}

static int64_t bytesOf(ArrayRef<RowSlab> slabs) {
  int64_t bytes = 0;
  for (const RowSlab &slab : slabs)
    bytes += slab.bytes();
  return bytes;
}

static int64_t smallestElement(const RowKernelPlan &plan) {
  int64_t bytes = 4;
  for (const RowKernelPlan::Out &out : plan.outs)
    if (out.transposed)
      bytes = std::min(bytes, elementBytes(plan, out));
  return bytes;
}

/// Where neighbours of the first of two row dims lie side by side, they come one after the other.
static void followFirstDim(const RowKernelPlan &plan, RowKernelShape &shape, int64_t rows) {
  bool wanted = llvm::any_of(plan.outs, [](const auto &out) { return out.transposed == 0U; });
  if (wanted && shape.unitRows == 0 && plan.rowDims == 2 && plan.extents[1] != 1 &&
      plan.extents[0] % rows == 0)
    shape.rowTile = rows;
}

static int64_t floorToPower(int64_t value) {
  return static_cast<int64_t>(llvm::bit_floor(static_cast<uint64_t>(value)));
}

/// Columns of a block side by side, and 256 threads for them.
static void setStrip(RowKernelShape &shape) {
  constexpr int64_t columns = 128;
  shape.kind = RowKernelShape::Kind::Columns;
  shape.block = 256;
  shape.group =
      std::min(columns / shape.vec, static_cast<int64_t>(llvm::PowerOf2Ceil(shape.chunks)));
  shape.rowsPerBlock = shape.block / shape.group;
}

/// A unit of one slab, without sums.
static void useSlab(const RowKernelPlan &plan, RowKernelShape &shape, int64_t rows) {
  followFirstDim(plan, shape, rows);
  shape.slabRows = shape.unitRows = rows;
  shape.sumsInRegisters = true;
  shape.slabs = slabsOf(plan, shape, rows);
}

void chooseStrips(const RowKernelPlan &plan, RowKernelShape &shape, int64_t loads, int64_t enough) {
  constexpr int64_t line = 128, sector = 32, loadsAtOnce = 8, mostAtOnce = 4, room = 64 * 1024;
  setStrip(shape);
  int64_t segment = line, rows = 0;
  for (;; segment /= 2) {
    rows = std::max(segment / smallestElement(plan), shape.rowsPerBlock);
    int64_t blocks = divideCeilSigned(shape.rows, rows) * shape.strips();
    if (segment == sector || (blocks >= enough && bytesOf(slabsOf(plan, shape, rows)) <= room))
      break;
  }
  int64_t limit = std::min(std::max<int64_t>(loadsAtOnce / std::max<int64_t>(loads, 1), 1),
                           std::min(mostAtOnce, rows / shape.rowsPerBlock));
  shape.atOnce = floorToPower(limit);
  useSlab(plan, shape, rows);
  shape.blocks = shape.units() * shape.strips();
}

/// Kernels that load much (optimizers) need 128 registers a thread: ptxas finds three blocks an SM
/// better than a few spills, unless it is told that two will do.
static void requestRegisters(RowKernelShape &shape, int64_t loads) {
  constexpr int64_t many = 8, registers = 128, ofSm = 65536;
  if (loads * shape.perThread * shape.atOnce >= many && 2 * shape.block * registers <= ofSm)
    shape.minBlocksPerSm = 2;
}

bool hasOnlyLateMaxima(const RowKernelPlan &plan) {
  auto isMaximum = [](ReduceRowOp reduction) {
    return reduction.getKind() == RowReduction::max && reduction.getType().isF32();
  };
  auto isLate = [&](const RowKernelPlan::Out &out) {
    return out.perRow || plan.stages.lookup(out.value) == 0;
  };
  return plan.passes.size() == 1 && llvm::all_of(plan.passes[0], isMaximum) &&
         llvm::all_of(plan.outs, isLate);
}

void chooseStripsWithMaxima(const RowKernelPlan &plan, RowKernelShape &shape, int64_t loads,
                            int64_t enough) {
  constexpr int64_t sector = 32, loadsAtOnce = 8, leastStrips = 3;
  setStrip(shape);
  shape.group = std::min(shape.group, kWarpSize); // where maxima meet
  shape.rowsPerBlock = shape.block / shape.group;
  // All rows of the slab at once, as their maxima stay in registers.
  int64_t wanted = sector / smallestElement(plan);
  if (loads * 2 * wanted / shape.rowsPerBlock <= loadsAtOnce)
    wanted *= 2;
  shape.atOnce = std::max<int64_t>(wanted / shape.rowsPerBlock, 1);
  useSlab(plan, shape, shape.atOnce * shape.rowsPerBlock);
  int64_t splits = std::min({divideCeilSigned(enough, shape.units()), shape.strips(), shape.group});
  if (loads == 1) {
    // Blocks of few registers, of which an SM holds many: more of them, for an even end.
    int64_t more = std::min(2 * enough / shape.units(), shape.strips() / leastStrips);
    splits = std::max(splits, std::min(more, shape.group));
  }
  shape.stripsOfBlock = divideCeilSigned(shape.strips(), splits);
  shape.splits = divideCeilSigned(shape.strips(), shape.stripsOfBlock);
  shape.blocks = shape.units() * shape.splits;
  requestRegisters(shape, loads);
}

// Shared memory of an SM, what the system takes for a block, and room for the sums of a pass.
static constexpr int64_t kAllShared = 228 * 1024, kOfSystem = 1024, kOfPasses = 4096;

/// Beside sums over rows, which blocks are units whatever the slab: as much of a column at a time
/// as there is room for. 0: none.
static int64_t slabRowsOfSums(const RowKernelPlan &plan, const RowKernelShape &shape) {
  // The sums take so many registers that one block fits, unless two have been asked for.
  int64_t blocks = std::max<int64_t>(shape.minBlocksPerSm, 1);
  int64_t room = kAllShared / blocks - kOfSystem - kOfPasses;
  int64_t round = shape.rowsPerBlock * shape.atOnce;
  for (int64_t segment : {64, 32, 16, 8, 1}) {
    int64_t elements = std::max<int64_t>(segment / smallestElement(plan), 1);
    int64_t rows = round * divideCeilSigned(elements, round);
    if (bytesOf(slabsOf(plan, shape, rows)) <= room)
      return rows;
  }
  return 0;
}

void chooseSlab(const RowKernelPlan &plan, RowKernelShape &shape, int64_t loads,
                const CudaTarget &target) {
  constexpr int64_t all = kAllShared;
  // Three blocks an SM, two, one; how much of a column to write at a time; and how many blocks an
  // SM that must leave, in halves.
  struct Choice {
    int64_t room, segment, halfBlocks;
  };
  constexpr Choice choices[] = {{all / 3, 64, 4}, {all / 3, 32, 2}, {all / 2, 32, 2},
                                {all / 2, 16, 1}, {all, 32, 2},     {all, 16, 1},
                                {all / 2, 8, 0},  {all, 1, 0}};
  bool hasSums = shape.unitRows != 0;
  if (shape.looped || shape.splits > 1 || (hasSums && !shape.sumsInRegisters))
    return;
  RowKernelShape slabbed = shape;
  slabbed.rowsPerBlock = floorToPower(shape.rowsPerBlock);
  slabbed.block = slabbed.group * slabbed.rowsPerBlock;
  auto choose = [&]() -> int64_t {
    if (hasSums)
      return slabRowsOfSums(plan, slabbed);
    int64_t round = slabbed.rowsPerBlock * slabbed.atOnce;
    for (auto [room, segment, halfBlocks] : choices) {
      int64_t elements = std::max<int64_t>(segment / smallestElement(plan), 1);
      int64_t rows = round * divideCeilSigned(elements, round);
      bool areEnough = 2 * divideCeilSigned(shape.rows, rows) >= halfBlocks * target.numSms();
      if (areEnough && bytesOf(slabsOf(plan, slabbed, rows)) <= room - kOfSystem - kOfPasses)
        return rows;
    }
    return 0;
  };
  int64_t rows = choose();
  while (rows == 0 && slabbed.atOnce > 1) {
    slabbed.atOnce = divideCeilSigned(slabbed.atOnce, 2);
    rows = choose();
  }
  if (rows == 0)
    return; // the elements are stored one by one
  shape = slabbed;
  if (!hasSums) {
    useSlab(plan, shape, rows);
    shape.blocks = shape.units();
    requestRegisters(shape, loads);
    return;
  }
  shape.slabRows = rows;
  shape.slabs = slabsOf(plan, shape, rows);
}

} // namespace swamla
