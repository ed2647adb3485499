//===- AttentionTiles.cpp - packing, products, transposition --------------===//
#include "compiler/Kernels/CPU/AttentionTiles.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace swamla {

Value TileBuilder::takeScratch(int64_t count) {
  constexpr int64_t line = 16;
  Value piece = at(scratch(), scratchFloats);
  scratchFloats += (count + line - 1) / line * line;
  auto kernel = cast<func::FuncOp>(scratch().getParentRegion()->getParentOp());
  kernel->setAttr(kScratchBytesAttr, getI64IntegerAttr(scratchFloats * 4));
  return piece;
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

Value TileBuilder::headAt(Value base, step::HeadsAttr layout, Value row, Value head) {
  return viewAt(base,
                add(mul(row, i64(layout.getRowStride())), mul(head, i64(layout.getHeadStride()))));
}

Value TileBuilder::loadView(Value pointer, Value mask) {
  Value loaded = loadVector(elementType(), pointer, mask);
  return geometry.narrow ? arith::ExtFOp::create(*this, vectorOf(getF32Type()), loaded).getResult()
                         : loaded;
}

void TileBuilder::storeView(Value vector, Value pointer, Value mask) {
  if (geometry.narrow)
    vector = arith::TruncFOp::create(*this, vectorOf(elementType()), vector);
  storeVector(vector, pointer, mask);
}

Value TileBuilder::rounded(Value vector) {
  if (!geometry.narrow)
    return vector;
  Value narrow = arith::TruncFOp::create(*this, vectorOf(elementType()), vector);
  return arith::ExtFOp::create(*this, vector.getType(), narrow);
}

Value TileBuilder::isLess(Value lhs, Value rhs) {
  return createOrFold<arith::CmpIOp>(arith::CmpIPredicate::slt, lhs, rhs);
}

Value TileBuilder::wholeRows(Value rows) {
  return createOrFold<arith::AndIOp>(rows, i64(-geometry.blockRows));
}

Value TileBuilder::divide(Value value, int64_t divisor) {
  return createOrFold<arith::DivUIOp>(value, i64(divisor));
}

Value TileBuilder::remainder(Value value, int64_t divisor) {
  return createOrFold<arith::RemUIOp>(value, i64(divisor));
}

Value TileBuilder::multiplyAdd(Value lhs, Value rhs, Value sum) {
  if (cpu().hasFma())
    return math::FmaOp::create(*this, lhs, rhs, sum); // vector.fma would leave fusing to LLVM
  return arith::AddFOp::create(*this, arith::MulFOp::create(*this, lhs, rhs), sum);
}

void TileBuilder::ifThen(Value condition, function_ref<void()> body) {
  auto branch = scf::IfOp::create(*this, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(branch.thenBlock());
  body();
}

//===----------------------------------------------------------------------===//
// Moving tiles
//===----------------------------------------------------------------------===//

void TileBuilder::forColumns(int64_t columns, int64_t perBlock, ColumnsBody body) {
  int64_t width = perBlock * lanes(), whole = columns / width * width, rest = columns - whole;
  if (whole)
    loop(i64(0), i64(whole), width, [&](Value column) { body(column, perBlock, lanes()); });
  if (int64_t vectors = (rest + lanes() - 1) / lanes())
    body(i64(whole), vectors, rest - (vectors - 1) * lanes());
}

/// The mask of a vector of which the first `active` lanes are used; null if all are.
static Value tailMask(TileBuilder &b, int64_t active) {
  return active == b.lanes() ? Value() : b.constantMask(active);
}

void TileBuilder::copyRows(Value from, int64_t fromStride, Value to, int64_t toStride, Value rows,
                           int64_t width) {
  loop(i64(0), rows, 1, [&](Value row) {
    Value source = viewAt(from, mul(row, i64(fromStride)));
    Value target = at(to, mul(row, i64(toStride)));
    forColumns(width, 1, [&](Value column, int64_t, int64_t active) {
      Value mask = tailMask(*this, active);
      storeVector(loadView(viewAt(source, column), mask), at(target, column), mask);
    });
  });
}

void TileBuilder::copyRowsToView(Value from, int64_t fromStride, Value to, int64_t toStride,
                                 Value rows, int64_t width) {
  loop(i64(0), rows, 1, [&](Value row) {
    Value source = at(from, mul(row, i64(fromStride)));
    Value target = viewAt(to, mul(row, i64(toStride)));
    forColumns(width, 1, [&](Value column, int64_t, int64_t active) {
      Value mask = tailMask(*this, active);
      storeView(loadVector(getF32Type(), at(source, column), mask), viewAt(target, column), mask);
    });
  });
}

void TileBuilder::packKeys(Value own, int64_t ownStride, Value shared, int64_t sharedStride,
                           Value to, KeyTile tile) {
  Value rows = sub(tile.end, tile.begin);
  copyRows(viewAt(own, mul(tile.begin, i64(ownStride))), ownStride, to, geometry.qkWidth, rows,
           geometry.ownWidth());
  if (geometry.sharedWidth)
    copyRows(viewAt(shared, mul(tile.begin, i64(sharedStride))), sharedStride,
             at(to, geometry.ownWidth()), geometry.qkWidth, rows, geometry.sharedWidth);
}

void TileBuilder::fillZero(Value to, int64_t stride, int64_t rows, int64_t width) {
  loop(i64(0), i64(rows), 1, [&](Value row) {
    Value target = at(to, mul(row, i64(stride)));
    forColumns(width, 1, [&](Value column, int64_t, int64_t active) {
      storeVector(floats(0), at(target, column), tailMask(*this, active));
    });
  });
}

void TileBuilder::extend(Value from, Value to, Value rows) {
  Value last = sub(rows, i64(1));
  loop(i64(0), i64(geometry.blockQ), 1,
       [&](Value row) { store(load(getF32Type(), at(from, smaller(row, last))), at(to, row)); });
}

/// Interleaving row k with row k + lanes / 2 rotates the bits of (row, column) by one; after
/// log2(lanes) rounds row and column have changed places.
SmallVector<Value> TileBuilder::transpose(SmallVector<Value> rows) {
  int64_t half = lanes() / 2;
  SmallVector<int64_t> low, high;
  for (int64_t i = 0; i < half; ++i) {
    low.append({i, i + 2 * half});
    high.append({i + half, i + 3 * half});
  }
  for (int64_t width = 1; width < static_cast<int64_t>(lanes()); width *= 2) {
    SmallVector<Value> next;
    for (int64_t i = 0; i < half; ++i) {
      next.push_back(vector::ShuffleOp::create(*this, rows[i], rows[i + half], low));
      next.push_back(vector::ShuffleOp::create(*this, rows[i], rows[i + half], high));
    }
    rows = std::move(next);
  }
  return rows;
}

void TileBuilder::packTransposed(Value from, int64_t fromStride, Value to, Value rows,
                                 int64_t width, double factor) {
  Value last = sub(rows, i64(1));
  loop(i64(0), i64(geometry.blockQ), lanes(), [&](Value row) {
    forColumns(width, 1, [&](Value column, int64_t, int64_t active) {
      SmallVector<Value> tile;
      for (unsigned r = 0; r < lanes(); ++r) {
        Value source = viewAt(from, mul(smaller(add(row, i64(r)), last), i64(fromStride)));
        tile.push_back(loadView(viewAt(source, column), tailMask(*this, active)));
      }
      tile = transpose(std::move(tile));
      Value target = at(to, add(mul(column, i64(geometry.blockQ)), row));
      for (int64_t c = 0; c < active; ++c) {
        Value value = tile[c];
        if (factor != 1)
          value = arith::MulFOp::create(*this, value, floats(factor));
        storeVector(value, at(target, c * geometry.blockQ));
      }
    });
  });
}

void TileBuilder::unpackTransposed(Value from, Value to, int64_t toStride, Value rows,
                                   int64_t width, Value factor) {
  loop(i64(0), rows, lanes(), [&](Value row) {
    Value scale = factor ? loadVector(getF32Type(), at(factor, row)) : Value();
    forColumns(width, 1, [&](Value column, int64_t, int64_t active) {
      Value source = at(from, add(mul(column, i64(geometry.blockQ)), row));
      SmallVector<Value> tile(lanes(), floats(0));
      for (int64_t c = 0; c < active; ++c) {
        tile[c] = loadVector(getF32Type(), at(source, c * geometry.blockQ));
        if (scale)
          tile[c] = arith::MulFOp::create(*this, tile[c], scale);
      }
      tile = transpose(std::move(tile));
      for (unsigned r = 0; r < lanes(); ++r) {
        Value index = add(row, i64(r));
        ifThen(isLess(index, rows), [&] {
          Value target = viewAt(to, add(mul(index, i64(toStride)), column));
          storeView(tile[r], target, tailMask(*this, active));
        });
      }
    });
  });
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// One block of C, held in registers while the depth runs. Each step reads `vectors` vectors of B
/// and `rows` scalars of A for rows * vectors multiply-adds.
void TileBuilder::microkernel(TileProduct p, int64_t rows, int64_t vectors, int64_t lastLanes) {
  auto maskOf = [&](int64_t n) { return n + 1 < vectors ? Value() : tailMask(*this, lastLanes); };
  auto place = [&](int64_t r, int64_t n) { return at(p.c, r * p.cRow + n * lanes()); };
  SmallVector<Value> sums;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t n = 0; n < vectors; ++n) {
      Value sum = floats(0);
      if (p.accumulate)
        sum = loadVector(getF32Type(), place(r, n), maskOf(n));
      if (!p.rescale.empty())
        sum = arith::MulFOp::create(*this, sum, p.rescale[n]);
      sums.push_back(sum);
    }
  ValueRange totals = loop(i64(0), p.depth, 1, sums, [&](Value k, ValueRange carried) {
    Value a = at(p.a, mul(k, i64(p.aDepth))), b = at(p.b, mul(k, i64(p.bDepth)));
    SmallVector<Value> columns, next;
    for (int64_t n = 0; n < vectors; ++n)
      columns.push_back(loadFloats(b, n));
    for (int64_t r = 0; r < rows; ++r) {
      Value scalar = splat(load(getF32Type(), at(a, r * p.aRow)));
      for (int64_t n = 0; n < vectors; ++n)
        next.push_back(multiplyAdd(scalar, columns[n], carried[r * vectors + n]));
    }
    return next;
  });
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t n = 0; n < vectors; ++n)
      storeVector(totals[r * vectors + n], place(r, n), maskOf(n));
}

void TileBuilder::productColumns(const TileProduct &p, Value row, int64_t rows, int64_t columns) {
  forColumns(columns, vectorsPerBlock, [&](Value column, int64_t vectors, int64_t lastLanes) {
    TileProduct block = p;
    block.a = at(p.a, mul(row, i64(p.aRow)));
    block.b = at(p.b, column);
    block.c = at(at(p.c, mul(row, i64(p.cRow))), column);
    microkernel(block, rows, vectors, lastLanes);
  });
}

void TileBuilder::product(const TileProduct &p, int64_t rows, int64_t columns) {
  int64_t whole = rows / geometry.blockRows * geometry.blockRows;
  if (whole)
    loop(i64(0), i64(whole), geometry.blockRows,
         [&](Value row) { productColumns(p, row, geometry.blockRows, columns); });
  if (rows > whole)
    productColumns(p, i64(whole), rows - whole, columns);
}

void TileBuilder::product(const TileProduct &p, Value rows, RowTail tail, int64_t columns) {
  auto block = [&](Value row) { productColumns(p, row, geometry.blockRows, columns); };
  if (tail == RowTail::Overshoot || geometry.seq % geometry.blockRows == 0)
    return loop(i64(0), rows, geometry.blockRows, block);
  Value whole = wholeRows(rows);
  loop(i64(0), whole, geometry.blockRows, block);
  loop(whole, rows, 1, [&](Value row) { productColumns(p, row, 1, columns); });
}

} // namespace swamla
