//===- KernelBuilder.cpp - what every CPU kernel generator needs ----------===//
#include "compiler/Kernels/CPU/KernelBuilder.h"

#include "dialects/Step/IR/ElementTypes.h"

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

Type KernelBuilder::addressed(Type element) { return isF8(element) ? getI8Type() : element; }

Value KernelBuilder::pointer(Value base, Type element, Value offset) {
  return LLVM::GEPOp::create(*this, base.getType(), addressed(element), base,
                             ArrayRef<LLVM::GEPArg>{LLVM::GEPArg(offset)});
}

/// What a type is in memory: bf16 and eight-bit floats go there and come from there as bits. LLVM
/// would move bf16 about as a float, and truncate it, an element at a time, by a function that is
/// in no library here.
static Type memoryType(Type type) {
  Type element = getElementTypeOrSelf(type);
  if (!element.isBF16() && !isF8(element))
    return type;
  Type bits = IntegerType::get(type.getContext(), element.getIntOrFloatBitWidth());
  auto vector = dyn_cast<VectorType>(type);
  return vector ? Type(vector.clone(bits)) : bits;
}

static Value bitcastTo(KernelBuilder &b, Type type, Value value) {
  return value.getType() == type ? value : arith::BitcastOp::create(b, type, value).getResult();
}

Value KernelBuilder::load(Type element, Value pointer) {
  Value loaded = LLVM::LoadOp::create(*this, memoryType(element), pointer, elementBytes(element));
  return bitcastTo(*this, element, loaded);
}

void KernelBuilder::store(Value value, Value pointer) {
  value = bitcastTo(*this, memoryType(value.getType()), value);
  LLVM::StoreOp::create(*this, value, pointer, elementBytes(value.getType()));
}

Value KernelBuilder::loadVector(Type element, Value pointer, Value mask) {
  VectorType type = vectorOf(element);
  auto inMemory = cast<VectorType>(memoryType(type));
  Value loaded;
  if (mask) {
    Value zero = arith::ConstantOp::create(*this, getZeroAttr(inMemory));
    loaded =
        LLVM::MaskedLoadOp::create(*this, inMemory, pointer, mask, zero, elementBytes(element));
  } else {
    loaded = LLVM::LoadOp::create(*this, inMemory, pointer, elementBytes(element));
  }
  return bitcastTo(*this, type, loaded);
}

Value KernelBuilder::gatherVector(Type element, Value addresses, Value mask) {
  VectorType type = vectorOf(element);
  Type inMemory = memoryType(type);
  Value zero = arith::ConstantOp::create(*this, getZeroAttr(inMemory));
  Value loaded = LLVM::masked_gather::create(
      *this, inMemory, addresses, mask ? mask : constantMask(lanes()), ValueRange{zero},
      getI32IntegerAttr(static_cast<int32_t>(elementBytes(element))));
  return bitcastTo(*this, type, loaded);
}

void KernelBuilder::storeVector(Value vector, Value pointer, Value mask) {
  vector = bitcastTo(*this, memoryType(vector.getType()), vector);
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
