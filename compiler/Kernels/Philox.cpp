//===- Philox.cpp - the counter-based generator of swamla.random_uniform --===//
//
// Philox2x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as
// 1, 2, 3", SC11. A counter (two words) is encrypted under a key (one word) by ten
// rounds of a multiplication and an exclusive or.
//
//===----------------------------------------------------------------------===//
#include "compiler/Kernels/Philox.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;

namespace swamla {

static constexpr uint32_t kMultiplier = 0xD256D193, kKeyIncrement = 0x9E3779B9;
static constexpr unsigned kRounds = 10;

static Value constant(ImplicitLocOpBuilder &b, Type type, TypedAttr scalar) {
  if (auto vector = dyn_cast<VectorType>(type))
    return arith::ConstantOp::create(b, DenseElementsAttr::get(vector, scalar));
  return arith::ConstantOp::create(b, scalar);
}

Value emitPhilox(ImplicitLocOpBuilder &b, Value low, Value high, Value key) {
  Type type = low.getType();
  auto word = [&](uint32_t bits) {
    return constant(b, type, b.getI32IntegerAttr(static_cast<int32_t>(bits)));
  };
  Value multiplier = word(kMultiplier), increment = word(kKeyIncrement);
  for (unsigned round = 0; round < kRounds; ++round) {
    if (round > 0)
      key = arith::AddIOp::create(b, key, increment);
    auto product = arith::MulUIExtendedOp::create(b, low, multiplier);
    low = arith::XOrIOp::create(b, arith::XOrIOp::create(b, product.getHigh(), key), high);
    high = product.getLow();
  }
  return low;
}

Value emitUniform(ImplicitLocOpBuilder &b, Value word) {
  Type type = word.getType(), real = b.getF32Type();
  if (auto vector = dyn_cast<VectorType>(type))
    real = vector.clone(real);
  Value bits = arith::ShRUIOp::create(b, word, constant(b, type, b.getI32IntegerAttr(8)));
  Value number = arith::SIToFPOp::create(b, real, bits);
  return arith::MulFOp::create(b, number, constant(b, real, b.getF32FloatAttr(0x1p-24F)));
}

} // namespace swamla
