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

ForwardLayout ForwardLayout::make(const AttentionSizes &sizes, const HopperForwardPlan &plan,
                                  int64_t limit) {
  int64_t keyAtoms = atomsFor(sizes.own) + atomsFor(sizes.shared), valueAtoms = atomsFor(sizes.v);
  auto place = [&](bool outApart) {
    ForwardLayout l;
    SharedLayout memory;
    l.outApart = outApart;
    l.q = memory.takeTile(plan.blockQ(), outApart ? keyAtoms : std::max(keyAtoms, valueAtoms));
    l.q.atoms = keyAtoms;
    l.k = {.tile = memory.takeTile(plan.blockK, keyAtoms, plan.stages), .stages = plan.stages};
    l.v = {.tile = memory.takeTile(plan.blockK, valueAtoms, plan.stages), .stages = plan.stages};
    bool sinkTile = hasSinkTile(sizes);
    l.sinkK = memory.takeTile(kSinkTileKeys, sinkTile ? keyAtoms : 0);
    l.sinkV = memory.takeTile(kSinkTileKeys, sinkTile ? valueAtoms : 0);
    l.out = {.offset = l.q.offset, .rows = plan.blockQ(), .atoms = valueAtoms};
    if (outApart)
      l.out = memory.takeTile(plan.blockQ(), valueAtoms);
    l.qFull = memory.takeBarriers(1);
    l.qEmpty = memory.takeBarriers(1);
    l.idEmpty = memory.takeBarriers(1);
    memory.takeRingBarriers(l.k);
    memory.takeRingBarriers(l.v);
    l.tileId = memory.take(4, 4);
    l.never = memory.take(4, 4);
    l.bytes = memory.size();
    return l;
  };
  // With memory of its own for the results, the next queries are loaded before these have left.
  ForwardLayout apart = place(true);
  return apart.bytes <= limit ? apart : place(false);
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
      layout(ForwardLayout::make(sizes, plan, sharedLimit(target, plan.blocksPerSm))),
      order(orderOf(sizes, plan)), keyColumns{sizes.own, sizes.shared}, valueColumns{sizes.v},
      numViews(sizes.shared ? 6 : 5) {
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
  m.out = make(numViews - 2, op.getOut(), 0, sizes.v, kWarpgroupRows);
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
        b.when(b.equal(b.threadId(), 0), [&] { load(); });
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
  b.initBarriers(layout.qFull, 1, 1);
  // Given back warp by warp when the last scores are done, or by warpgroups when what lay there
  // after them, the results, has left.
  b.initBarriers(layout.qEmpty, 1, layout.outApart ? warps : plan.warpgroups);
  b.initBarriers(layout.idEmpty, 1, warps);
  for (const TileRing &ring : {layout.k, layout.v}) {
    b.initBarriers(ring.full, ring.stages, 1);
    b.initBarriers(ring.empty, ring.stages, warps);
  }
  b.fenceBarrierInit();
}

Value HopperForward::larger(Value x, Value y) { return b.larger(x, y); }
Value HopperForward::smaller(Value x, Value y) { return b.smaller(x, y); }

HopperForward::QueryTile HopperForward::decode(Value id) {
  TilePlace place = placeOf(b, order, id);
  QueryTile tile;
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
  Value total = b.i32(order.count()), one = b.i32(1);
  // Tiles come from a counter: first come, first served, which balances blocks whatever a tile
  // costs. Which block computes a tile makes no difference to its results.
  ValueRange last = b.whileLoop(
      {b.blockId('x'), b.i32(0), b.i32(0)}, {},
      [&](ValueRange carried) {
        return HopperBuilder::Decision{b.lessThan(carried[0], total), {}};
      },
      [&](ValueRange carried, ValueRange) {
        Value id = carried[0], base = carried[1], ordinal = carried[2];
        Value taken = LLVM::AtomicRMWOp::create(b, LLVM::AtomicBinOp::add, b.scratch(), one,
                                                LLVM::AtomicOrdering::monotonic, "device");
        Value keyTiles = loadQueryTile(id, base, ordinal);
        return Values{b.add(taken, numBlocks()), b.add(base, keyTiles), b.add(ordinal, one)};
      });
  finishLoading(last[2]);
}

/// Writes down which tile comes next, when the queries of the one before are no longer needed. The
/// next arrival at qFull publishes it.
void HopperForward::announceTile(Value id, Value ordinal) {
  Value before = b.sub(b.i32(1), b.bitAnd(ordinal, 1));
  b.wait(b.mbarrier(layout.qEmpty), before);
  b.wait(b.mbarrier(layout.idEmpty), before);
  b.store(id, b.shared(layout.tileId));
}

/// `base`: key tiles that went through the rings before; `ordinal`: query tiles. Returns how many
/// key tiles this one has.
Value HopperForward::loadQueryTile(Value id, Value base, Value ordinal) {
  QueryTile tile = decode(id);
  // These keys may come while the previous tile's results are still being stored.
  loadKeys(tile, base, b.i32(0));
  announceTile(id, ordinal);
  if (tile.hasSinkTile) {
    b.choose(
        tile.hasSinkTile,
        [&] {
          b.expectBytes(b.mbarrier(layout.qFull),
                        layout.q.bytes() + layout.sinkK.bytes() + layout.sinkV.bytes());
          loadQueries(tile);
          loadSink(tile);
          return Values();
        },
        [&] {
          b.expectBytes(b.mbarrier(layout.qFull), layout.q.bytes());
          loadQueries(tile);
          return Values();
        });
  } else {
    b.expectBytes(b.mbarrier(layout.qFull), layout.q.bytes());
    loadQueries(tile);
  }
  b.loop(b.i32(1), tile.keyTiles, b.i32(1), [&](Value n) {
    loadKeys(tile, base, n);
    loadValues(tile, base, b.add(n, -1));
  });
  loadValues(tile, base, b.add(tile.keyTiles, -1));
  return tile.keyTiles;
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

void HopperForward::loadQueries(const QueryTile &tile) {
  Value offset = b.i32(layout.q.offset), full = b.mbarrier(layout.qFull);
  Value place[] = {tile.head, tile.query, tile.sequence};
  int64_t ownAtoms = atomsFor(sizes.own);
  loadAtoms(maps.q, offset, layout.q, 0, ownAtoms, full, place);
  if (sizes.shared)
    loadAtoms(maps.qShared, offset, layout.q, ownAtoms, atomsFor(sizes.shared), full, place);
}

void HopperForward::loadSink(const QueryTile &tile) {
  Value full = b.mbarrier(layout.qFull), zero = b.i32(0);
  int64_t ownAtoms = atomsFor(sizes.own);
  Value keys = b.i32(layout.sinkK.offset), values = b.i32(layout.sinkV.offset);
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

/// Tells the computing warpgroups that there is no further tile, and leaves the counters zero: the
/// last block to come here resets them for the next launch.
void HopperForward::finishLoading(Value ordinal) {
  announceTile(b.i32(order.count()), ordinal);
  b.arrive(b.mbarrier(layout.qFull));
  int64_t lastBlock = launch.grid[0] - 1;
  Value finished = b.pointer(b.scratch(), b.getI32Type(), 1);
  Value before =
      LLVM::AtomicRMWOp::create(b, LLVM::AtomicBinOp::uinc_wrap, finished, b.i32(lastBlock),
                                LLVM::AtomicOrdering::acq_rel, "device");
  b.when(b.equal(before, lastBlock), [&] { b.store(b.i32(0), b.scratch()); });
}

FailureOr<SmallVector<GpuKernel>> buildHopperForward(step::AttentionKernelOp op,
                                                     const HopperForwardPlan &plan,
                                                     OpBuilder &builder, const CudaTarget &target) {
  return SmallVector<GpuKernel>{HopperForward(op, plan, builder, target).build()};
}

} // namespace swamla
