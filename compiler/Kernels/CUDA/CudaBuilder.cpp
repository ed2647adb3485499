//===- CudaBuilder.cpp - what every GPU kernel generator needs ------------===//
#include "compiler/Kernels/CUDA/CudaBuilder.h"

#include "compiler/Kernels/CUDA/CudaFloat8.h"
#include "dialects/Step/IR/ElementTypes.h"

#include "mlir/IR/BuiltinOps.h"

#include <limits>
#include <numeric>

using namespace mlir;

namespace swamla {

/// Buffers are allocated at multiples of this many bytes.
static constexpr int64_t kBufferAlignment = 256;

int64_t viewAlignment(Operation *kernelOp, unsigned view) {
  auto symbol = kernelOp->getAttrOfType<StringAttr>(SymbolTable::getSymbolAttrName());
  int64_t alignment = 0;
  kernelOp->getParentOfType<ModuleOp>().walk([&](step::LaunchOp launch) {
    if (launch.getKernelAttr().getAttr() != symbol)
      return;
    auto at = cast<step::ViewAttr>(launch.getViews()[view]);
    alignment =
        std::gcd(alignment, std::gcd(static_cast<int64_t>(at.getOffset()), kBufferAlignment));
  });
  return std::max<int64_t>(alignment, 1);
}

//===----------------------------------------------------------------------===//
// The function
//===----------------------------------------------------------------------===//

LLVM::LLVMFuncOp CudaBuilder::createKernel(StringRef name, int64_t views, const GpuLaunch &launch) {
  launchInfo = launch;
  numViews = views;
  MLIRContext *context = getContext();
  auto global = LLVM::LLVMPointerType::get(context, kGlobalSpace);
  SmallVector<Type> parameters(views + (launch.scratchBytes > 0 ? 1 : 0), global);
  unsigned firstMap = parameters.size();
  parameters.append(launch.tensorMaps.size(), LLVM::LLVMPointerType::get(context));
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), parameters);
  kernel = LLVM::LLVMFuncOp::create(*this, name, type);

  kernel->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(), getUnitAttr());
  kernel->setAttr(NVVM::NVVMDialect::getReqntidAttrName(),
                  getDenseI32ArrayAttr({static_cast<int32_t>(launch.block), 1, 1}));
  if (launch.minBlocksPerSm > 0)
    kernel->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(),
                    getI32IntegerAttr(static_cast<int32_t>(launch.minBlocksPerSm)));
  kernel->setAttr(kNumViewsAttr, getI64IntegerAttr(views));
  kernel->setAttr(kScratchBytesAttr, getI64IntegerAttr(launch.scratchBytes));
  kernel->setAttr(kGridAttr, getDenseI64ArrayAttr(launch.grid));
  kernel->setAttr(kBlockAttr, getI64IntegerAttr(launch.block));
  kernel->setAttr(kSharedBytesAttr, getI64IntegerAttr(launch.sharedBytes));
  if (!launch.tensorMaps.empty())
    kernel->setAttr(kTensorMapsAttr, getArrayAttr(SmallVector<Attribute>(launch.tensorMaps.begin(),
                                                                         launch.tensorMaps.end())));
  for (unsigned i = firstMap; i < parameters.size(); ++i) {
    Type descriptor = LLVM::LLVMArrayType::get(getI8Type(), 128);
    kernel.setArgAttr(i, LLVM::LLVMDialect::getByValAttrName(), TypeAttr::get(descriptor));
    kernel.setArgAttr(i, NVVM::NVVMDialect::getGridConstantAttrName(), getUnitAttr());
    kernel.setArgAttr(i, LLVM::LLVMDialect::getAlignAttrName(), getI64IntegerAttr(64));
  }

  setInsertionPointToStart(kernel.addEntryBlock(*this));
  auto end = LLVM::ReturnOp::create(*this, ValueRange());
  setInsertionPoint(end);
  return kernel;
}

Value CudaBuilder::scratch() {
  assert(launchInfo.scratchBytes > 0 && "the kernel asked for no scratch memory");
  return kernel.getArgument(numViews);
}

Value CudaBuilder::tensorMap(int64_t index) {
  return kernel.getArgument(numViews + (launchInfo.scratchBytes > 0 ? 1 : 0) + index);
}

//===----------------------------------------------------------------------===//
// Where a thread is
//===----------------------------------------------------------------------===//

Value CudaBuilder::threadId() { return NVVM::ThreadIdXOp::create(*this, getI32Type()); }

