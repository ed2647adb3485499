//===- HopperAttention.cpp - tensor maps and the order of tiles -----------===//
#include "compiler/Kernels/CUDA/HopperAttention.h"

using namespace mlir;

namespace swamla {

static constexpr int64_t kBf16Bytes = 2;

/// The unit of addresses and strides of the tensor memory accelerator.
static constexpr int64_t kTmaAlignment = 16;

step::TensorMapAttr headsMap(unsigned view, step::HeadsAttr heads, const AttentionSizes &sizes,
                             int64_t firstColumn, int64_t width, int64_t rows) {
  constexpr int64_t swizzle128 = 3; // Swizzle::Bytes128 of step.fbs
  MLIRContext *context = heads.getContext();
  int64_t row = heads.getRowStride() * kBf16Bytes;
  // One head has no stride of its own, and 0 would not do.
  int64_t head = heads.getHeads() == 1 ? row : heads.getHeadStride() * kBf16Bytes;
  auto array = [&](ArrayRef<int64_t> values) { return DenseI64ArrayAttr::get(context, values); };
  return step::TensorMapAttr::get(
      context, view, firstColumn * kBf16Bytes, BFloat16Type::get(context),
      array({width, heads.getHeads(), sizes.seq, sizes.batch}), array({head, row, sizes.seq * row}),
      array({kAtomColumns, 1, rows, 1}), swizzle128);
}

bool tmaReaches(step::HeadsAttr heads, int64_t viewAlignment, int64_t firstColumn) {
  auto aligned = [](int64_t elements) { return elements * kBf16Bytes % kTmaAlignment == 0; };
  return viewAlignment % kTmaAlignment == 0 && aligned(firstColumn) &&
         aligned(heads.getRowStride()) && (heads.getHeads() == 1 || aligned(heads.getHeadStride()));
}

TileOrder TileOrder::make(int64_t tiles, int64_t sequences, int64_t heads, int64_t headBytes) {
  // About two thirds of the second-level cache (50 MB): the rest is for what passes through.
  constexpr int64_t cacheBytes = 32 << 20;
  int64_t all = sequences * heads;
  int64_t group = std::clamp<int64_t>(cacheBytes / std::max<int64_t>(headBytes, 1), 1, all);
  while (all % group != 0)
    --group;
  return {.tiles = tiles, .sequences = sequences, .heads = heads, .group = group};
}

TilePlace placeOf(HopperBuilder &b, const TileOrder &order, Value id) {
  int64_t perGroup = order.group * order.tiles;
  Value inGroup = b.rem(id, perGroup);
  Value head = b.add(b.mul(b.div(id, perGroup), order.group), b.rem(inGroup, order.group));
  return {.tile = b.div(inGroup, order.group),
          .sequence = b.div(head, order.heads),
          .head = b.rem(head, order.heads)};
}

//===----------------------------------------------------------------------===//
// The queue of tiles
//===----------------------------------------------------------------------===//

void TileQueue::takeFrom(SharedLayout &memory) {
  ids.stages = 4;
  memory.takeRingBarriers(ids);
  numbers = memory.take(4 * ids.stages, 4);
}

void TileQueue::init(HopperBuilder &b, int64_t readers) const {
  b.initBarriers(ids.full, ids.stages, 1);
  b.initBarriers(ids.empty, ids.stages, readers);
}

static void announceTile(HopperBuilder &b, const TileQueue &queue, Value id, Value ordinal) {
  Value place = b.acquireEmpty(queue.ids, ordinal);
  b.store(id, b.sharedAt(b.mul(place, 4), queue.numbers));
  b.arrive(b.fullBarrier(queue.ids, place));
}

void loadTiles(HopperBuilder &b, const TileQueue &queue, int64_t count, int64_t blocks,
               TileBody body) {
  // The number of a tile that no block has taken; `count` or more if there is none.
  auto take = [&] {
    Value taken = LLVM::AtomicRMWOp::create(b, LLVM::AtomicBinOp::add, b.scratch(), b.i32(1),
                                            LLVM::AtomicOrdering::monotonic, "device");
    return b.add(taken, b.i32(blocks));
  };
  Value total = b.i32(count), one = b.i32(1), first = b.blockId('x');
  announceTile(b, queue, first, b.i32(0));
  b.whileLoop(
      {first, take(), b.i32(0), b.i32(0)}, {},
      [&](ValueRange carried) {
        return HopperBuilder::Decision{b.lessThan(carried[0], total), {}};
      },
      [&](ValueRange carried, ValueRange) {
        Value id = carried[0], next = carried[1], base = carried[2], ordinal = carried[3];
        Value ordinalOfNext = b.add(ordinal, one);
        announceTile(b, queue, next, ordinalOfNext);
        Value afterNext = take(); // used in the next round, when it has long arrived
        return HopperBuilder::Values{next, afterNext, body(id, ordinal, base), ordinalOfNext};
      });
  // The last block to come here resets the counters for the next launch.
  Value finished = b.pointer(b.scratch(), b.getI32Type(), 1);
  Value before =
      LLVM::AtomicRMWOp::create(b, LLVM::AtomicBinOp::uinc_wrap, finished, b.i32(blocks - 1),
                                LLVM::AtomicOrdering::acq_rel, "device");
  b.when(b.equal(before, blocks - 1), [&] { b.store(b.i32(0), b.scratch()); });
}

void forEachTile(HopperBuilder &b, const TileQueue &queue, int64_t count, TileBody body) {
  Value isFirst = b.equal(b.laneId(), 0);
  b.whileLoop(
      {b.i32(0), b.i32(0)}, {b.getI32Type()},
      [&](ValueRange carried) {
        Value place = b.waitFull(queue.ids, carried[1]);
        Value id = b.readForWarp(isFirst, b.sharedAt(b.mul(place, 4), queue.numbers),
                                 b.mbarrier(queue.ids.empty, place));
        return HopperBuilder::Decision{b.lessThan(id, count), {id}};
      },
      [&](ValueRange carried, ValueRange found) {
        Value base = carried[0], ordinal = carried[1];
        return HopperBuilder::Values{body(found[0], ordinal, base), b.add(ordinal, 1)};
      });
}

} // namespace swamla
