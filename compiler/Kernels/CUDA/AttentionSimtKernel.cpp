//===- AttentionSimtKernel.cpp - one kernel of SIMT attention -------------===//
#include "compiler/Kernels/CUDA/AttentionSimtKernel.h"

#include "mlir/Dialect/Math/IR/Math.h"

#include <cfloat>
#include <limits>
#include <numbers>

using namespace mlir;

namespace swamla {

//===----------------------------------------------------------------------===//
// The block's share of the work
//===----------------------------------------------------------------------===//

void SimtKernel::cutResults() {
  constexpr int64_t width = 64;
  for (const auto &[source, target] : kind.results)
    for (int64_t first = 0; first < source.columns.width; first += width) {
      auto piece = [&](SimtPart part) {
        part.columns.width = std::min(width, part.columns.width - first);
        part.columns.first += first;
        return part;
      };
      pieces.push_back({piece(source), piece(target)});
    }
  int64_t count = pieces.size();
  slabs = (count + SimtTiles::kMaxGroups - 1) / SimtTiles::kMaxGroups;
  groups = (count + slabs - 1) / slabs;
}

void SimtKernel::decodeBlock() {
  int64_t blocks = sizes.blocks(SimtTiles::kRows);
  bool oneQueryHead = kind.byQuery || !kind.loopsOverHeads;
  Value index = b.blockId('x');
  slab = b.rem(index, slabs);
  index = b.div(index, slabs);
  Value block = b.rem(index, blocks);
  // The most work first: late queries see many keys, early keys are seen by many queries.
  if (kind.byQuery)
    block = b.sub(b.i32(blocks - 1), block);
  rowsAt = b.mul(block, SimtTiles::kRows);
  index = b.div(index, blocks);
  int64_t count = oneQueryHead ? sizes.heads : sizes.kvHeads;
  Value head = b.rem(index, count);
  heads.sequence = b.div(index, count);
  heads.query = oneQueryHead ? head : b.mul(head, sizes.group());
  heads.keyValue = oneQueryHead ? b.div(head, sizes.group()) : head;
}

SimtHead SimtKernel::resolve(const SimtPart &part, const Heads &heads) {
  switch (part.head) {
  case HeadOf::Query:
    return b.headOf(part.columns, heads.sequence, heads.query);
  case HeadOf::KeyValue:
    return b.headOf(part.columns, heads.sequence, heads.keyValue);
  case HeadOf::All:
    return b.headOf(part.columns, heads.sequence, b.i32(0));
  }
  llvm_unreachable("not a kind of head");
}

SmallVector<Value> SimtKernel::product(const SimtProduct &product, const Heads &heads,
                                       Value streamedAt) {
  SmallVector<SimtHead> rows, streamed;
  SmallVector<int64_t> widths;
  for (const auto &[row, other] : llvm::zip_equal(product.rows, product.streamed)) {
    rows.push_back(resolve(row, heads));
    streamed.push_back(resolve(other, heads));
    widths.push_back(row.columns.width);
  }
  return b.scores(rows, rowsAt, streamed, streamedAt, widths);
}

/// The groups of this block's slab. The last slab may lack some: those have no columns.
SmallVector<SimtGroup> SimtKernel::groupsOf(const Heads &heads) {
  SmallVector<SimtGroup> result;
  for (int64_t g = 0; g < groups; ++g) {
    std::optional<SimtGroup> group;
    for (int64_t s = 0; s < slabs; ++s) {
      size_t index = s * groups + g;
      const auto &[source, target] = pieces[std::min(index, pieces.size() - 1)];
      SimtGroup candidate{resolve(source, heads), resolve(target, heads)};
      if (index >= pieces.size())
        candidate.source.width = candidate.target.width = b.i32(0);
      if (!group) {
        group = candidate;
        continue;
      }
      Value isThis = b.equal(slab, s);
      group->source = b.select(isThis, candidate.source, group->source);
      group->target = b.select(isThis, candidate.target, group->target);
    }
    result.push_back(*group);
  }
  return result;
}

//===----------------------------------------------------------------------===//
// The mask
//===----------------------------------------------------------------------===//

/// How many tiles the block's rows see: `sinkTiles` from the first one on, then those from
/// `firstTile` on.
Value SimtKernel::tileCount(Value &firstTile, Value &sinkTiles) {
  constexpr int64_t rows = SimtTiles::kRows;
  Value last = b.i32((sizes.seq - 1) / rows), zero = b.i32(0);
  sinkTiles = firstTile = zero;
  if (kind.byQuery) {
    last = b.div(rowsAt, rows);
    if (sizes.window)
      firstTile = b.div(b.larger(b.add(rowsAt, -*sizes.window), zero), rows);
    if (sizes.sink)
      sinkTiles = b.smaller(b.i32((sizes.sink + rows - 1) / rows), firstTile);
  } else {
    firstTile = b.div(rowsAt, rows);
    if (sizes.window) {
      Value end = b.div(b.add(rowsAt, rows - 1 + *sizes.window), rows);
      Value seesAll = b.lessThan(rowsAt, sizes.sink);
      last = b.select(seesAll, last, b.smaller(last, end));
    }
  }
  return b.add(sinkTiles, b.add(b.sub(last, firstTile), 1));
}

SmallVector<Value> SimtKernel::overTiles(ValueRange carried,
                                         function_ref<Values(Value, ValueRange)> body) {
  Value firstTile, sinkTiles;
  Value count = tileCount(firstTile, sinkTiles);
  ValueRange results = b.loop(b.i32(0), count, b.i32(1), carried, [&](Value n, ValueRange carried) {
    Value shifted = b.add(b.sub(n, sinkTiles), firstTile);
    Value tile = b.select(b.lessThan(n, sinkTiles), n, shifted);
    return body(b.mul(tile, SimtTiles::kRows), carried);
  });
  return Values(results);
}

Value SimtKernel::isVisible(int64_t r, int64_t j, Value streamedAt) {
  Value row = b.add(b.add(rowsAt, b.row0), r);
  Value other = b.add(b.add(streamedAt, b.x), 16 * j);
  Value query = kind.byQuery ? row : other, key = kind.byQuery ? other : row;
  Value visible = b.compare(arith::CmpIPredicate::sle, key, query);
  if (!sizes.window)
    return visible;
  Value near = b.compare(arith::CmpIPredicate::sle, b.sub(query, key), b.i32(*sizes.window));
  if (sizes.sink)
    near = arith::OrIOp::create(b, near, b.lessThan(key, sizes.sink));
  return b.both(visible, near);
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

/// Carried values: 16 results for each group, then the maximum and this thread's share of the sum
/// of each of its four rows; maxima are those of scale * log2(e) * S.
SmallVector<Value> SimtKernel::softmaxTile(const Heads &heads, Value streamedAt,
                                           ValueRange carried) {
  ValueRange results = carried.drop_back(8), maxima = carried.take_back(8).take_front(4),
             sums = carried.take_back(4);
  Values s = product(kind.scores, heads, streamedAt);
  Value factor = b.f32(sizes.scale * std::numbers::log2e);
  Value hidden = b.f32(-std::numeric_limits<double>::infinity());
  Values nextResults(results), nextMaxima, nextSums;
  for (int64_t r = 0; r < 4; ++r) {
    Value maximum;
    for (int64_t j = 0; j < 4; ++j) {
      Value &score = s[4 * r + j];
      score = b.select(isVisible(r, j, streamedAt), b.mulf(score, factor), hidden);
      maximum = maximum ? b.maxf(maximum, score) : score;
    }
    maximum = b.maxf(maxima[r], b.warpReduce(ReduceKind::Max, maximum, 16));
    Value rescale = math::Exp2Op::create(b, b.subf(maxima[r], maximum));
    Value sum = b.mulf(sums[r], rescale);
    for (int64_t j = 0; j < 4; ++j) {
      s[4 * r + j] = math::Exp2Op::create(b, b.subf(s[4 * r + j], maximum));
      sum = b.addf(sum, s[4 * r + j]);
    }
    nextMaxima.push_back(maximum);
    nextSums.push_back(sum);
    for (int64_t g = 0; g < groups; ++g)
      for (int64_t i = 0; i < 4; ++i) {
        Value &result = nextResults[16 * g + 4 * r + i];
        result = b.mulf(result, rescale);
      }
  }
  b.putScores(s);
  Values next = b.addResults(nextResults, groupsOf(heads), streamedAt);
  next.append(nextMaxima);
  next.append(nextSums);
  return next;
}

void SimtKernel::forward() {
  // A finite maximum of nothing: differences of maxima are never NaN.
  Values start(16 * groups, b.f32(0));
  start.append(4, b.f32(-FLT_MAX));
  start.append(4, b.f32(0));
  Values end = overTiles(start, [&](Value streamedAt, ValueRange carried) {
    return softmaxTile(heads, streamedAt, carried);
  });
  ValueRange results = ValueRange(end).drop_back(8);
  Value lse = b.statisticsOf(kind.lse, kind.lseStride, heads.sequence, heads.query);
  Value writesLse = b.both(b.equal(b.x, 0), b.equal(slab, 0));
  Values factors;
  for (int64_t r = 0; r < 4; ++r) {
    Value maximum = end[16 * groups + r];
    Value sum = b.warpReduce(ReduceKind::Add, end[16 * groups + 4 + r], 16);
    factors.push_back(arith::DivFOp::create(b, b.f32(1), sum));
    b.when(writesLse, [&] {
      Value log = math::LogOp::create(b, sum);
      Value value = b.addf(b.mulf(maximum, b.f32(std::numbers::ln2)), log);
      b.storeStatistic(value, lse, b.add(b.add(rowsAt, b.row0), r));
    });
  }
  b.storeResults(results, factors, groupsOf(heads), rowsAt);
}

//===----------------------------------------------------------------------===//
// Gradients
//===----------------------------------------------------------------------===//

/// Of this thread's four queries: rows, or columns of the tile.
SimtKernel::Statistics SimtKernel::statistics(const Heads &heads, Value streamedAt) {
  Value lse = b.statisticsOf(kind.lse, kind.lseStride, heads.sequence, heads.query);
  Value delta;
  if (!kind.gradients.rows.empty())
    delta = b.statisticsOf(kind.delta, kind.deltaStride, heads.sequence, heads.query);
  Statistics result;
  for (int64_t i = 0; i < 4; ++i) {
    Value query =
        kind.byQuery ? b.add(b.add(rowsAt, b.row0), i) : b.add(b.add(streamedAt, b.x), 16 * i);
    Value natural = b.loadStatistic(lse, query);
    result.lse2.push_back(b.mulf(natural, b.f32(std::numbers::log2e)));
    if (delta)
      result.delta.push_back(b.loadStatistic(delta, query));
  }
  return result;
}

SmallVector<Value> SimtKernel::gradientTile(const Heads &heads, Value streamedAt,
                                            ValueRange results) {
  Values p = product(kind.scores, heads, streamedAt);
  Statistics of = statistics(heads, streamedAt);
  Value factor = b.f32(sizes.scale * std::numbers::log2e);
  for (int64_t r = 0; r < 4; ++r)
    for (int64_t j = 0; j < 4; ++j) {
      Value &score = p[4 * r + j];
      Value exponent = b.subf(b.mulf(score, factor), of.lse2[kind.byQuery ? r : j]);
      Value probability = math::Exp2Op::create(b, exponent);
      score = b.select(isVisible(r, j, streamedAt), probability, b.f32(0));
    }
  b.putScores(p);
  if (!kind.gradients.rows.empty()) {
    Values dp = product(kind.gradients, heads, streamedAt);
    p = b.takeScores();
    for (int64_t r = 0; r < 4; ++r)
      for (int64_t j = 0; j < 4; ++j) {
        Value change = b.subf(dp[4 * r + j], of.delta[kind.byQuery ? r : j]);
        p[4 * r + j] = b.mulf(p[4 * r + j], change);
      }
    b.putScores(p);
  }
  return b.addResults(results, groupsOf(heads), streamedAt);
}

void SimtKernel::gradient() {
  Values results(16 * groups, b.f32(0));
  auto overHead = [&](const Heads &heads, ValueRange carried) {
    return overTiles(carried, [&](Value streamedAt, ValueRange carried) {
      return gradientTile(heads, streamedAt, carried);
    });
  };
  if (kind.loopsOverHeads && sizes.group() > 1) {
    ValueRange totals = b.loop(b.i32(0), b.i32(sizes.group()), b.i32(1), results,
                               [&](Value member, ValueRange carried) {
                                 Heads one = heads;
                                 one.query = b.add(heads.query, member);
                                 return overHead(one, Values(carried));
                               });
    results.assign(totals.begin(), totals.end());
  } else {
    results = overHead(heads, results);
  }
  // dS is the gradient of the scaled scores; P needs no factor.
  Values factors(4, b.f32(kind.gradients.rows.empty() ? 1.0 : sizes.scale));
  b.storeResults(results, factors, groupsOf(heads), rowsAt);
}

GpuKernel SimtKernel::build() {
  cutResults();
  int64_t heads = kind.byQuery || !kind.loopsOverHeads ? sizes.heads : sizes.kvHeads;
  int64_t blocks = sizes.batch * heads * sizes.blocks(SimtTiles::kRows) * slabs;
  // Two blocks leave a thread 128 registers: enough for 32 results and all else, if that does not
  // include addresses of single elements.
  auto isWide = [&](const SimtPart &part) { return b.isWide(part.columns); };
  bool wide = llvm::all_of(kind.results, [&](const auto &result) {
    return isWide(result.first) && isWide(result.second);
  });
  for (const SimtProduct &product : {kind.scores, kind.gradients})
    wide = wide && llvm::all_of(product.rows, isWide) && llvm::all_of(product.streamed, isWide);
  int64_t blocksPerSm = wide && groups <= 2 ? 2 : 1;
  GpuKernel kernel = b.begin(kind.name, kind.views, blocks, groups, blocksPerSm);
  decodeBlock();
  if (kind.forward)
    forward();
  else
    gradient();
  return kernel;
}

} // namespace swamla
