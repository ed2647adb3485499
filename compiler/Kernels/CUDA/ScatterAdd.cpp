//===- ScatterAdd.cpp - GPU code for step.scatter_add_kernel --------------===//
//
// Tokens are dealt to buckets by a hash, and a block owns one bucket and one strip
// of columns: no two blocks write one element. A block reads all tokens and lists
// those of its bucket, in order. Then each of its warps takes an entry of the list
// after the other; if it is the first of its token, the warp adds the rows of all
// entries of that token, in order, to the token's row of the table.
//
//===----------------------------------------------------------------------===//
#include "compiler/Kernels/CUDA/ScatterAdd.h"

#include "compiler/Kernels/CUDA/CudaBuilder.h"

#include "mlir/Dialect/Math/IR/Math.h"

#include <numeric>

using namespace mlir;

namespace swamla {

namespace {

enum View : int64_t { Tokens, Dy, Table, NumViews };

constexpr int64_t kWarps = 8;
constexpr int64_t kStepsOfWarp = 8; ///< groups of 32 tokens that a warp reads at a time
constexpr int64_t kBlockRows = kWarps * kStepsOfWarp * kWarpSize;
/// Entries of the list; it is worked off when another kBlockRows might not fit.
constexpr int64_t kListEntries = 2 * kBlockRows;
/// Rows that a warp loads before it adds them, where there are so many of its token.
constexpr int64_t kRowBatches[] = {16, 4, 1};

// Shared memory, in i32: rows and tokens of the list, the warps' counts, the warps' own rows.
constexpr int64_t kRowsAt = 0, kTokensAt = kListEntries, kCountsAt = 2 * kListEntries,
                  kOwnAt = kCountsAt + kWarps, kSharedWords = kOwnAt + kWarps * kWarpSize;

class ScatterAddEmitter {
public:
  ScatterAddEmitter(step::ScatterAddKernelOp op, OpBuilder &builder, const CudaTarget &target)
      : op(op), b(op.getLoc(), builder, target), rows(op.getRows()), cols(op.getCols()) {}

  LLVM::LLVMFuncOp build();

private:
  using Values = SmallVector<Value>;

  Value word(int64_t at, Value index) { return b.pointer(b.shared(4 * at), b.getI32Type(), index); }
  Value loadWord(int64_t at, Value index) { return b.load(b.getI32Type(), word(at, index)); }
  Value ballot(Value condition) {
    return NVVM::VoteSyncOp::create(b, b.getI32Type(), b.i32(-1), condition,
                                    NVVM::VoteSyncKind::ballot);
  }
  Value countBits(Value bits) { return math::CtPopOp::create(b, bits); }
  Value lanesBelow(Value bits) { return b.createOrFold<arith::AndIOp>(bits, belowMask); }

  /// Appends the tokens of the bucket among kBlockRows rows; the new length of the list.
  Value listTokens(Value firstRow, Value count);
  void workOff(Value count);
  /// Whether no entry before `entry` has its token.
  Value isFirst(Value entry, Value token);
  void addToken(Value entry, Value token, Value count);
  /// Adds `count` rows, whose numbers the warp has written down, to the sums.
  Values addRows(Value count, Values sums);
  Values loadRow(Value base, Type element, Value row, int64_t stride, int64_t accessBytes);

