//===- AttentionBackwardDelta.cpp - delta in the kernel by query ----------===//
//
// delta = sum(out * dout) over a row's columns, by the warps that bring statistics,
// one tile ahead. How many loads are under way at a time is what registers allow, and
// the rows are first brought to the second-level cache, all at once, from where TMA
// then loads dout, too. A row belongs to neighbouring lanes, with 8 columns to an
// access; each lane adds up its own in order, then the lanes' sums are added.
//
//===----------------------------------------------------------------------===//
#include "compiler/Kernels/CUDA/AttentionBackwardKernel.h"

using namespace mlir;

namespace swamla {

/// Columns of an access.
static constexpr int64_t kAccess = 8;

HopperBackward::DeltaOperands HopperBackward::deltaOperands(const FixedTile &tile) {
  auto rowsOf = [&](unsigned parameter, step::HeadsAttr heads) {
    Value sequence = b.mul(b.toI64(tile.sequence), sizes.seq * heads.getRowStride());
    Value offset = b.add(b.mul(b.toI64(tile.query), heads.getHeadStride()), sequence);
    return DeltaRows{b.pointer(b.view(parameter), BFloat16Type::get(b.getContext()), offset),
                     heads.getRowStride()};
  };
  unsigned dout = sizes.shared ? 4 : 3;
  return {rowsOf(outParameter, *op.getOut()), rowsOf(dout, op.getDout())};
}

/// The rows of warp `part`, to the second-level cache.
void HopperBackward::prefetchDelta(const DeltaOperands &operands, const FixedTile &tile,
                                   Value part) {
  constexpr int64_t lineElements = 64;
  Value first = b.add(b.add(tile.row, b.mul(part, kWarpgroupRows)), b.laneId());
  Value last = b.i32(sizes.seq - 1);
  for (int64_t i = 0; i < kWarpgroupRows; i += kWarpSize) {
    Value row = b.toI64(b.smaller(b.add(first, i), last));
    for (const DeltaRows &rows : operands)
      for (int64_t column = 0; column < sizes.v; column += lineElements) {
        Value at = b.pointer(rows.begin, BFloat16Type::get(b.getContext()),
                             b.add(b.mul(row, rows.stride), column));
        b.inlinePtx("prefetch.global.L2 [$0];", "l", {},
                    Value(LLVM::PtrToIntOp::create(b, b.getI64Type(), at)));
      }
  }
}

/// To place `place` of the statistics, and to memory for the kernel by key.
void HopperBackward::computeDelta(const DeltaOperands &operands, const FixedTile &tile, Value part,
                                  Value place) {
  int64_t accesses = sizes.v / kAccess, lanes = 1;
  while (lanes < kWarpSize && accesses % (2 * lanes) == 0)
    lanes *= 2;
  accesses /= lanes;
  const int64_t step = kWarpSize / lanes;
  const int64_t underWay = registers.others >= 88 ? 12 : 6; // accesses: 4 registers each
  int64_t together = 1;                                     // rows of a lane
  while (4 * together * accesses <= underWay && kWarpgroupRows % (2 * together * step) == 0)
    together *= 2;
  Value lane = b.laneId(), column = b.mul(b.rem(lane, lanes), kAccess);
  Value row = b.add(b.mul(part, kWarpgroupRows), b.div(lane, lanes));
  Value head = b.mul(b.toI64(tile.query), static_cast<int64_t>(op.getDeltaStride()));
  Value sequence = b.mul(b.toI64(tile.sequence), sizes.seq);
  Value target = b.pointer(b.view(deltaParameter), b.getF32Type(), b.add(head, sequence));
  auto load = [&](const DeltaRows &rows, Value row, int64_t access) {
    Value offset = b.add(b.mul(b.toI64(row), rows.stride), b.toI64(column));
    Value at = b.pointer(rows.begin, BFloat16Type::get(b.getContext()),
                         b.add(offset, access * lanes * kAccess));
    return b.loadElements(b.getI32Type(), kAccess / 2, at, /*readOnly=*/true);
  };
  auto addUp = [&](Value sum, ArrayRef<Value> out, ArrayRef<Value> dout) {
    for (auto [o, d] : llvm::zip_equal(out, dout)) {
      auto [o0, o1] = b.unpackBf16(o);
      auto [d0, d1] = b.unpackBf16(d);
      sum = b.fma(o1, d1, b.fma(o0, d0, sum));
    }
    return sum;
  };
  b.loop(b.i32(0), b.i32(kWarpgroupRows), b.i32(step * together), [&](Value first) {
    Values rows, exists, sums(together, b.f32(0));
    for (int64_t i = 0; i < together; ++i) {
      rows.push_back(b.add(b.add(row, first), i * step));
      exists.push_back(b.lessThan(b.add(tile.row, rows[i]), sizes.seq));
    }
    const int64_t most = underWay / 2; // of each operand
    for (int64_t begin = 0; begin < accesses; begin += most) {
      SmallVector<std::pair<Values, Values>> loaded;
      for (int64_t i = 0; i < together; ++i)
        for (int64_t k = begin; k < std::min(begin + most, accesses); ++k) {
          Value safe = b.select(exists[i], b.add(tile.row, rows[i]), b.i32(0));
          loaded.emplace_back(load(operands[0], safe, k), load(operands[1], safe, k));
        }
      int64_t ofRow = loaded.size() / together;
      for (auto [k, pair] : llvm::enumerate(loaded)) {
        Value &sum = sums[k / ofRow];
        sum = addUp(sum, pair.first, pair.second);
      }
    }
    for (int64_t i = 0; i < together; ++i) {
      Value delta = b.warpReduce(ReduceKind::Add, sums[i], lanes);
      delta = b.select(exists[i], delta, b.f32(0));
      b.when(b.equal(column, 0), [&] {
        Value at = b.mul(b.add(b.mul(place, 2 * kFixedRows), rows[i]), 4);
        b.store(delta, b.sharedAt(at, layout.statistics + kFixedRows * 4));
        b.when(exists[i], [&] {
          b.store(delta, b.pointer(target, b.getF32Type(), b.add(tile.row, rows[i])));
        });
      });
    }
  });
}

} // namespace swamla
