//===- AttentionSimtTiles.cpp - tiles and products of SIMT attention ------===//
#include "compiler/Kernels/CUDA/AttentionSimtTiles.h"

using namespace mlir;

namespace swamla {

// Shared memory, in floats. The strides put rows that are read together into different banks.
static constexpr int64_t kChunk = 32;       // columns of an operand of the scores
static constexpr int64_t kChunkStride = 36; // of its rows
static constexpr int64_t kScoreStride = 68;
static constexpr int64_t kSourceRows = 16; // of the results' factor at a time
static constexpr int64_t kGroup = 64;      // columns of a group of results
static constexpr int64_t kATile = 0;
static constexpr int64_t kBTile = kATile + SimtTiles::kRows * kChunkStride;
static constexpr int64_t kScoreTile = kBTile + SimtTiles::kRows * kChunkStride;
static constexpr int64_t kSourceTile = kScoreTile + SimtTiles::kRows * kScoreStride;

int64_t SimtTiles::sharedBytes(int64_t groups) {
  return sizeof(float) * (kSourceTile + kSourceRows * groups * kGroup);
}

GpuKernel SimtTiles::begin(StringRef name, ArrayRef<unsigned> views, int64_t blocks, int64_t groups,
                           int64_t blocksPerSm) {
  parameters.assign(views.begin(), views.end());
  GpuLaunch launch;
  launch.grid = {blocks, 1, 1};
  launch.block = kThreads;
  launch.sharedBytes = sharedBytes(groups);
  launch.minBlocksPerSm = blocksPerSm;
  GpuKernel kernel{createKernel(name, views.size(), launch), parameters};
  y = div(threadId(), 16);
  x = rem(threadId(), 16);
  row0 = mul(y, 4);
  aTile = shared(kATile * 4);
  bTile = shared(kBTile * 4);
  scoreTile = shared(kScoreTile * 4);
  sourceTile = shared(kSourceTile * 4);
  return kernel;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Value SimtTiles::viewOf(unsigned view) {
  auto *found = llvm::find(parameters, view);
  assert(found != parameters.end() && "a view that the function does not take");
  return CudaBuilder::view(found - parameters.begin());
}

bool SimtTiles::isWide(const SimtColumns &columns) const {
  unsigned bytes = element.getIntOrFloatBitWidth() / 8;
  auto fits = [](int64_t elements) { return elements % 4 == 0; };
  return fits(columns.layout.getRowStride()) && fits(columns.layout.getHeadStride()) &&
         fits(columns.first) && fits(columns.width) &&
         viewAlignment(op, columns.view) % (4 * bytes) == 0;
}

SimtHead SimtTiles::headOf(const SimtColumns &columns, Value sequence, Value head) {
  int64_t rowStride = columns.layout.getRowStride(), headStride = columns.layout.getHeadStride();
  Value offset = add(mul(toI64(sequence), sizes.seq * rowStride), mul(toI64(head), headStride));
  return {.base = pointer(viewOf(columns.view), element, add(offset, columns.first)),
          .stride = i64(rowStride),
          .width = i32(columns.width),
          .wide = isWide(columns)};
}

SimtHead SimtTiles::select(Value condition, const SimtHead &yes, const SimtHead &no) {
  return {select(condition, yes.base, no.base), select(condition, yes.stride, no.stride),
          select(condition, yes.width, no.width), yes.wide && no.wide};
}

Value SimtTiles::statisticsOf(unsigned view, int64_t stride, Value sequence, Value head) {
  Value offset = add(mul(toI64(head), stride), mul(toI64(sequence), sizes.seq));
  return pointer(viewOf(view), getF32Type(), offset);
}

Value SimtTiles::loadStatistic(Value base, Value row) {
  Value exists = isRow(row), safe = select(exists, row, i32(0));
  Value loaded = load(getF32Type(), pointer(base, getF32Type(), safe), /*readOnly=*/true);
  return select(exists, loaded, f32(0));
}

void SimtTiles::storeStatistic(Value value, Value base, Value row) {
  when(isRow(row), [&] { store(value, pointer(base, getF32Type(), row)); });
}

SmallVector<Value> SimtTiles::loadFour(const SimtHead &head, Value row, Value column) {
  // What does not exist is read at offset 0, which does, and replaced: no branch around a load.
  Value exists = isRow(row);
  Value rowOffset = mul(toI64(row), head.stride);
  auto loadAt = [&](Value column, int64_t count) {
    Value valid = both(exists, lessThan(column, head.width));
    Value offset = select(valid, add(rowOffset, toI64(column)), i64(0));
    Values loaded = loadElements(element, count, pointer(head.base, element, offset),
                                 /*readOnly=*/true);
    for (Value &value : loaded)
      value = select(valid, value, f32(0));
    return loaded;
  };
  if (head.wide)
    return loadAt(column, 4);
  Values values;
  for (int64_t i = 0; i < 4; ++i)
    values.append(loadAt(add(column, i), 1));
  return values;
}

SmallVector<Value> SimtTiles::readFour(Value base, Value offset) {
  return loadElements(getF32Type(), 4, pointer(base, getF32Type(), offset));
}

void SimtTiles::writeFour(ValueRange values, Value base, Value offset) {
  storeElements(getF32Type(), values, pointer(base, getF32Type(), offset));
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

SmallVector<Value> SimtTiles::scores(ArrayRef<SimtHead> a, Value rowsAt, ArrayRef<SimtHead> b,
                                     Value columnsAt, ArrayRef<int64_t> widths) {
  // Eight threads load 32 columns of a row; 32 rows at a time.
  Value row = div(threadId(), 8), quad = mul(rem(threadId(), 8), 4);
  Values sums(16, f32(0));
  for (auto [a, b, width] : llvm::zip_equal(a, b, widths)) {
    Value end = i32(width);
    ValueRange next = loop(i32(0), end, i32(kChunk), sums, [&](Value column, ValueRange sums) {
      Values loaded[2][2];
      for (int64_t half = 0; half < 2; ++half) {
        Value tileRow = add(row, 32 * half), at = add(column, quad);
        loaded[half][0] = loadFour(a, add(rowsAt, tileRow), at);
        loaded[half][1] = loadFour(b, add(columnsAt, tileRow), at);
      }
      barrier(); // everyone is done with the chunks before
      for (int64_t half = 0; half < 2; ++half) {
        Value offset = add(mul(add(row, 32 * half), kChunkStride), quad);
        writeFour(loaded[half][0], aTile, offset);
        writeFour(loaded[half][1], bTile, offset);
      }
      barrier();
      Value left = smaller(sub(end, column), i32(kChunk));
      return addChunk(div(add(left, 3), 4), sums);
    });
    sums.assign(next.begin(), next.end());
  }
  return sums;
}

SmallVector<Value> SimtTiles::addChunk(Value quads, ValueRange sums) {
  Value aRow = mul(row0, kChunkStride), bRow = mul(x, kChunkStride);
  ValueRange totals = loop(i32(0), quads, i32(1), sums, [&](Value quad, ValueRange carried) {
    Value depth = mul(quad, 4);
    Values a[4], b[4], next(carried);
    for (int64_t i = 0; i < 4; ++i) {
      a[i] = readFour(aTile, add(add(aRow, depth), i * kChunkStride));
      b[i] = readFour(bTile, add(add(bRow, depth), 16 * i * kChunkStride));
    }
    for (int64_t k = 0; k < 4; ++k)
      for (int64_t r = 0; r < 4; ++r)
        for (int64_t j = 0; j < 4; ++j)
          next[4 * r + j] = fma(a[r][k], b[j][k], next[4 * r + j]);
    return next;
  });
  return Values(totals);
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

Value SimtTiles::scorePlace(int64_t r, int64_t j) {
  Value offset = add(add(mul(add(row0, r), kScoreStride), x), 16 * j);
  return pointer(scoreTile, getF32Type(), offset);
}

void SimtTiles::putScores(ArrayRef<Value> scores) {
  for (int64_t r = 0; r < 4; ++r)
    for (int64_t j = 0; j < 4; ++j)
      store(scores[4 * r + j], scorePlace(r, j));
}

SmallVector<Value> SimtTiles::takeScores() {
  Values scores;
  for (int64_t r = 0; r < 4; ++r)
    for (int64_t j = 0; j < 4; ++j)
      scores.push_back(load(getF32Type(), scorePlace(r, j)));
  return scores;
}

SmallVector<Value> SimtTiles::addResults(ValueRange results, ArrayRef<SimtGroup> groups,
                                         Value columnsAt) {
  int64_t rowFloats = groups.size() * kGroup;
  ValueRange next =
      loop(i32(0), i32(kRows), i32(kSourceRows), results, [&](Value first, ValueRange carried) {
        Value row = add(add(columnsAt, first), y), column = mul(x, 4);
        SmallVector<Values> loaded;
        for (const SimtGroup &group : groups)
          loaded.push_back(loadFour(group.source, row, column));
        barrier(); // everyone is done with the rows before
        for (auto [g, four] : llvm::enumerate(loaded))
          writeFour(four, sourceTile, add(add(mul(y, rowFloats), column), g * kGroup));
        barrier();
        return addSourceChunk(first, carried, groups.size());
      });
  return Values(next);
}

SmallVector<Value> SimtTiles::addSourceChunk(Value first, ValueRange results, size_t groups) {
  int64_t rowFloats = groups * kGroup;
  Value scoreRow = add(mul(row0, kScoreStride), first), column = mul(x, 4);
  ValueRange next =
      loop(i32(0), i32(kSourceRows), i32(4), results, [&](Value depth, ValueRange carried) {
        Values sums(carried), p[4];
        for (int64_t r = 0; r < 4; ++r)
          p[r] = readFour(scoreTile, add(add(scoreRow, depth), r * kScoreStride));
        Value sourceRow = add(mul(depth, rowFloats), column);
        for (int64_t k = 0; k < 4; ++k)
          for (size_t g = 0; g < groups; ++g) {
            Values v = readFour(sourceTile, add(sourceRow, k * rowFloats + g * kGroup));
            for (int64_t r = 0; r < 4; ++r)
              for (int64_t i = 0; i < 4; ++i) {
                Value &sum = sums[16 * g + 4 * r + i];
                sum = fma(p[r][k], v[i], sum);
              }
          }
        return sums;
      });
  return Values(next);
}

void SimtTiles::storeResults(ValueRange results, ArrayRef<Value> factors,
                             ArrayRef<SimtGroup> groups, Value rowsAt) {
  for (int64_t r = 0; r < 4; ++r) {
    Value row = add(add(rowsAt, row0), r);
    when(isRow(row), [&] {
      for (auto [g, group] : llvm::enumerate(groups)) {
        const SimtHead &target = group.target;
        Value column = mul(x, 4);
        Value at =
            pointer(target.base, element, add(mul(toI64(row), target.stride), toI64(column)));
        Values values;
        for (int64_t i = 0; i < 4; ++i)
          values.push_back(mulf(results[16 * g + 4 * r + i], factors[r]));
        if (target.wide) {
          when(lessThan(column, target.width), [&] { storeElements(element, values, at); });
          continue;
        }
        for (int64_t i = 0; i < 4; ++i)
          when(lessThan(add(column, i), target.width),
               [&] { storeElements(element, values[i], pointer(at, element, i)); });
      }
    });
  }
}

} // namespace swamla
