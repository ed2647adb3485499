//===- StepMatmul.cpp - verifier of step.matmul ---------------------------===//
#include "dialects/Step/IR/StepDialect.h"

#include "dialects/Step/IR/ElementTypes.h"
#include "dialects/Step/IR/StepVerifiers.h"

using namespace mlir;
using namespace swamla;
using namespace swamla::step;

namespace {
/// A matrix as it is stored; sizes in elements.
struct Stored {
  StringRef name;
  ViewAttr view;
  Type type;
  uint64_t rows, cols, ld;

  uint64_t elementBytes() const { return type.getIntOrFloatBitWidth() / 8; }
};
} // namespace

static LogicalResult verifyTypes(MatmulOp op) {
  Type a = op.getAType(), b = op.getElementTypeOfB(), c = op.getCType();
  for (auto [type, name] : {std::pair(a, "a"), {b, "b"}})
    if (!type.isF32() && !type.isBF16() && !isF8(type))
      return op.emitOpError() << name << " has type " << type
                              << ", expected f32, bf16, f8E4M3FN or f8E5M2";
  if (a != b && !(isF8(a) && isF8(b)))
    return op.emitOpError() << "a has type " << a << " and b " << b
                            << ", expected one type, or f8E4M3FN and f8E5M2";
  if (isa<Float8E5M2Type>(a) && isa<Float8E5M2Type>(b))
    return op.emitOpError() << "a and b are both f8E5M2, expected f8E4M3FN for one of them";
  if (!c.isF32() && !c.isBF16())
    return op.emitOpError() << "c has type " << c << ", expected f32 or bf16";
  if (c.isBF16() && (a.isF32() || op.getAccumulate()))
    return op.emitOpError() << "c has type bf16, expected f32 with f32 operands or accumulate";
  if (op.getTf32() && !a.isF32())
    return op.emitOpError() << "is marked tf32 with operands of " << a << ", expected f32";
  if (op.getFastAccum() && !isF8(a))
    return op.emitOpError() << "is marked fast_accum with operands of " << a << ", expected f8";
  return success();
}

static LogicalResult verifyExtent(MatmulOp op, const Stored &matrix) {
  if (matrix.ld < matrix.cols)
    return op.emitOpError() << "ld" << matrix.name << " is " << matrix.ld
                            << ", expected at least the " << matrix.cols << " columns of "
                            << matrix.name;
  uint64_t bytes = ((matrix.rows - 1) * matrix.ld + matrix.cols) * matrix.elementBytes();
  if (matrix.view.getBytes() < bytes)
    return op.emitOpError() << "the view of " << matrix.name << " has " << matrix.view.getBytes()
                            << " bytes, expected at least " << bytes << " for " << matrix.rows
                            << " rows of " << matrix.cols;
  return success();
}

/// What f8 operands ask for besides.
static LogicalResult verifyF8(MatmulOp op, ArrayRef<Stored> matrices) {
  if (op.getTransposeA() || !op.getTransposeB())
    return op.emitOpError() << "multiplies f8, expected transpose_b without transpose_a";
  for (auto [value, name] : {std::pair(op.getM(), "m"), {op.getN(), "n"}, {op.getK(), "k"}})
    if (value % kF8Chunk != 0)
      return op.emitOpError() << name << " is " << value << ", expected a multiple of " << kF8Chunk
                              << " with f8 operands";
  for (const Stored &matrix : matrices) {
    uint64_t pitch = matrix.ld * matrix.elementBytes();
    if (matrix.view.getOffset() % kF8Chunk != 0 || pitch % kF8Chunk != 0)
      return op.emitOpError() << matrix.name << " begins at byte " << matrix.view.getOffset()
                              << ", its rows are " << pitch
                              << " bytes apart; expected multiples of " << kF8Chunk
                              << " with f8 operands";
  }
  return success();
}

static LogicalResult verifyScales(MatmulOp op) {
  bool isScaled = op.getAScale().has_value();
  if (isScaled != isF8(op.getAType()))
    return op.emitOpError() << (isScaled ? "has scales" : "has no scales") << " with operands of "
                            << op.getAType() << ", expected them exactly with f8 operands";
  if (isScaled != op.getBScale().has_value())
    return op.emitOpError() << "has scales of one operand only, expected both or none";
  if (!isScaled)
    return success();
  uint64_t a = op.getAScale()->getBytes(), b = op.getBScale()->getBytes();
  bool isSingle = a == 4 && b == 4, isEach = a == 4 * op.getM() && b == 4 * op.getN();
  if (!isSingle && !isEach)
    return op.emitOpError() << "has scales of " << a << " and " << b
                            << " bytes, expected one number each (4 and 4 bytes), or one for each "
                               "row and column ("
                            << 4 * op.getM() << " and " << 4 * op.getN() << " bytes)";
  for (auto [view, name] : {std::pair(*op.getAScale(), "a"), {*op.getBScale(), "b"}})
    if (view.getOffset() % kF8Chunk != 0)
      return op.emitOpError() << "the scales of " << name << " begin at byte " << view.getOffset()
                              << ", expected a multiple of " << kF8Chunk;
  return success();
}

LogicalResult MatmulOp::verify() {
  for (auto [value, name] : {std::pair(getM(), "m"), {getN(), "n"}, {getK(), "k"}})
    if (static_cast<int64_t>(value) < 1)
      return emitOpError() << name << " is " << static_cast<int64_t>(value)
                           << ", expected at least 1";
  if (failed(verifyTypes(*this)))
    return failure();
  uint64_t m = getM(), n = getN(), k = getK();
  bool ta = getTransposeA(), tb = getTransposeB();
  Stored matrices[] = {{"a", getA(), getAType(), ta ? k : m, ta ? m : k, getLda()},
                       {"b", getB(), getElementTypeOfB(), tb ? n : k, tb ? k : n, getLdb()},
                       {"c", getC(), getCType(), m, n, getLdc()}};
  for (const Stored &matrix : matrices)
    if (failed(verifyExtent(*this, matrix)))
      return failure();
  if (isF8(getAType()) && failed(verifyF8(*this, matrices)))
    return failure();
  return verifyScales(*this);
}

LogicalResult MatmulOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto fails = [&](std::optional<ViewAttr> view, StringRef name) {
    return view && failed(verifyView(*this, symbols, *view, name));
  };
  return failure(fails(getA(), "a") || fails(getB(), "b") || fails(getC(), "c") ||
                 fails(getAScale(), "a's scales") || fails(getBScale(), "b's scales"));
}
