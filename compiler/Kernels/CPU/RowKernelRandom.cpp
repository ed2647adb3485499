//===- RowKernelRandom.cpp - swamla.random_uniform ------------------------===//
#include "compiler/Kernels/CPU/RowKernelEmitter.h"
#include "compiler/Kernels/Philox.h"

using namespace mlir;

namespace swamla {

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

  return emitUniform(b, emitPhilox(b, low, high, key));
}

} // namespace swamla