  step::ScatterAddKernelOp op;
  CudaBuilder b;
  int64_t rows, cols;
  int64_t vec = 1;                     ///< columns of a thread
  int64_t buckets = 1;                 ///< a power of two
  int64_t dyBytes = 2, tableBytes = 4; ///< of one access
  Value bucket, column, hasColumn, lane, warp, belowMask;
};

LLVM::LLVMFuncOp ScatterAddEmitter::build() {
  Type element = op.getElement();
  int64_t size = element.getIntOrFloatBitWidth() / 8;
  vec = std::gcd<int64_t>(cols, 16 / size);
  auto access = [&](View view, int64_t stride, int64_t bytes) {
    int64_t common = std::gcd(viewAlignment(op, view), std::gcd(stride, vec) * bytes);
    return std::max(bytes, std::min<int64_t>(common & -common, 16));
  };
  dyBytes = access(Dy, static_cast<int64_t>(op.getDyStride()), size);
  tableBytes = access(Table, cols, 4);

  int64_t strips = llvm::divideCeil(cols, kWarpSize * vec);
  int64_t wanted = std::max<int64_t>(8 * b.cuda().numSms() / strips, 1);
  buckets = std::clamp<int64_t>(static_cast<int64_t>(llvm::bit_floor<uint64_t>(wanted)), 16, 256);
  GpuLaunch launch;
  launch.grid = {buckets, strips, 1};
  launch.block = kWarps * kWarpSize;
  launch.sharedBytes = 4 * kSharedWords;
  launch.minBlocksPerSm = 2;
  LLVM::LLVMFuncOp kernel = b.createKernel(op.getSymName(), NumViews, launch);

  lane = b.laneId();
  warp = b.warpId();
  bucket = b.blockId('x');
  column = b.mul(b.add(b.mul(b.blockId('y'), kWarpSize), lane), vec);
  if (cols % (kWarpSize * vec) != 0) {
    hasColumn = b.lessThan(column, cols);
    column = b.select(hasColumn, column, b.i32(0));
  }
  belowMask = b.sub(arith::ShLIOp::create(b, b.i32(1), lane), b.i32(1));

  int64_t steps = llvm::divideCeil(rows, kBlockRows);
  b.loop(b.i32(0), b.i32(steps), b.i32(1), b.i32(0), [&](Value step, ValueRange carried) -> Values {
    Value count = listTokens(b.mul(step, kBlockRows), carried.front());
    Value isFull = b.compare(arith::CmpIPredicate::sgt, count, b.i32(kListEntries - kBlockRows));
    Value isLast = b.equal(step, steps - 1);
    Value now = arith::OrIOp::create(b, isFull, isLast);
    b.when(now, [&] {
      workOff(count);
      b.barrier();
    });
    return {b.select(now, b.i32(0), count)};
  });
  return kernel;
}

Value ScatterAddEmitter::listTokens(Value firstRow, Value count) {
  Values tokens, numbers, found;
  for (int64_t step = 0; step < kStepsOfWarp; ++step) {
    Value local = b.add(b.add(b.mul(warp, kStepsOfWarp * kWarpSize), lane), step * kWarpSize);
    Value row = b.add(firstRow, local), inRange;
    if (rows % kBlockRows != 0) {
      inRange = b.lessThan(row, rows);
      row = b.select(inRange, row, b.i32(0));
    }
    numbers.push_back(row);
    found.push_back(inRange);
    tokens.push_back(b.load(b.getI32Type(), b.pointer(b.view(Tokens), b.getI32Type(), row),
                            /*readOnly=*/true));
  }
  // A multiplicative hash: its top bits.
  int64_t shift = 32 - llvm::Log2_64(buckets);
  Value multiplier = b.i32(static_cast<int32_t>(0x9E3779B1));
  Values ballots;
  Value own = b.i32(0);
  for (auto [token, isFound] : llvm::zip_equal(tokens, found)) {
    Value hash = b.shiftRight(b.mul(token, multiplier), shift);
    Value matches = b.compare(arith::CmpIPredicate::eq, hash, bucket);
    isFound = isFound ? b.both(isFound, matches) : matches;
    ballots.push_back(ballot(isFound));
    own = b.add(own, countBits(ballots.back()));
  }
  b.when(b.equal(lane, 0), [&] { b.store(own, word(kCountsAt, warp)); });
  b.barrier();
  Value before = count, total = count;
  for (int64_t other = 0; other < kWarps; ++other) {
    Value theirs = loadWord(kCountsAt, b.i32(other));
    total = b.add(total, theirs);
    Value isBefore = b.compare(arith::CmpIPredicate::sgt, warp, b.i32(other));
    before = b.add(before, b.select(isBefore, theirs, b.i32(0)));
  }
  for (int64_t step = 0; step < kStepsOfWarp; ++step) {
    Value at = b.add(before, countBits(lanesBelow(ballots[step])));
    b.when(found[step], [&] {
      b.store(numbers[step], word(kRowsAt, at));
      b.store(tokens[step], word(kTokensAt, at));
    });
    before = b.add(before, countBits(ballots[step]));
  }
  b.barrier(); // the list is complete, and the counts have been read
  return total;
}

void ScatterAddEmitter::workOff(Value count) {
  b.loop(warp, count, b.i32(kWarps), [&](Value entry) {
    Value token = loadWord(kTokensAt, entry);
    b.when(isFirst(entry, token), [&] { addToken(entry, token, count); });
  });
}

Value ScatterAddEmitter::isFirst(Value entry, Value token) {
  auto search = scf::WhileOp::create(
      b, TypeRange{b.getI32Type(), b.getI32Type()}, ValueRange{b.i32(0), b.i32(0)},
      [&](OpBuilder &nested, Location, ValueRange state) {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPoint(nested.getInsertionBlock(), nested.getInsertionPoint());
        Value more = b.both(b.equal(state[1], 0), b.lessThan(state[0], entry));
        scf::ConditionOp::create(b, more, state);
      },
      [&](OpBuilder &nested, Location, ValueRange state) {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPoint(nested.getInsertionBlock(), nested.getInsertionPoint());
        Value other = b.add(state[0], lane);
        Value isBefore = b.lessThan(other, entry);
        Value same = b.compare(arith::CmpIPredicate::eq, loadWord(kTokensAt, other), token);
        scf::YieldOp::create(
            b, ValueRange{b.add(state[0], kWarpSize), ballot(b.both(isBefore, same))});
      });
  return b.equal(search.getResult(1), 0);
}

void ScatterAddEmitter::addToken(Value entry, Value token, Value count) {
  Type f32 = b.getF32Type();
  Values sums = loadRow(b.view(Table), f32, token, cols, tableBytes);
  Value from = b.sub(entry, b.bitAnd(entry, kWarpSize - 1));
  Value ownRows = b.mul(warp, kWarpSize);
  ValueRange results =
      b.loop(from, count, b.i32(kWarpSize), sums, [&](Value first, ValueRange soFar) -> Values {
        Value other = b.add(first, lane);
        Value isNow =
            b.both(b.lessThan(other, count), b.compare(arith::CmpIPredicate::sge, other, entry));
        Value same = b.compare(arith::CmpIPredicate::eq, loadWord(kTokensAt, other), token);
        Value matches = b.both(isNow, same);
        Value bits = ballot(matches);
        b.syncWarp(); // all have read the rows written down before
        Value at = b.add(ownRows, countBits(lanesBelow(bits)));
        b.when(matches, [&] { b.store(loadWord(kRowsAt, other), word(kOwnAt, at)); });
        b.syncWarp();
        return addRows(countBits(bits), Values(soFar));
      });
  sums = Values(results);
  auto store = [&] {
    Value row = b.pointer(b.view(Table), f32, b.mul(b.toI64(token), cols));
    Value pointer = b.pointer(row, f32, column);
    int64_t step = std::min(tableBytes / 4, vec);
    for (int64_t i = 0; i < vec; i += step)
      b.storeElements(f32, ArrayRef(sums).slice(i, step), b.pointer(pointer, f32, i));
  };
  hasColumn ? b.when(hasColumn, store) : store();
}

ScatterAddEmitter::Values ScatterAddEmitter::addRows(Value count, Values sums) {
  Value done = b.i32(0), ownRows = b.mul(warp, kWarpSize);
  for (int64_t batch : kRowBatches) {
    Value end = b.sub(count, b.rem(b.sub(count, done), batch));
    sums = Values(b.loop(done, end, b.i32(batch), sums, [&](Value first, ValueRange soFar) {
      SmallVector<Values> loaded;
      for (int64_t i = 0; i < batch; ++i) {
        Value row = loadWord(kOwnAt, b.add(b.add(ownRows, first), i));
        loaded.push_back(loadRow(b.view(Dy), op.getElement(), row,
                                 static_cast<int64_t>(op.getDyStride()), dyBytes));
      }
      Values next(soFar);
      for (const Values &row : loaded)
        for (auto [sum, value] : llvm::zip_equal(next, row))
          sum = b.addf(sum, value);
      return next;
    }));
    done = end;
  }
  return sums;
}

/// The thread's columns of a row, as f32.
ScatterAddEmitter::Values ScatterAddEmitter::loadRow(Value base, Type element, Value row,
                                                     int64_t stride, int64_t accessBytes) {
  Value pointer = b.pointer(base, element, b.mul(b.toI64(row), stride));
  pointer = b.pointer(pointer, element, column);
  int64_t step = std::min<int64_t>(accessBytes / (element.getIntOrFloatBitWidth() / 8), vec);
  Values values;
  for (int64_t i = 0; i < vec; i += step)
    append_range(values, b.loadElements(element, step, b.pointer(pointer, element, i)));
  return values;
}

} // namespace

FailureOr<SmallVector<GpuKernel>>
buildScatterAddKernel(step::ScatterAddKernelOp op, OpBuilder &builder, const CudaTarget &target) {
  OpBuilder::InsertionGuard guard(builder);
  return SmallVector<GpuKernel>{
      {ScatterAddEmitter(op, builder, target).build(), {Tokens, Dy, Table}}};
}

} // namespace swamla
