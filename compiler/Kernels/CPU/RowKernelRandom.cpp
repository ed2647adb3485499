//===- RowKernelRandom.cpp - swamla.random_uniform ------------------------===//
//
// Philox2x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as
// 1, 2, 3", SC11. A counter (two words) is encrypted under a key (one word) by ten
// rounds of a multiplication and an exclusive or.
//
//===----------------------------------------------------------------------===//
#include "compiler/Kernels/CPU/RowKernelEmitter.h"

using namespace mlir;

namespace swamla {

namespace {
constexpr int64_t kMultiplier = 0xD256D193, kKeyIncrement = 0x9E3779B9;
constexpr unsigned kRounds = 10;

Value constantWord(KernelBuilder &b, Type type, int64_t word) {
  return b.constant(type, static_cast<int64_t>(static_cast<int32_t>(word)));
}

/// The first word of the counter's encryption; i32, or vectors of them.
Value philox(KernelBuilder &b, Value low, Value high, Value key) {
  Type type = low.getType();
  Value multiplier = constantWord(b, type, kMultiplier);
  Value increment = constantWord(b, type, kKeyIncrement);
  for (unsigned round = 0; round < kRounds; ++round) {
    if (round > 0)
      key = arith::AddIOp::create(b, key, increment);
    auto product = arith::MulUIExtendedOp::create(b, low, multiplier);
    low = arith::XOrIOp::create(b, arith::XOrIOp::create(b, product.getHigh(), key), high);
    high = product.getLow();
  }
  return low;
}
} // namespace

/// The current point's position in the domain, row-major, i64.
Value RowKernelEmitter::linearIndex() {
  Value index = b.i64(0);
  for (unsigned dim = 0; dim < plan.numDims(); ++dim) {
    index = b.mul(index, b.i64(plan.extents[dim]));
    if (plan.extents[dim] != 1)
      index = b.add(index, dims[dim]);
  }
  return index;
}

Value RowKernelEmitter::emitRandom(RandomUniformOp random, Value key) {
  Type type = key.getType();
  bool isVector = isa<VectorType>(type);
  Value index = linearIndex(), low, high;
  Value site = b.constant(type, static_cast<int64_t>(static_cast<int32_t>(random.getSite())));

  int64_t points = 1;
  bool fits = true; // in one word
  for (int64_t extent : plan.extents)
    fits &= !llvm::MulOverflow(points, extent, points) && points <= (int64_t(1) << 32);
  if (fits) {
    low = arith::TruncIOp::create(b, b.getI32Type(), index);
    if (isVector)
      low = arith::AddIOp::create(b, b.splat(low), b.iota());
    high = site;
  } else {
    if (isVector) {
      Value steps = arith::ExtSIOp::create(b, b.vectorOf(b.getI64Type()), b.iota());
      index = arith::AddIOp::create(b, b.splat(index), steps);
    }
    low = arith::TruncIOp::create(b, type, index);
    Value shift = b.constant(index.getType(), int64_t(32));
    Value top = arith::TruncIOp::create(b, type, arith::ShRUIOp::create(b, index, shift));
    high = arith::XOrIOp::create(b, site, top);
  }

  Value word = philox(b, low, high, key);
  Value bits = arith::ShRUIOp::create(b, word, b.constant(type, int64_t(8)));
  Type real = isVector ? Type(b.vectorOf(b.getF32Type())) : Type(b.getF32Type());
  Value number = arith::SIToFPOp::create(b, real, bits);
  return arith::MulFOp::create(b, number, b.constant(real, 0x1p-24));
}

} // namespace swamla
