//===- RowKernelShape.cpp - how a row kernel's points are dealt to threads ===//
#include "compiler/Kernels/CUDA/RowKernelShape.h"

#include "mlir/IR/AffineExpr.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mlir;

namespace swamla {

using llvm::divideCeil;

/// Chunks that a thread of the Rows kind keeps in registers.
static constexpr int64_t kMaxPerThread = 3;
/// Blocks that fill the GPU a few times over; a kernel with fewer does not make them larger.
static int64_t enoughBlocks(const CudaTarget &target) { return 8 * target.numSms(); }

/// Rows of the first dim whose sum an out holds, times all of the others; 0 if the out keeps some
/// of the inner row dims apart.
static int64_t rowsOfSum(const RowKernelPlan &plan, const RowKernelPlan::Out &out) {
  bool sumsFirst = llvm::is_contained(out.summedDims, 0U);
  int64_t rows = out.rowsPerSum > 1 ? out.rowsPerSum : sumsFirst ? plan.extents[0] : 1;
  for (unsigned dim = 1; dim < plan.rowDims; ++dim) {
    if (plan.extents[dim] != 1 && !llvm::is_contained(out.summedDims, dim))
      return 0;
    rows *= plan.extents[dim];
  }
  return rows;
}

/// Which rows a block must handle together because they are summed.
static void chooseUnit(const RowKernelPlan &plan, RowKernelShape &shape) {
  int64_t inner = shape.rows / plan.extents[0];
  bool first = true;
  for (const RowKernelPlan::Out &out : plan.outs) {
    if (!out.reduces)
      continue;
    int64_t rows = rowsOfSum(plan, out);
    if (first)
      shape.unitRows = rows;
    shape.sumsInRegisters = rows != 0 && rows == shape.unitRows && (first || shape.sumsInRegisters);
    first = false;
  }
  // Where sums differ, a unit as the plan has made it holds all of each.
  if (!first && !shape.sumsInRegisters)
    shape.unitRows = static_cast<int64_t>(step::RowKernelOp(plan.op).getUnitRows()) * inner;
}

/// Threads that share a row of `chunks`: the choice for a width, whatever the kernel.
static void chooseGroup(RowKernelShape &shape) {
  int64_t chunks = shape.chunks;
  if (chunks <= kWarpSize) {
    // Part of a warp; three quarters of a power of two, such as 12 chunks, go to a third as many
    // threads, three to each.
    int64_t power = static_cast<int64_t>(llvm::PowerOf2Ceil(chunks));
    bool thirds = chunks % 3 == 0 && llvm::isPowerOf2_64(chunks / 3);
    shape.group = thirds ? chunks / 3 : power;
  } else if (chunks <= 1024) {
    shape.group = kWarpSize * divideCeil(chunks, 64);
  } else {
    shape.group = chunks <= 16384 ? 512 : 1024;
  }
  shape.perThread = divideCeil(chunks, shape.group);
  shape.looped = shape.perThread > kMaxPerThread;
}

/// Whether every row reads the same: weights, which stay in the L1 cache.
static bool isSameForRows(const RowKernelPlan &plan, const RowKernelPlan::View &view) {
  if (view.gather >= 0)
    return false;
  for (unsigned dim = 0; dim < plan.rowDims; ++dim)
    if (view.offset.isFunctionOfDim(dim))
      return false;
  return true;
}

/// 16-byte loads that one chunk takes from memory that other rows do not read.
static int64_t loadsOfChunk(const RowKernelPlan &plan, int64_t vec) {
  int64_t loads = 0;
  step::RowKernelOp op = plan.op;
  for (auto [view, argument] : llvm::zip_equal(plan.views, op.getBody().getArguments()))
    if (view.level == plan.numDims() && !argument.use_empty() && !isSameForRows(plan, view))
      loads += divideCeil(vec * view.element.getIntOrFloatBitWidth(), 128);
  return loads;
}

/// The largest power of two up to `limit` that keeps `blocks / it` large enough.
static int64_t atOnceFor(int64_t limit, int64_t blocks, int64_t enough) {
  int64_t atOnce = 1;
  while (2 * atOnce <= limit && blocks / (2 * atOnce) >= enough)
    atOnce *= 2;
  return atOnce;
}

static void choosePoints(const RowKernelPlan &plan, RowKernelShape &shape, int64_t enough) {
  shape.kind = RowKernelShape::Kind::Points;
  shape.block = 256;
  int64_t blocks = divideCeil(shape.rows * shape.chunks, shape.block);
  int64_t loads = loadsOfChunk(plan, shape.vec);
  shape.atOnce = loads == 0 ? 1 : atOnceFor(std::min<int64_t>(8 / loads, 4), blocks, enough);
  shape.blocks = divideCeil(blocks, shape.atOnce);
}

static void chooseColumns(const RowKernelPlan &plan, RowKernelShape &shape) {
  shape.kind = RowKernelShape::Kind::Columns;
  shape.block = 256;
  shape.group = 32;
  shape.atOnce = 4;
  if (shape.units() == 1) {
    // Few blocks are narrow ones, with many rows at a time: all of them where registers allow.
    shape.group = 4;
    int64_t vec = std::min<int64_t>(shape.vec, 4);
    shape.chunks *= shape.vec / vec;
    shape.vec = vec;
    int64_t rounds = divideCeil(shape.unitRows, shape.block / shape.group);
    int64_t limit = std::max<int64_t>(8 / std::max<int64_t>(loadsOfChunk(plan, vec), 1), 1);
    shape.atOnce = divideCeil(rounds, divideCeil(rounds, limit));
  }
  shape.rowsPerBlock = shape.block / shape.group;
  shape.blocks = shape.units() * divideCeil(shape.chunks, shape.group);
}

/// A row of which one pass makes numbers can be shared by blocks; the last to finish puts their
/// parts together.
static void chooseSplits(const RowKernelPlan &plan, RowKernelShape &shape) {
  constexpr int64_t chunksOfThread = 4, maxSplits = 256, longRow = 16384;
  bool hasPoints = llvm::any_of(plan.outs, [](const auto &out) { return !out.perRow; });
  if (plan.passes.size() != 1 || hasPoints || shape.chunks <= longRow)
    return;
  int64_t least = chunksOfThread * shape.group;
  shape.splitChunks = least * divideCeil(shape.chunks, least * maxSplits);
  shape.splits = divideCeil(shape.chunks, shape.splitChunks);
  shape.blocks *= shape.splits;
}

/// Registers that a thread which keeps sums over rows needs for them and for loads in flight.
static int64_t registersOfSums(const RowKernelPlan &plan, const RowKernelShape &shape) {
  constexpr int64_t registersOfLoad = 4;
  int64_t registers = registersOfLoad * loadsOfChunk(plan, shape.vec) * shape.perThread;
  for (const RowKernelPlan::Out &out : plan.outs)
    if (out.reduces)
      registers += out.perRow ? 1 : shape.perThread * shape.vec;
  return registers;
}

/// The threads of a block that keeps its unit's sums in registers: as many as find room in an SM.
static int64_t chooseThreadsOfSums(const RowKernelPlan &plan, RowKernelShape &shape) {
  int64_t registers = registersOfSums(plan, shape);
  if (registers <= 28 && shape.group <= 384) { // 80 a thread
    // The end of one block overlaps with the rows of another.
    shape.minBlocksPerSm = 2;
    return 384;
  }
  return 512; // 128 a thread
}

/// Rows are the first dim's before the second's where results of neighbours in it lie side by side.
static void chooseTile(const RowKernelPlan &plan, RowKernelShape &shape) {
  constexpr int64_t sector = 8; // results of 4 bytes
  if (plan.rowDims != 2 || plan.extents[0] % sector != 0 || shape.looped)
    return;
  MLIRContext *context = step::RowKernelOp(plan.op).getContext();
  AffineExpr first = getAffineDimExpr(0, context), zero = getAffineConstantExpr(0, context);
  for (const RowKernelPlan::Out &out : plan.outs) {
    AffineExpr offset = plan.views[out.view].offset;
    AffineExpr others = simplifyAffineExpr(offset.replace(first, zero), plan.numDims(), 1);
    if (out.perRow && !out.reduces &&
        simplifyAffineExpr(offset - others, plan.numDims(), 1) == first)
      shape.rowTile = sector;
  }
}

static void chooseRows(const RowKernelPlan &plan, RowKernelShape &shape, int64_t enough) {
  shape.kind = RowKernelShape::Kind::Rows;
  chooseGroup(shape);
  bool inRegisters = shape.unitRows != 0 && shape.sumsInRegisters && !shape.looped;
  shape.sumsInRegisters = inRegisters;
  if (shape.unitRows != 0) {
    // Several rows at a time hide each other's latency; their sums meet at the end of the unit.
    // A block is whole warps.
    int64_t rowsOfWarp = std::max<int64_t>(kWarpSize / shape.group, 1);
    int64_t threads = inRegisters ? chooseThreadsOfSums(plan, shape) : 0;
    shape.rowsPerBlock = std::max(threads / shape.group, inRegisters ? 1 : rowsOfWarp);
    int64_t rowsOfUnit = static_cast<int64_t>(llvm::alignTo(shape.unitRows, rowsOfWarp));
    shape.rowsPerBlock = std::min(shape.rowsPerBlock, rowsOfUnit);
    shape.blocks = shape.units();
  } else {
    // Blocks of 256 threads, or 128 where a warp has a row to itself; a looped row has a whole one.
    int64_t threads = shape.group == kWarpSize ? 128 : 256;
    shape.rowsPerBlock = shape.looped ? 1 : std::max<int64_t>(threads / shape.group, 1);
    int64_t blocks = divideCeil(shape.rows, shape.rowsPerBlock);
    int64_t loads = loadsOfChunk(plan, shape.vec) * shape.perThread;
    if (!shape.looped && loads > 0)
      shape.atOnce = atOnceFor(std::min<int64_t>(4 / loads, 4), blocks, enough);
    shape.blocks = divideCeil(blocks, shape.atOnce);
    chooseSplits(plan, shape);
    chooseTile(plan, shape);
  }
  shape.block = shape.group * shape.rowsPerBlock;
}

RowKernelShape RowKernelShape::choose(const RowKernelPlan &plan, const CudaTarget &target) {
  RowKernelShape shape;
  ArrayRef<int64_t> extents = plan.extents;
  shape.vec = std::gcd<int64_t>(plan.width(), 8);
  shape.chunks = plan.width() / shape.vec;
  for (int64_t extent : extents.slice(plan.rowDims).drop_back())
    shape.chunks *= extent;
  for (int64_t extent : extents.take_front(plan.rowDims))
    shape.rows *= extent;
  chooseUnit(plan, shape);

  bool sumsAlongRows = !plan.passes.empty();
  bool hasRowOuts = llvm::any_of(plan.outs, [](const auto &out) { return out.perRow; });
  bool isPoints = !sumsAlongRows && !hasRowOuts && shape.unitRows == 0;
  if (isPoints && plan.hasTransposedOuts()) {
    chooseStrips(plan, shape, loadsOfChunk(plan, shape.vec), enoughBlocks(target));
    return shape;
  }
  if (plan.hasTransposedOuts() && shape.unitRows == 0 && hasOnlyLateMaxima(plan)) {
    chooseStripsWithMaxima(plan, shape, loadsOfChunk(plan, shape.vec), enoughBlocks(target));
    return shape;
  }
  if (isPoints)
    choosePoints(plan, shape, enoughBlocks(target));
  else if (!sumsAlongRows && !hasRowOuts && shape.sumsInRegisters)
    chooseColumns(plan, shape);
  else
    chooseRows(plan, shape, enoughBlocks(target));
  if (plan.hasTransposedOuts())
    chooseSlab(plan, shape, loadsOfChunk(plan, shape.vec), target);
  return shape;
}

} // namespace swamla
