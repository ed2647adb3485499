//===- OptimState.cpp - reading and writing narrow optimizer states -------===//
//
// A row is a block: its scale is the largest magnitude of its elements, or that
// over 448, and each element is rounded once to the nearest code.
//
//===----------------------------------------------------------------------===//
#include "compiler/Fuse/Rowwise/RowBuilder.h"
#include "compiler/Fuse/Rowwise/StateCodes.h"

using namespace mlir;

namespace swamla {

/// A block with nothing larger than this is all zero: the inverse of its scale could overflow.
constexpr double kSmallestBlock = 1e-30;
constexpr double kLargestE4M3 = 448.0, kSmallestE4M3 = 0x1p-9;

//===----------------------------------------------------------------------===//
// load_state
//===----------------------------------------------------------------------===//

RowwiseDomain LoadStateOp::getRowwiseDomain() {
  DomainBuilder domain(getContext(), extent(getCodes(), 0), extent(getCodes(), 1));
  domain.in(0, domain.element());
  for (unsigned i = 0; i < getScales().size(); ++i)
    domain.in(1 + i, domain.row());
  for (unsigned i = 0; i < getValues().size(); ++i)
    domain.out(domain.element());
  return domain.take();
}

/// The largest, or smallest, of some lines at x.
static Value extremeOf(const RowBuilder &row, ArrayRef<CodeLine> lines, Value x, bool largest) {
  Value extreme;
  for (const CodeLine &line : lines) {
    Value y = row.mul(x, row.constant(line.slope));
    if (line.offset != 0)
      y = row.add(y, row.constant(line.offset));
    if (!extreme)
      extreme = y;
    else
      extreme = largest ? row.maximum(extreme, y) : row.minimum(extreme, y);
  }
  return extreme;
}

/// `x` with the sign of `sign`.
static Value withSign(const RowBuilder &row, Value x, Value sign) {
  return row.select(row.greater(row.constant(0.0), sign), row.neg(x), x);
}

static Value magnitudeOf(const RowBuilder &row, Value x) { return row.maximum(x, row.neg(x)); }

/// The elements' codes as numbers with a sign, f32, two of a byte of int4: elements of the first
/// half of the range in the low bits.
static SmallVector<Value> unpack(const RowBuilder &row, StateFormat format, bool nonnegative,
                                 Value codes) {
  if (format == StateFormat::bf16 || format == StateFormat::fp8)
    return {codes};
  Value bits = row.extend(codes, /*isSigned=*/format == StateFormat::int8 && !nonnegative);
  if (format == StateFormat::int8)
    return {row.toFloat(bits)};
  SmallVector<Value> halves{row.bitAnd(bits, row.integer(15)),
                            row.shiftRight(bits, row.integer(4))};
  for (Value &half : halves) {
    if (!nonnegative) // two's complement
      half = row.subtract(row.bitXor(half, row.integer(8)), row.integer(8));
    half = row.toFloat(half);
  }
  return halves;
}

/// What a code stands for, before the scale.
static Value decode(const RowBuilder &row, StateFormat format, bool nonnegative, Value code) {
  if (format == StateFormat::bf16 || format == StateFormat::fp8)
    return code;
  StateCodes codes = StateCodes::of(format, nonnegative);
  Value number = nonnegative ? code : magnitudeOf(row, code);
  if (!codes.hasZero)
    number = row.add(number, row.constant(1.0));
  Value magnitude = extremeOf(row, codes.magnitudeLines(), number, /*largest=*/true);
  return nonnegative ? magnitude : withSign(row, magnitude, code);
}

SmallVector<Value> LoadStateOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  SmallVector<Value> values = unpack(row, getFormat(), getNonnegative(), row[0]);
  for (auto [i, value] : llvm::enumerate(values)) {
    value = decode(row, getFormat(), getNonnegative(), value);
    if (!getScales().empty())
      value = row.mul(value, row[1 + i]);
  }
  return row.results(values);
}

