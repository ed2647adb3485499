//===- HopperProducts.cpp - wgmma -----------------------------------------===//
//
// One inline-asm block is one product: a fence, the wgmma instructions of all
// depth steps, a commit. The compiler then cannot put anything between them that
// would make ptxas wait for each (its message C7510).
//
// Byte offsets within an operand, in a descriptor's units of 16 bytes: in an atom
// of Major::Depth a step of 16 columns is 32 bytes, the next 8 rows 1024 bytes;
// in one of Major::Rows a step of 16 rows is 2048 bytes, the next 64 columns the
// next atom.
//
//===----------------------------------------------------------------------===//
#include "compiler/Kernels/CUDA/Hopper.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace swamla {

/// Depth of one wgmma instruction on bf16, and the columns it covers at most.
static constexpr int64_t kStep = 16, kMaxColumns = 256;

//===----------------------------------------------------------------------===//
// Columns
//===----------------------------------------------------------------------===//

TileColumns::TileColumns(std::initializer_list<int64_t> widths) {
  for (int64_t width : widths) {
    if (width == 0)
      continue;
    list.push_back({numAtoms * kAtomColumns, width});
    numAtoms += atomsFor(width);
  }
}

int64_t TileColumns::width() const {
  int64_t sum = 0;
  for (Part part : list)
    sum += part.width;
  return sum;
}

SmallVector<int64_t> TileColumns::steps() const {
  SmallVector<int64_t> steps;
  for (Part part : list)
    for (int64_t column = 0; column < part.width; column += kStep)
      steps.push_back(part.begin + column);
  return steps;
}

SmallVector<TileColumns::Part> TileColumns::pieces() const {
  SmallVector<Part> joined, pieces;
  for (Part part : list) {
    if (!joined.empty() && joined.back().begin + joined.back().width == part.begin)
      joined.back().width += part.width;
    else
      joined.push_back(part);
  }
  for (Part part : joined)
    for (int64_t column = 0; column < part.width; column += kMaxColumns)
      pieces.push_back({part.begin + column, std::min(kMaxColumns, part.width - column)});
  return pieces;
}

//===----------------------------------------------------------------------===//
// Descriptors
//===----------------------------------------------------------------------===//

Value HopperBuilder::descriptor(const AtomTile &tile, Major major, Value byteOffset) {
  Value address = LLVM::PtrToIntOp::create(*this, getI64Type(), shared(tile.offset));
  if (byteOffset)
    address = add(address, toI64(byteOffset));
  Value low = shiftRight(bitAnd(address, 0x3FFFF), 4);
  // The 128-byte swizzle; stride to the next 8 rows; and the leading dimension: the next atom for
  // Major::Rows, not used for Major::Depth.
  int64_t leading = major == Major::Rows ? tile.atomBytes() : 16;
  int64_t high = (int64_t{1} << 62) | ((8 * kAtomRowBytes >> 4) << 32) | ((leading >> 4) << 16);
  return arith::OrIOp::create(*this, low, i64(high));
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// "{$4, $5, $6}": operands begin .. begin + count - 1.
static std::string operandList(int64_t begin, int64_t count) {
  std::string text = "{";
  for (int64_t i = begin; i < begin + count; ++i)
    text += (i > begin ? ", $" : "$") + std::to_string(i);
  return text + "}";
}

static void repeat(std::string &constraints, StringRef constraint, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    constraints += (constraints.empty() ? "" : ",") + constraint.str();
}

/// Operands that are the same registers as results 0 .. count - 1.
static void tie(std::string &constraints, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    constraints += "," + std::to_string(i);
}

HopperBuilder::Values HopperBuilder::startProduct(Value a, const AtomTile &aTile, Value b,
                                                  const AtomTile &bTile, const TileColumns &columns,
                                                  int64_t n) {
  int64_t results = n / 2;
  auto offset = [](const AtomTile &tile, int64_t column) {
    return (column / kAtomColumns * tile.atomBytes() + column % kAtomColumns * 2) / 16;
  };
  // The first step overwrites the results (scale-d false), the others add.
  std::string text = "{ .reg .pred p0, p1; .reg .b64 a, b; setp.ne.b32 p0, 0, 0; "
                     "setp.eq.b32 p1, 0, 0; wgmma.fence.sync.aligned; ";
  StringRef add = "p0";
  for (int64_t column : columns.steps()) {
    text += llvm::formatv("add.s64 a, ${0}, {1}; add.s64 b, ${2}, {3}; ", results,
                          offset(aTile, column), results + 1, offset(bTile, column));
    text += llvm::formatv("wgmma.mma_async.sync.aligned.m64n{0}k16.f32.bf16.bf16 {1}, a, b, {2}, "
                          "1, 1, 0, 0; ",
                          n, operandList(0, results), add);
    add = "p1";
  }
  text += "wgmma.commit_group.sync.aligned; }";
  std::string constraints;
  repeat(constraints, "=f", results);
  constraints += ",l,l,~{memory}";
  return inlinePtx(text, constraints, SmallVector<Type>(results, getF32Type()), {a, b});
}

HopperBuilder::Values HopperBuilder::startAccumulate(ValueRange acc, ValueRange a, Value b,
                                                     const AtomTile &bTile,
                                                     const TileColumns &columns) {
  int64_t results = acc.size(), bOperand = results + a.size();
  std::string text = "{ .reg .pred p1; .reg .b64 b; setp.eq.b32 p1, 0, 0; "
                     "wgmma.fence.sync.aligned; ";
  for (int64_t step = 0; step < static_cast<int64_t>(a.size()) / 4; ++step) {
    int64_t first = 0;
    for (TileColumns::Part piece : columns.pieces()) {
      int64_t bytes = step * kStep * kAtomRowBytes + piece.begin / kAtomColumns * bTile.atomBytes();
      text += llvm::formatv("add.s64 b, ${0}, {1}; ", bOperand, bytes / 16);
      text += llvm::formatv("wgmma.mma_async.sync.aligned.m64n{0}k16.f32.bf16.bf16 {1}, {2}, b, "
                            "p1, 1, 1, 1; ",
                            piece.width, operandList(first, piece.width / 2),
                            operandList(results + 4 * step, 4));
      first += piece.width / 2;
    }
  }
  text += "wgmma.commit_group.sync.aligned; }";
  std::string constraints;
  repeat(constraints, "=f", results);
  repeat(constraints, "r", a.size());
  constraints += ",l";
  tie(constraints, results);
  constraints += ",~{memory}";
  Values operands = llvm::to_vector_of<Value>(a);
  operands.push_back(b);
  llvm::append_range(operands, acc);
  return inlinePtx(text, constraints, SmallVector<Type>(results, getF32Type()), operands);
}

HopperBuilder::Values HopperBuilder::waitProducts(int64_t pending, ValueRange values,
                                                  ValueRange keep) {
  std::string text = "wgmma.wait_group.sync.aligned " + std::to_string(pending) + ";";
  std::string constraints;
  repeat(constraints, "=f", values.size());
  repeat(constraints, "r", keep.size());
  tie(constraints, values.size());
  constraints += ",~{memory}";
  Values operands = llvm::to_vector_of<Value>(keep);
  llvm::append_range(operands, values);
  return inlinePtx(text, constraints, SmallVector<Type>(values.size(), getF32Type()), operands);
}

HopperBuilder::Values HopperBuilder::packAccumulators(ValueRange values) {
  Values pairs;
  for (size_t i = 0; i + 1 < values.size(); i += 2)
    pairs.push_back(packBf16(values[i], values[i + 1]));
  return pairs;
}

} // namespace swamla
