//===- KernelBuilder.cpp - what every CPU kernel generator needs ----------===//
#include "compiler/Kernels/CPU/KernelBuilder.h"

using namespace mlir;

namespace swamla {

func::FuncOp KernelBuilder::createKernel(StringRef name, int64_t numViews, int64_t scratchBytes) {
  Type pointerType = LLVM::LLVMPointerType::get(getContext());
  Type index = getI64Type();
  auto type = getFunctionType({pointerType, index, index, pointerType}, {});
  kernel = func::FuncOp::create(*this, name, type);
  kernel->setAttr(kNumViewsAttr, getI64IntegerAttr(numViews));
  kernel->setAttr(kScratchBytesAttr, getI64IntegerAttr(scratchBytes));
  setInsertionPointToStart(kernel.addEntryBlock());
  auto end = func::ReturnOp::create(*this);
  setInsertionPoint(end);
  return kernel;
}

Value KernelBuilder::viewBase(int64_t view) {
  Type pointerType = LLVM::LLVMPointerType::get(getContext());
  Value slot = pointer(kernel.getArgument(0), pointerType, i64(view));
  return LLVM::LoadOp::create(*this, pointerType, slot);
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

Value KernelBuilder::i64(int64_t value) { return constant(getI64Type(), value); }

Value KernelBuilder::i32(int32_t value) {
  return constant(getI32Type(), static_cast<int64_t>(value));
}

static Value constantOf(KernelBuilder &b, Type type, TypedAttr scalar) {
  if (auto vector = dyn_cast<VectorType>(type))
    return arith::ConstantOp::create(b, DenseElementsAttr::get(vector, scalar));
  return arith::ConstantOp::create(b, scalar);
}

Value KernelBuilder::constant(Type type, double value) {
  return constantOf(*this, type, getFloatAttr(getElementTypeOrSelf(type), value));
}

Value KernelBuilder::constant(Type type, int64_t value) {
  return constantOf(*this, type, getIntegerAttr(getElementTypeOrSelf(type), value));
}

Value KernelBuilder::constantMask(unsigned active) {
  SmallVector<bool> bits(lanes(), false);
  std::fill_n(bits.begin(), std::min<size_t>(active, bits.size()), true);
  return arith::ConstantOp::create(*this, DenseElementsAttr::get(vectorOf(getI1Type()), bits));
}

Value KernelBuilder::iota() {
  SmallVector<int32_t> steps(lanes());
  for (auto [i, step] : llvm::enumerate(steps))
    step = static_cast<int32_t>(i);
  return arith::ConstantOp::create(
      *this, DenseElementsAttr::get(vectorOf(getI32Type()), ArrayRef<int32_t>(steps)));
}

Value KernelBuilder::splat(Value value) {
  if (isa<VectorType>(value.getType()))
    return value;
  return vector::BroadcastOp::create(*this, vectorOf(value.getType()), value);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

/// Bytes that an element of a type occupies in memory; also the alignment that accesses assume.
static unsigned elementBytes(Type type) {
  type = getElementTypeOrSelf(type);
  return type.isIntOrFloat() ? std::max(1U, type.getIntOrFloatBitWidth() / 8) : 8;
}

Value KernelBuilder::pointer(Value base, Type element, Value offset) {
  return LLVM::GEPOp::create(*this, base.getType(), element, base,
                             ArrayRef<LLVM::GEPArg>{LLVM::GEPArg(offset)});
}

Value KernelBuilder::load(Type element, Value pointer) {
  return LLVM::LoadOp::create(*this, element, pointer, elementBytes(element));
}

void KernelBuilder::store(Value value, Value pointer) {
  LLVM::StoreOp::create(*this, value, pointer, elementBytes(value.getType()));
}

Value KernelBuilder::loadVector(Type element, Value pointer, Value mask) {
  VectorType type = vectorOf(element);
  if (!mask)
    return LLVM::LoadOp::create(*this, type, pointer, elementBytes(element));
  Value zero = arith::ConstantOp::create(*this, getZeroAttr(type));
  return LLVM::MaskedLoadOp::create(*this, type, pointer, mask, zero, elementBytes(element));
}

void KernelBuilder::storeVector(Value vector, Value pointer, Value mask) {
  unsigned bytes = elementBytes(vector.getType());
  if (mask)
    LLVM::MaskedStoreOp::create(*this, vector, pointer, mask, bytes);
  else
    LLVM::StoreOp::create(*this, vector, pointer, bytes);
}

//===----------------------------------------------------------------------===//
// Arithmetic and loops
//===----------------------------------------------------------------------===//

Value KernelBuilder::add(Value lhs, Value rhs) { return createOrFold<arith::AddIOp>(lhs, rhs); }

Value KernelBuilder::mul(Value lhs, Value rhs) { return createOrFold<arith::MulIOp>(lhs, rhs); }

ValueRange KernelBuilder::loop(Value from, Value to, int64_t step, ValueRange carried,
                               LoopBody body) {
  auto loop = scf::ForOp::create(*this, from, to, i64(step), carried);
  OpBuilder::InsertionGuard guard(*this);
  if (carried.empty()) // such a loop comes with its terminator
    loop.getBody()->getTerminator()->erase();
  setInsertionPointToEnd(loop.getBody());
  SmallVector<Value> next = body(loop.getInductionVar(), loop.getRegionIterArgs());
  scf::YieldOp::create(*this, next);
  return loop.getResults();
}

void KernelBuilder::loop(Value from, Value to, int64_t step, function_ref<void(Value)> body) {
  loop(from, to, step, ValueRange(), [&](Value index, ValueRange) {
    body(index);
    return SmallVector<Value>();
  });
}

} // namespace swamla