Value CudaBuilder::blockId(char dim) {
  switch (dim) {
  case 'x':
    return NVVM::BlockIdXOp::create(*this, getI32Type());
  case 'y':
    return NVVM::BlockIdYOp::create(*this, getI32Type());
  default:
    assert(dim == 'z' && "a grid has the dimensions x, y and z");
    return NVVM::BlockIdZOp::create(*this, getI32Type());
  }
}

Value CudaBuilder::laneId() { return bitAnd(threadId(), kWarpSize - 1); }

Value CudaBuilder::warpId() { return shiftRight(threadId(), 5); }

//===----------------------------------------------------------------------===//
// Constants and integers
//===----------------------------------------------------------------------===//

static Value integer(CudaBuilder &b, Type type, int64_t value) {
  return arith::ConstantOp::create(b, b.getIntegerAttr(type, value));
}

Value CudaBuilder::i32(int64_t value) { return integer(*this, getI32Type(), value); }
Value CudaBuilder::i64(int64_t value) { return integer(*this, getI64Type(), value); }
Value CudaBuilder::i1(bool value) { return arith::ConstantOp::create(*this, getBoolAttr(value)); }
Value CudaBuilder::f32(double value) { return constant(getF32Type(), value); }

Value CudaBuilder::constant(Type type, double value) {
  if (isa<FloatType>(type))
    return arith::ConstantOp::create(*this, getFloatAttr(type, value));
  return integer(*this, type, static_cast<int64_t>(value));
}

Value CudaBuilder::add(Value lhs, Value rhs) { return createOrFold<arith::AddIOp>(lhs, rhs); }
Value CudaBuilder::sub(Value lhs, Value rhs) { return createOrFold<arith::SubIOp>(lhs, rhs); }
Value CudaBuilder::mul(Value lhs, Value rhs) { return createOrFold<arith::MulIOp>(lhs, rhs); }
Value CudaBuilder::add(Value lhs, int64_t rhs) {
  return rhs == 0 ? lhs : add(lhs, integer(*this, lhs.getType(), rhs));
}
Value CudaBuilder::mul(Value lhs, int64_t rhs) {
  return rhs == 1 ? lhs : mul(lhs, integer(*this, lhs.getType(), rhs));
}
Value CudaBuilder::div(Value lhs, int64_t rhs) {
  return rhs == 1 ? lhs : createOrFold<arith::DivUIOp>(lhs, integer(*this, lhs.getType(), rhs));
}
Value CudaBuilder::rem(Value lhs, int64_t rhs) {
  return createOrFold<arith::RemUIOp>(lhs, integer(*this, lhs.getType(), rhs));
}
Value CudaBuilder::bitAnd(Value lhs, int64_t rhs) {
  return createOrFold<arith::AndIOp>(lhs, integer(*this, lhs.getType(), rhs));
}
Value CudaBuilder::shiftRight(Value lhs, int64_t bits) {
  return createOrFold<arith::ShRUIOp>(lhs, integer(*this, lhs.getType(), bits));
}
Value CudaBuilder::larger(Value lhs, Value rhs) { return createOrFold<arith::MaxSIOp>(lhs, rhs); }
Value CudaBuilder::smaller(Value lhs, Value rhs) { return createOrFold<arith::MinSIOp>(lhs, rhs); }
Value CudaBuilder::toI64(Value value) {
  return value.getType().isInteger(64) ? value : createOrFold<arith::ExtSIOp>(getI64Type(), value);
}
Value CudaBuilder::toI32(Value value) {
  return value.getType().isInteger(32) ? value : createOrFold<arith::TruncIOp>(getI32Type(), value);
}
Value CudaBuilder::compare(arith::CmpIPredicate predicate, Value lhs, Value rhs) {
  return createOrFold<arith::CmpIOp>(predicate, lhs, rhs);
}
Value CudaBuilder::lessThan(Value lhs, Value rhs) {
  return compare(arith::CmpIPredicate::slt, lhs, rhs);
}
Value CudaBuilder::lessThan(Value lhs, int64_t rhs) {
  return lessThan(lhs, integer(*this, lhs.getType(), rhs));
}
Value CudaBuilder::equal(Value lhs, int64_t rhs) {
  return compare(arith::CmpIPredicate::eq, lhs, integer(*this, lhs.getType(), rhs));
}
Value CudaBuilder::both(Value lhs, Value rhs) { return createOrFold<arith::AndIOp>(lhs, rhs); }
Value CudaBuilder::select(Value condition, Value yes, Value no) {
  return createOrFold<arith::SelectOp>(condition, yes, no);
}

//===----------------------------------------------------------------------===//
// f32
//===----------------------------------------------------------------------===//

