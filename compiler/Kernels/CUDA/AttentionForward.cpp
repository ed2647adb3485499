//===- AttentionForward.cpp - the frame and the loading warpgroup ---------===//
#include "compiler/Kernels/CUDA/AttentionForwardKernel.h"

using namespace mlir;

namespace swamla {

//===----------------------------------------------------------------------===//
// Layout
//===----------------------------------------------------------------------===//

int64_t sharedLimit(const CudaTarget &target, int64_t blocksPerSm) {
  // The hardware keeps 1 KiB for each block, which the limit of a lone block already lacks.
  constexpr int64_t reserved = 1024;
  return (target.maxSharedBytes() + reserved) / blocksPerSm - reserved;
}

ForwardLayout ForwardLayout::make(const AttentionSizes &sizes, const HopperForwardPlan &plan) {
  int64_t keyAtoms = atomsFor(sizes.own) + atomsFor(sizes.shared), valueAtoms = atomsFor(sizes.v);
  ForwardLayout l;
  SharedLayout memory;
  l.q = l.out = memory.takeTile(plan.blockQ(), std::max(keyAtoms, valueAtoms), plan.places);
  l.q.atoms = keyAtoms;
  l.out.atoms = valueAtoms;
  l.k = {.tile = memory.takeTile(plan.blockK, keyAtoms, plan.stages), .stages = plan.stages};
  l.v = {.tile = memory.takeTile(plan.blockK, valueAtoms, plan.stages), .stages = plan.stages};
  bool sinkTile = hasSinkTile(sizes);
  l.sinkK = memory.takeTile(kSinkTileKeys, sinkTile ? keyAtoms : 0, plan.places);
  l.sinkV = memory.takeTile(kSinkTileKeys, sinkTile ? valueAtoms : 0, plan.places);
  l.places.stages = plan.places;
  for (TileRing *ring : {&l.places, &l.k, &l.v})
    memory.takeRingBarriers(*ring);
  l.staged = memory.takeBarriers(plan.places);
  l.queue.takeFrom(memory);
  l.never = memory.take(4, 4);
  l.bytes = memory.size();
  return l;
}

//===----------------------------------------------------------------------===//
// The frame
//===----------------------------------------------------------------------===//

static TileOrder orderOf(const AttentionSizes &sizes, const HopperForwardPlan &plan) {
  int64_t keyBytes = sizes.seq * (sizes.qk() + sizes.v) * 2;
  return TileOrder::make(sizes.blocks(plan.blockQ()), sizes.batch, sizes.heads,
                         keyBytes / sizes.group());
}

HopperForward::HopperForward(step::AttentionKernelOp op, const HopperForwardPlan &plan,
                             OpBuilder &builder, const CudaTarget &target)
    : op(op), sizes(attentionSizes(op)), plan(plan), b(op.getLoc(), builder, target),
      layout(ForwardLayout::make(sizes, plan)), order(orderOf(sizes, plan)),
      keyColumns{sizes.own, sizes.shared}, valueColumns{sizes.v}, numViews(sizes.shared ? 6 : 5) {
  int64_t resident = target.numSms() * plan.blocksPerSm;
  launch.grid = {std::min(order.count(), resident), 1, 1};
  launch.block = plan.threads();
  launch.sharedBytes = layout.bytes;
  // The number of the next tile of queries, and how many blocks have finished.
  launch.scratchBytes = 8;
  launch.minBlocksPerSm = plan.blocksPerSm;
  maps = makeMaps();
}

HopperForward::Maps HopperForward::makeMaps() {
  auto make = [&](unsigned view, step::HeadsAttr heads, int64_t firstColumn, int64_t width,
                  int64_t rows) -> int64_t {
    launch.tensorMaps.push_back(headsMap(view, heads, sizes, firstColumn, width, rows));
    return launch.tensorMaps.size() - 1;
  };
  Maps m;
  bool sinkTile = hasSinkTile(sizes);
  m.q = make(0, op.getQ(), 0, sizes.own, plan.blockQ());
  m.k = make(1, op.getK(), 0, sizes.own, plan.blockK);
  m.v = make(2, op.getV(), 0, sizes.v, plan.blockK);
  m.out = make(numViews - 2, op.getOut(), 0, sizes.v, plan.blockQ());
  if (sizes.shared) {
    m.qShared = make(0, op.getQ(), sizes.own, sizes.shared, plan.blockQ());
    m.kShared = make(3, *op.getShared(), 0, sizes.shared, plan.blockK);
  }
  if (sinkTile) {
    m.sinkK = make(1, op.getK(), 0, sizes.own, kSinkTileKeys);
    m.sinkV = make(2, op.getV(), 0, sizes.v, kSinkTileKeys);
  }
  if (sinkTile && sizes.shared)
    m.sinkShared = make(3, *op.getShared(), 0, sizes.shared, kSinkTileKeys);
  return m;
}

GpuKernel HopperForward::build() {
  GpuKernel kernel;
  kernel.func = b.createKernel(op.getSymName(), numViews, launch);
  kernel.views = llvm::to_vector(llvm::seq<unsigned>(0, numViews));
  b.when(b.equal(b.threadId(), 0), [&] { initBarriers(); });
  b.barrier();
  Value group = b.warpgroupId();
  b.choose(
      b.equal(group, 0),
      [&] {
        if (plan.movesRegisters())
          b.decreaseRegisters(plan.loadRegisters());
        Value warp = b.shuffleFrom(b.warpId(), b.i32(0));
        b.when(b.equal(b.threadId(), 0), [&] { load(); });
        b.when(b.equal(warp, 1), [&] { storeTiles(); });
        return Values();
      },
      [&] {
        if (plan.movesRegisters())
          b.increaseRegisters(plan.computeRegisters());
        warpgroup = b.add(group, -1);
        compute();
        return Values();
      });
  return kernel;
}

void HopperForward::initBarriers() {
  int64_t warps = 4 * plan.warpgroups;
  b.initBarriers(layout.places.full, plan.places, 1);
  b.initBarriers(layout.places.empty, plan.places, 1);
  b.initBarriers(layout.staged, plan.places, plan.warpgroups * kWarpgroupSize);
  layout.queue.init(b, warps + 1);
  for (const TileRing &ring : {layout.k, layout.v}) {
    b.initBarriers(ring.full, ring.stages, 1);
    b.initBarriers(ring.empty, ring.stages, warps);
  }
  b.fenceBarrierInit();
}

Value HopperForward::larger(Value x, Value y) { return b.larger(x, y); }
Value HopperForward::smaller(Value x, Value y) { return b.smaller(x, y); }

HopperForward::QueryTile HopperForward::decode(Value id, Value ordinal) {
  TilePlace place = placeOf(b, order, id);
  QueryTile tile;
  tile.ordinal = ordinal;
  tile.sequence = place.sequence;
  tile.head = place.head;
  tile.kvHead = b.div(place.head, sizes.group());
  // The late queries see the most keys: they come first.
  tile.query = b.mul(b.sub(b.i32(order.tiles - 1), place.tile), plan.blockQ());
  Value end = smaller(b.add(tile.query, plan.blockQ()), b.i32(sizes.seq));
  tile.lastKeyTile = b.div(b.add(end, -1), plan.blockK);
  Value first = b.i32(0);
  auto firstSeen = [&](Value query) {
    return b.div(larger(b.add(query, -*sizes.window), b.i32(0)), plan.blockK);
  };
  if (sizes.window)
    first = firstSeen(tile.query);
  tile.keyTiles = tile.windowTiles = b.add(b.sub(tile.lastKeyTile, first), 1);
  if (hasSinkTile(sizes)) {
    // Where warpgroups skip tiles, the last one may need the small tile when the first does not.
    int64_t lastQuery = plan.skipHidden ? plan.blockQ() - kWarpgroupRows : 0;
    tile.hasSinkTile = b.lessThan(b.i32(0), firstSeen(b.add(tile.query, lastQuery)));
  } else if (sizes.sink > 0) {
    int64_t sinkTiles = (sizes.sink + plan.blockK - 1) / plan.blockK;
    tile.keyTiles = b.add(tile.windowTiles, smaller(first, b.i32(sinkTiles)));
  }
  return tile;
}

/// The key tile that is visited as number `n`: from the diagonal down to the window's begin, then
/// from a large sink's end down to 0.
Value HopperForward::keyTileAt(const QueryTile &tile, Value n) {
  Value inWindow = b.sub(tile.lastKeyTile, n);
  if (tile.keyTiles == tile.windowTiles)
    return inWindow;
  Value inSink = b.sub(b.add(tile.keyTiles, -1), n);
  return b.select(b.lessThan(n, tile.windowTiles), inWindow, inSink);
}

//===----------------------------------------------------------------------===//
// Loading
//===----------------------------------------------------------------------===//

/// One thread: for each tile of queries the queries, the sink and the tiles of keys and values, in
/// the order in which they are needed.
void HopperForward::load() {
  loadTiles(b, layout.queue, order.count(), launch.grid[0],
            [&](Value id, Value ordinal, Value base) {
              QueryTile tile = decode(id, ordinal);
              loadTile(tile, base);
              return b.add(base, tile.keyTiles);
            });
}

/// In whole warps: body(tile, base) for each of the block's tiles. `base`: key tiles that went
/// through the rings before.
void HopperForward::forEachTile(llvm::function_ref<void(const QueryTile &, Value)> body) {
  swamla::forEachTile(b, layout.queue, order.count(), [&](Value id, Value ordinal, Value base) {
    QueryTile tile = decode(id, ordinal);
    body(tile, base);
    return b.add(base, tile.keyTiles);
  });
}

void HopperForward::loadTile(const QueryTile &tile, Value base) {
  // With one place for queries, the first keys come while the results before are still being
  // stored.
  bool early = plan.places > 1;
  if (early)
    loadQueries(tile);
  loadKeys(tile, base, b.i32(0));
  if (!early)
    loadQueries(tile);
  b.loop(b.i32(1), tile.keyTiles, b.i32(1), [&](Value n) {
    loadKeys(tile, base, n);
    loadValues(tile, base, b.add(n, -1));
  });
  loadValues(tile, base, b.add(tile.keyTiles, -1));
}

/// Atoms `firstAtom` .. of the tile at byte `offset`, from a map that has them from column 0 on.
/// `place`: head, row, sequence.
void HopperForward::loadAtoms(int64_t map, Value offset, const AtomTile &tile, int64_t firstAtom,
                              int64_t numAtoms, Value mbarrier, ArrayRef<Value> place) {
  for (int64_t atom = 0; atom < numAtoms; ++atom) {
    Value destination = b.sharedAt(offset, (firstAtom + atom) * tile.atomBytes());
    b.loadBox(b.tensorMap(map), destination, mbarrier,
              {b.i32(atom * kAtomColumns), place[0], place[1], place[2]});
  }
}

/// The queries, and the sink that goes with them.
void HopperForward::loadQueries(const QueryTile &tile) {
  Value place = b.acquireEmpty(layout.places, tile.ordinal);
  Value full = b.fullBarrier(layout.places, place);
  int64_t sinkBytes = layout.sinkK.bytes() + layout.sinkV.bytes();
  if (tile.hasSinkTile) {
    b.choose(
        tile.hasSinkTile,
        [&] {
          b.expectBytes(full, layout.q.bytes() + sinkBytes);
          loadSink(tile, place, full);
          return Values();
        },
        [&] {
          b.expectBytes(full, layout.q.bytes());
          return Values();
        });
  } else {
    b.expectBytes(full, layout.q.bytes());
  }
  Value offset = b.add(b.mul(place, layout.placeBytes()), layout.q.offset);
  Value from[] = {tile.head, tile.query, tile.sequence};
  int64_t ownAtoms = atomsFor(sizes.own);
  loadAtoms(maps.q, offset, layout.q, 0, ownAtoms, full, from);
  if (sizes.shared)
    loadAtoms(maps.qShared, offset, layout.q, ownAtoms, atomsFor(sizes.shared), full, from);
}

void HopperForward::loadSink(const QueryTile &tile, Value place, Value full) {
  Value zero = b.i32(0);
  int64_t ownAtoms = atomsFor(sizes.own);
  Value keys = b.stageOffset(layout.sinkK, place), values = b.stageOffset(layout.sinkV, place);
  loadAtoms(maps.sinkK, keys, layout.sinkK, 0, ownAtoms, full, {tile.kvHead, zero, tile.sequence});
  if (sizes.shared)
    loadAtoms(maps.sinkShared, keys, layout.sinkK, ownAtoms, atomsFor(sizes.shared), full,
              {zero, zero, tile.sequence});
  loadAtoms(maps.sinkV, values, layout.sinkV, 0, layout.sinkV.atoms, full,
            {tile.kvHead, zero, tile.sequence});
}

void HopperForward::loadKeys(const QueryTile &tile, Value base, Value n) {
  Value stage = b.acquireEmpty(layout.k, b.add(base, n)), full = b.fullBarrier(layout.k, stage);
  b.expectBytes(full, layout.k.tile.bytes());
  Value offset = b.stageOffset(layout.k.tile, stage), key = b.mul(keyTileAt(tile, n), plan.blockK);
  int64_t ownAtoms = atomsFor(sizes.own);
  loadAtoms(maps.k, offset, layout.k.tile, 0, ownAtoms, full, {tile.kvHead, key, tile.sequence});
  if (sizes.shared)
    loadAtoms(maps.kShared, offset, layout.k.tile, ownAtoms, atomsFor(sizes.shared), full,
              {b.i32(0), key, tile.sequence});
}

void HopperForward::loadValues(const QueryTile &tile, Value base, Value n) {
  Value stage = b.acquireEmpty(layout.v, b.add(base, n)), full = b.fullBarrier(layout.v, stage);
  b.expectBytes(full, layout.v.tile.bytes());
  Value offset = b.stageOffset(layout.v.tile, stage), key = b.mul(keyTileAt(tile, n), plan.blockK);
  loadAtoms(maps.v, offset, layout.v.tile, 0, layout.v.tile.atoms, full,
            {tile.kvHead, key, tile.sequence});
}

FailureOr<SmallVector<GpuKernel>> buildHopperForward(step::AttentionKernelOp op,
                                                     const HopperForwardPlan &plan,
                                                     OpBuilder &builder, const CudaTarget &target) {
  return SmallVector<GpuKernel>{HopperForward(op, plan, builder, target).build()};
}

} // namespace swamla