//===----------------------------------------------------------------------===//
// store_state
//===----------------------------------------------------------------------===//

RowwiseDomain StoreStateOp::getRowwiseDomain() {
  DomainBuilder domain(getContext(), extent(getCodes(), 0), extent(getCodes(), 1));
  unsigned values = getValues().size(), norm = getNumOperands() - 1;
  for (unsigned i = 0; i < values; ++i)
    domain.in(i, domain.element());
  domain.in(norm, domain.first());
  domain.out(domain.element(), /*init=*/values);
  for (unsigned i = 0; i < getScales().size(); ++i)
    domain.out(domain.row(), /*init=*/values + 1 + i);
  return domain.take();
}

namespace {
/// A block's scale, and what its elements are multiplied by before they are rounded to codes.
struct BlockScale {
  Value scale, inverse;
};
} // namespace

static BlockScale scaleOf(const RowBuilder &row, StateFormat format, Value largest) {
  double top = format == StateFormat::fp8 ? kLargestE4M3 : 1.0;
  Value zero = row.constant(0.0), factor = row.constant(top);
  Value vanishes = row.greater(row.constant(kSmallestBlock), largest);
  return {row.select(vanishes, zero, row.mul(largest, row.constant(1.0 / top))),
          row.select(vanishes, zero, row.div(factor, largest))};
}

/// The code of a scaled element as a number with a sign, f32: an integer, or what rounds to E4M3.
static Value encode(const RowBuilder &row, StateFormat format, bool nonnegative, Value x) {
  if (format == StateFormat::fp8) {
    Value lowest = row.constant(nonnegative ? kSmallestE4M3 : -kLargestE4M3);
    return row.minimum(row.maximum(x, lowest), row.constant(kLargestE4M3));
  }
  StateCodes codes = StateCodes::of(format, nonnegative);
  Value magnitude = nonnegative ? x : magnitudeOf(row, x);
  Value number = extremeOf(row, codes.numberLines(), magnitude, /*largest=*/false);
  number = row.floor(row.add(number, row.constant(0.5)));
  number = row.minimum(number, row.constant(codes.last()));
  if (!codes.hasZero)
    number = row.sub(row.maximum(number, row.constant(1.0)), row.constant(1.0));
  number = nonnegative ? number : withSign(row, number, x);
  // A code of NaN means nothing; the block's scale is NaN then.
  return row.select(row.greaterEqual(number, row.constant(-1e3)), number, row.constant(0.0));
}

/// The codes of a byte; of bf16 and E4M3 the number itself, which `results` rounds.
static Value pack(const RowBuilder &row, StateFormat format, ArrayRef<Value> codes) {
  if (format == StateFormat::bf16 || format == StateFormat::fp8)
    return codes[0];
  Value bits = row.toInteger(codes[0]);
  if (format == StateFormat::int4)
    bits = row.bitOr(row.bitAnd(bits, row.integer(15)),
                     row.shiftLeft(row.toInteger(codes[1]), row.integer(4)));
  return row.truncate(bits, 8);
}

SmallVector<Value> StoreStateOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  StateFormat format = getFormat();
  bool nonnegative = getNonnegative();
  unsigned values = getValues().size(), codesAt = values + 1;
  Value isFinite = row.isFinite(row[values]);
  SmallVector<Value> codes, old = unpack(row, format, nonnegative, row[codesAt]), scales;
  for (unsigned i = 0; i < values; ++i) {
    Value x = row[i];
    if (!getScales().empty()) {
      Value largest = row.rowMax(nonnegative ? x : magnitudeOf(row, x));
      BlockScale block = scaleOf(row, format, largest);
      scales.push_back(row.select(isFinite, block.scale, row[codesAt + 1 + i]));
      x = encode(row, format, nonnegative, row.mul(x, block.inverse));
    }
    codes.push_back(row.select(isFinite, x, old[i]));
  }
  SmallVector<Value> results{pack(row, format, codes)};
  llvm::append_range(results, scales);
  return row.results(results);
}

} // namespace swamla