Value CudaBuilder::addf(Value lhs, Value rhs) { return arith::AddFOp::create(*this, lhs, rhs); }
Value CudaBuilder::subf(Value lhs, Value rhs) { return arith::SubFOp::create(*this, lhs, rhs); }
Value CudaBuilder::mulf(Value lhs, Value rhs) { return arith::MulFOp::create(*this, lhs, rhs); }
Value CudaBuilder::maxf(Value lhs, Value rhs) { return arith::MaxNumFOp::create(*this, lhs, rhs); }
Value CudaBuilder::fma(Value a, Value b, Value c) { return LLVM::FMAOp::create(*this, a, b, c); }

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Value CudaBuilder::pointer(Value base, Type element, Value offset) {
  return LLVM::GEPOp::create(*this, base.getType(), memoryType(element), base,
                             ArrayRef<LLVM::GEPArg>{LLVM::GEPArg(offset)});
}

Value CudaBuilder::pointer(Value base, Type element, int64_t offset) {
  return offset == 0 ? base : pointer(base, element, i64(offset));
}

Value CudaBuilder::shared(int64_t byteOffset) {
  static constexpr StringLiteral name = "swamla_shared";
  auto type = LLVM::LLVMPointerType::get(getContext(), kSharedSpace);
  auto module = kernel->getParentOfType<ModuleOp>();
  if (!module.lookupSymbol(name)) {
    OpBuilder::InsertionGuard guard(*this);
    setInsertionPointToStart(module.getBody());
    LLVM::GlobalOp::create(*this, LLVM::LLVMArrayType::get(getI8Type(), 0), /*isConstant=*/false,
                           LLVM::Linkage::External, name, Attribute(), /*alignment=*/1024,
                           kSharedSpace);
  }
  return pointer(LLVM::AddressOfOp::create(*this, type, name), getI8Type(), byteOffset);
}

/// Bytes of a value of a type in memory.
static unsigned bytesOf(Type type) {
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.getNumElements() * bytesOf(vector.getElementType());
  return type.isIntOrFloat() ? std::max(1U, type.getIntOrFloatBitWidth() / 8) : 8;
}

Value CudaBuilder::load(Type type, Value pointer, bool readOnly, unsigned alignment) {
  Value loaded = LLVM::LoadOp::create(*this, memoryType(type), pointer,
                                      alignment ? alignment : bytesOf(type), /*isVolatile=*/false,
                                      /*isNonTemporal=*/false, /*isInvariant=*/readOnly);
  return isF8(type) ? arith::BitcastOp::create(*this, type, loaded) : loaded;
}

void CudaBuilder::store(Value value, Value pointer, unsigned alignment) {
  if (isF8(value.getType()))
    value = arith::BitcastOp::create(*this, getI8Type(), value);
  LLVM::StoreOp::create(*this, value, pointer, alignment ? alignment : bytesOf(value.getType()));
}

/// What `count` elements are moved as: one number, or a vector; pairs of bf16 as i32, which have
/// 16-byte accesses.
static Type accessType(Type element, int64_t count) {
  if (element.isBF16() && count > 1) {
    assert(count % 2 == 0 && "an odd number of bf16 elements has no access");
    element = IntegerType::get(element.getContext(), 32);
    count /= 2;
  }
  return count == 1 ? element : VectorType::get({count}, element);
}

static Value extract(CudaBuilder &b, Value vector, int64_t index) {
  return LLVM::ExtractElementOp::create(b, vector, b.i32(index));
}

SmallVector<Value> CudaBuilder::loadElements(Type element, int64_t count, Value pointer,
                                             bool readOnly) {
  Value loaded = load(accessType(element, count), pointer, readOnly);
  SmallVector<Value> parts;
  if (auto vector = dyn_cast<VectorType>(loaded.getType()))
    for (int64_t i = 0; i < vector.getNumElements(); ++i)
      parts.push_back(extract(*this, loaded, i));
  else
    parts.push_back(loaded);
  if (!isNarrowFloat(element))
    return parts;
  if (count == 1)
    return {arith::ExtFOp::create(*this, getF32Type(), loaded)};
  SmallVector<Value> values;
  for (Value pair : parts) {
    auto [low, high] = unpackBf16(pair);
    values.append({low, high});
  }
  return values;
}

void CudaBuilder::storeElements(Type element, ValueRange values, Value pointer) {
  SmallVector<Value> parts(values);
  if (isNarrowFloat(element) && values.size() == 1) {
    parts[0] = arith::TruncFOp::create(*this, element, values[0]);
  } else if (element.isBF16()) {
    parts.clear();
    for (size_t i = 0; i + 1 < values.size(); i += 2)
      parts.push_back(packBf16(values[i], values[i + 1]));
  }
  Type type = accessType(element, values.size());
  if (!isa<VectorType>(type))
    return store(parts[0], pointer);
  Value vector = LLVM::PoisonOp::create(*this, type);
  for (auto [i, part] : llvm::enumerate(parts))
    vector = LLVM::InsertElementOp::create(*this, vector, part, i32(i));
  store(vector, pointer);
}

