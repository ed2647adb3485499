//===- AttentionBackward.cpp - the frame of the backward kernels ----------===//
#include "compiler/Kernels/CUDA/AttentionBackwardKernel.h"

using namespace mlir;

namespace swamla {

static constexpr int64_t kThreads = kWarpgroupSize * (1 + HopperBackward::kWarpgroups);

/// Whether the sink's keys are a small tile of their own.
static bool hasSmallSink(const AttentionSizes &sizes, BackwardSide side) {
  return side == BackwardSide::Query && sizes.sink > 0 && sizes.sink <= HopperBackward::kSinkKeys;
}

int64_t backwardRegisters(const AttentionSizes &sizes, BackwardSide side,
                          const HopperBackwardPlan &plan) {
  bool byKey = side == BackwardSide::Key;
  int64_t results = (sizes.qk() + (byKey ? sizes.v : 0)) / 2, scores = plan.tileRows / 2;
  // S (then P), dP, and operands of half their size.
  int64_t temporaries = plan.lean ? 3 * scores / 2 : 5 * scores / 2;
  int64_t ahead = plan.prefetch == HopperBackwardPlan::None ? 0 : scores;
  constexpr int64_t others = 30;
  return results + temporaries + ahead + others;
}

//===----------------------------------------------------------------------===//
// Layout
//===----------------------------------------------------------------------===//

BackwardLayout BackwardLayout::make(const AttentionSizes &sizes, BackwardSide side,
                                    const HopperBackwardPlan &plan) {
  const int64_t atoms[2] = {atomsFor(sizes.own) + atomsFor(sizes.shared), atomsFor(sizes.v)};
  bool byKey = side == BackwardSide::Key, sinkTile = hasSmallSink(sizes, side);
  BackwardLayout l;
  SharedLayout memory;
  for (int i : {0, 1})
    l.fixed[i] = memory.takeTile(HopperBackward::kFixedRows, atoms[i], plan.places);
  for (int i : {0, 1})
    l.streamed[i] = {.tile = memory.takeTile(plan.tileRows, atoms[i], plan.stages[i]),
                     .stages = plan.stages[i]};
  for (int i : {0, 1})
    l.sink[i] = memory.takeTile(HopperBackward::kSinkKeys, sinkTile ? atoms[i] : 0, plan.places);
  l.places.stages = plan.places;
  l.rows.stages = byKey ? 0 : 2;
  int64_t statistics =
      byKey ? plan.stages[0] * plan.tileRows : l.rows.stages * HopperBackward::kFixedRows;
  l.statistics = memory.take(statistics * 2 * 4);
  for (TileRing *ring : {&l.places, &l.streamed[0], &l.streamed[1], &l.rows})
    memory.takeRingBarriers(*ring);
  l.staged = memory.takeBarriers(plan.places);
  l.queue.takeFrom(memory);
  l.never = memory.take(4, 4);
  l.bytes = memory.size();
  return l;
}

/// Streamed rows of one block that its heads read again and again.
static TileOrder orderOf(const AttentionSizes &sizes, BackwardSide side) {
  bool byKey = side == BackwardSide::Key;
  int64_t headBytes = sizes.seq * (sizes.qk() + sizes.v) * 2;
  headBytes = byKey ? headBytes * sizes.group() : headBytes / sizes.group();
  return TileOrder::make(sizes.blocks(HopperBackward::kFixedRows), sizes.batch,
                         byKey ? sizes.kvHeads : sizes.heads, headBytes);
}

HopperBackward::HopperBackward(step::AttentionGradKernelOp op, BackwardSide side,
                               const HopperBackwardPlan &plan, OpBuilder &builder,
                               const CudaTarget &target)
    : op(op), side(side), sizes(attentionSizes(op)), plan(plan), b(op.getLoc(), builder, target),
      layout(BackwardLayout::make(sizes, side, plan)), order(orderOf(sizes, side)),
      columns{{sizes.own, sizes.shared}, {sizes.v}}, registers(splitRegisters()) {
  launch.grid = {std::min(order.count(), target.numSms()), 1, 1};
  launch.block = kThreads;
  launch.sharedBytes = layout.bytes;
  // The number of the next tile, and how many blocks have finished.
  launch.scratchBytes = 8;
  launch.minBlocksPerSm = 1;
  describeOperands();
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

HopperBackward::MapParts HopperBackward::mapsOf(ArrayRef<Matrix> matrices, int64_t rows) {
  MapParts parts;
  int64_t firstAtom = 0;
  for (const Matrix &m : matrices) {
    int64_t map = launch.tensorMaps.size();
    launch.tensorMaps.push_back(headsMap(m.view, m.layout, sizes, m.first, m.width, rows));
    parts.push_back({map, firstAtom, atomsFor(m.width), m.head});
    firstAtom += atomsFor(m.width);
  }
  return parts;
}

/// Which views the kernel takes, and their tensor maps.
void HopperBackward::describeOperands() {
  unsigned dout = sizes.shared ? 4 : 3;
  lseParameter = dout + 1;
  deltaParameter = dout + 2;
  views = llvm::to_vector(llvm::seq<unsigned>(0, dout + 3));
  const unsigned newDelta = dout + (sizes.shared ? 7 : 6);
  if (op.getOut() && byKey()) // what the kernel by query has written
    views.back() = newDelta;
  auto whole = [](unsigned parameter, step::HeadsAttr layout, HeadOf head) {
    return Matrix{parameter, layout, 0, layout.getWidth(), head};
  };
  auto result = [&](unsigned view, step::HeadsAttr layout, HeadOf head) {
    views.push_back(view);
    return whole(views.size() - 1, layout, head);
  };
  // Of a matrix with own and shared columns side by side.
  auto parts = [&](Matrix m) {
    Matrices list = {{m.view, m.layout, 0, sizes.own, m.head}};
    if (sizes.shared)
      list.push_back({m.view, m.layout, sizes.own, sizes.shared, m.head});
    return list;
  };
  Matrices queries = parts(whole(0, op.getQ(), HeadOf::Query));
  Matrices keys = {whole(1, op.getK(), HeadOf::KeyValue)};
  if (sizes.shared)
    keys.push_back(whole(3, *op.getShared(), HeadOf::All));
  Matrices values = {whole(2, op.getV(), HeadOf::KeyValue)};
  Matrices changes = {whole(dout, op.getDout(), HeadOf::Query)};

  const Matrices fixed[2] = {byKey() ? keys : queries, byKey() ? values : changes};
  const Matrices streamed[2] = {byKey() ? queries : keys, byKey() ? changes : values};
  Matrices out[2];
  if (byKey()) {
    out[0].push_back(result(dout + 4, op.getDk(), HeadOf::KeyValue));
    out[1].push_back(result(dout + 5, op.getDv(), HeadOf::KeyValue));
    if (sizes.shared)
      out[0].push_back(result(dout + 6, *op.getDshared(), HeadOf::Query));
  } else {
    out[0] = parts(result(dout + 3, op.getDq(), HeadOf::Query));
    if (op.getOut()) {
      outParameter = deltaParameter;
      deltaParameter = views.size();
      views.push_back(newDelta);
    }
  }
  for (int i : {0, 1}) {
    fixedMaps[i] = mapsOf(fixed[i], kFixedRows);
    streamedMaps[i] = mapsOf(streamed[i], plan.tileRows);
    outMaps[i] = mapsOf(out[i], kFixedRows);
    if (hasSmallSink(sizes, side))
      sinkMaps[i] = mapsOf(streamed[i], kSinkKeys);
  }
}

Value HopperBackward::headOf(const FixedTile &tile, HeadOf which, Value member) {
  switch (which) {
  case HeadOf::Query:
    return member ? b.add(tile.query, member) : tile.query;
  case HeadOf::KeyValue:
    return tile.keyValue;
  case HeadOf::All:
    return b.i32(0);
  }
  llvm_unreachable("not a kind of head");
}

//===----------------------------------------------------------------------===//
// The frame
//===----------------------------------------------------------------------===//

/// What computing threads do not need is left to the others, which do with little, unless they
/// compute delta: then registers hold the loads that are under way. The three warpgroups have 504
/// together, 168 each to begin with.
HopperBackward::RegisterSplit HopperBackward::splitRegisters() {
  int64_t needed = backwardRegisters(sizes, side, plan);
  if (needed > kRoomyRegisters)
    return {.others = 24, .computing = kMostRegisters};
  if (!computesDelta() || needed > 208)
    return {.others = 40, .computing = kRoomyRegisters};
  // Measured on an H200, windowed, us a layer: 64 columns 126 with 56 and 153 with 88, 96 columns
  // 162 and 137.
  if (needed > 192 || sizes.v <= 64)
    return {.others = 56, .computing = 224};
  return {.others = 88, .computing = 208};
}

GpuKernel HopperBackward::build() {
  GpuKernel kernel;
  std::string name = (op.getSymName() + (byKey() ? "_dkv" : "_dq")).str();
  kernel.func = b.createKernel(name, views.size(), launch);
  kernel.views = views;
  b.when(b.equal(b.threadId(), 0), [&] { initBarriers(); });
  b.barrier();
  Value group = b.warpgroupId();
  b.choose(
      b.equal(group, 0),
      [&] {
        b.decreaseRegisters(registers.others);
        Value warp = b.shuffleFrom(b.warpId(), b.i32(0));
        b.when(b.equal(b.threadId(), 0), [&] { load(); });
        b.when(b.both(b.lessThan(b.i32(0), warp), b.lessThan(warp, 1 + statisticsWarps())),
               [&] { loadStatistics(b.add(warp, -1)); });
        b.when(b.equal(warp, 3), [&] { storeTiles(); });
        return Values();
      },
      [&] {
        b.increaseRegisters(registers.computing);
        warpgroup = b.add(group, -1);
        compute();
        return Values();
      });
  return kernel;
}

void HopperBackward::initBarriers() {
  constexpr int64_t warps = 4 * kWarpgroups;
  constexpr int64_t threads = kWarpgroups * kWarpgroupSize;
  auto init = [&](const TileRing &ring, int64_t full, int64_t empty) {
    b.initBarriers(ring.full, ring.stages, full);
    b.initBarriers(ring.empty, ring.stages, empty);
  };
  init(layout.places, 1, 1);
  b.initBarriers(layout.staged, layout.places.stages, threads);
  layout.queue.init(b, warps + statisticsWarps() + 1);
  init(layout.rows, statisticsWarps() * kWarpSize, threads);
  for (int i : {0, 1}) {
    const TileRing &ring = layout.streamed[i];
    // By key, a warp brings the statistics of the first operand's rows along.
    init(ring, byKey() && i == 0 ? 1 + kWarpSize : 1, warps);
  }
  b.fenceBarrierInit();
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

HopperBackward::FixedTile HopperBackward::decode(Value id, Value ordinal) {
  TilePlace place = placeOf(b, order, id);
  FixedTile tile;
  tile.ordinal = ordinal;
  tile.sequence = place.sequence;
  Value last = b.i32((sizes.seq - 1) / plan.tileRows), zero = b.i32(0);
  if (byKey()) {
    // The early keys are seen by the most queries: they come first.
    tile.keyValue = place.head;
    tile.query = b.mul(place.head, sizes.group());
    tile.row = b.mul(place.tile, kFixedRows);
    tile.start = b.div(tile.row, plan.tileRows);
    if (sizes.window) {
      Value end = b.div(b.add(tile.row, kFixedRows - 1 + *sizes.window), plan.tileRows);
      Value seenByAll = b.lessThan(tile.row, sizes.sink);
      last = b.select(seenByAll, last, b.smaller(last, end));
    }
    tile.tiles = b.add(b.sub(last, tile.start), 1);
    return tile;
  }
  // The late queries see the most keys: they come first.
  tile.query = place.head;
  tile.keyValue = b.div(place.head, sizes.group());
  tile.row = b.mul(b.sub(b.i32(order.tiles - 1), place.tile), kFixedRows);
  Value end = b.smaller(b.add(tile.row, kFixedRows), b.i32(sizes.seq));
  tile.start = b.div(b.add(end, -1), plan.tileRows);
  auto firstSeen = [&](Value query) {
    return b.div(b.larger(b.add(query, -*sizes.window), zero), plan.tileRows);
  };
  Value first = sizes.window ? firstSeen(tile.row) : zero;
  tile.tiles = tile.windowTiles = b.add(b.sub(tile.start, first), 1);
  if (hasSmallSink(sizes, side)) {
    // The second warpgroup may need the small tile when the first does not.
    tile.hasSinkTile = b.lessThan(zero, firstSeen(b.add(tile.row, kWarpgroupRows)));
  } else if (sizes.sink > 0) {
    int64_t sinkTiles = (sizes.sink + plan.tileRows - 1) / plan.tileRows;
    tile.tiles = b.add(tile.windowTiles, b.smaller(first, b.i32(sinkTiles)));
  }
  return tile;
}

/// The first row of the streamed tile that is visited as number `n`: by key upwards, by query from
/// the diagonal down to the window's begin, then from a large sink's end down to 0.
Value HopperBackward::streamedRow(const FixedTile &tile, Value n) {
  if (byKey())
    return b.mul(b.add(tile.start, n), plan.tileRows);
  Value index = b.sub(tile.start, n);
  if (tile.tiles != tile.windowTiles) {
    Value inSink = b.sub(b.add(tile.tiles, -1), n);
    index = b.select(b.lessThan(n, tile.windowTiles), index, inSink);
  }
  return b.mul(index, plan.tileRows);
}

FailureOr<SmallVector<GpuKernel>>
buildHopperBackward(step::AttentionGradKernelOp op, const HopperBackwardPlan &byQuery,
                    const HopperBackwardPlan &byKey, OpBuilder &builder, const CudaTarget &target) {
  return SmallVector<GpuKernel>{
      HopperBackward(op, BackwardSide::Query, byQuery, builder, target).build(),
      HopperBackward(op, BackwardSide::Key, byKey, builder, target).build()};
}

} // namespace swamla