//===----------------------------------------------------------------------===//
// bf16
//===----------------------------------------------------------------------===//

Value CudaBuilder::packBf16(Value low, Value high) {
  Value pair = LLVM::PoisonOp::create(*this, VectorType::get({2}, getF32Type()));
  pair = LLVM::InsertElementOp::create(*this, pair, low, i32(0));
  pair = LLVM::InsertElementOp::create(*this, pair, high, i32(1));
  Value rounded = LLVM::FPTruncOp::create(*this, VectorType::get({2}, getBF16Type()), pair);
  return LLVM::BitcastOp::create(*this, getI32Type(), rounded);
}

std::pair<Value, Value> CudaBuilder::unpackBf16(Value pair) {
  Value low = arith::ShLIOp::create(*this, pair, i32(16));
  Value high = arith::AndIOp::create(*this, pair, i32(0xffff0000 - (int64_t{1} << 32)));
  return {arith::BitcastOp::create(*this, getF32Type(), low),
          arith::BitcastOp::create(*this, getF32Type(), high)};
}

Value CudaBuilder::roundBf16(Value value) {
  Value rounded = arith::TruncFOp::create(*this, getBF16Type(), value);
  return arith::ExtFOp::create(*this, getF32Type(), rounded);
}

//===----------------------------------------------------------------------===//
// Threads together
//===----------------------------------------------------------------------===//

void CudaBuilder::barrier() { NVVM::Barrier0Op::create(*this); }

void CudaBuilder::syncWarp() { NVVM::SyncWarpOp::create(*this, i32(-1)); }

Value CudaBuilder::shuffleXor(Value value, int64_t mask) {
  return NVVM::ShflOp::create(*this, value.getType(), i32(-1), value, i32(mask), i32(kWarpSize - 1),
                              NVVM::ShflKind::bfly, UnitAttr());
}

Value CudaBuilder::shuffleFrom(Value value, Value lane) {
  return NVVM::ShflOp::create(*this, value.getType(), i32(-1), value, lane, i32(kWarpSize - 1),
                              NVVM::ShflKind::idx, UnitAttr());
}

Value CudaBuilder::combine(ReduceKind kind, Value lhs, Value rhs) {
  if (kind == ReduceKind::Max)
    return arith::MaximumFOp::create(*this, lhs, rhs);
  return addf(lhs, rhs);
}

Value CudaBuilder::neutral(ReduceKind kind) {
  // x + -0 is x for every x.
  return f32(kind == ReduceKind::Max ? -std::numeric_limits<double>::infinity() : -0.0);
}

Value CudaBuilder::warpReduce(ReduceKind kind, Value value, int64_t width) {
  // Both lanes of a pair compute the same: addition commutes.
  for (int64_t mask = width / 2; mask > 0; mask /= 2)
    value = combine(kind, value, shuffleXor(value, mask));
  return value;
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

ValueRange CudaBuilder::loop(Value from, Value to, Value step, ValueRange carried, LoopBody body) {
  auto loop = scf::ForOp::create(*this, from, to, step, carried);
  OpBuilder::InsertionGuard guard(*this);
  if (carried.empty()) // such a loop comes with its terminator
    loop.getBody()->getTerminator()->erase();
  setInsertionPointToEnd(loop.getBody());
  SmallVector<Value> next = body(loop.getInductionVar(), loop.getRegionIterArgs());
  scf::YieldOp::create(*this, next);
  return loop.getResults();
}

void CudaBuilder::loop(Value from, Value to, Value step, function_ref<void(Value)> body) {
  loop(from, to, step, ValueRange(), [&](Value index, ValueRange) {
    body(index);
    return SmallVector<Value>();
  });
}

void CudaBuilder::when(Value condition, function_ref<void()> body) {
  auto branch = scf::IfOp::create(*this, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPoint(branch.thenYield());
  body();
}

ValueRange CudaBuilder::choose(Value condition, function_ref<SmallVector<Value>()> yes,
                               function_ref<SmallVector<Value>()> no) {
  auto branch = [&](function_ref<SmallVector<Value>()> side) {
    return [this, side](OpBuilder &nested, Location) {
      OpBuilder::InsertionGuard guard(*this);
      setInsertionPoint(nested.getInsertionBlock(), nested.getInsertionPoint());
      scf::YieldOp::create(*this, side());
    };
  };
  return scf::IfOp::create(*this, condition, branch(yes), branch(no)).getResults();
}

} // namespace swamla
