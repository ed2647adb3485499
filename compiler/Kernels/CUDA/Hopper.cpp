//===- Hopper.cpp - barriers, asynchronous copies, control ----------------===//
#include "compiler/Kernels/CUDA/Hopper.h"

using namespace mlir;

namespace swamla {

/// Shared memory as wgmma and TMA loads address it: as a part of the cluster's.
static constexpr unsigned kClusterSpace = 7;

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

int64_t SharedLayout::take(int64_t bytes, int64_t alignment) {
  int64_t offset = (used + alignment - 1) / alignment * alignment;
  used = offset + bytes;
  return offset;
}

AtomTile SharedLayout::takeTile(int64_t rows, int64_t atoms, int64_t stages) {
  AtomTile tile{.rows = rows, .atoms = atoms};
  tile.offset = take(tile.bytes() * stages, /*alignment=*/1024);
  return tile;
}

void SharedLayout::takeRingBarriers(TileRing &ring) {
  ring.full = takeBarriers(ring.stages);
  ring.empty = takeBarriers(ring.stages);
}

//===----------------------------------------------------------------------===//
// PTX without an op
//===----------------------------------------------------------------------===//

HopperBuilder::Values HopperBuilder::inlinePtx(StringRef text, StringRef constraints,
                                               TypeRange results, ValueRange operands,
                                               bool sideEffects) {
  Type type;
  if (results.size() == 1)
    type = results.front();
  else if (!results.empty())
    type = LLVM::LLVMStructType::getLiteral(getContext(), llvm::to_vector(results));
  auto op = LLVM::InlineAsmOp::create(
      *this, type, operands, text, constraints, sideEffects, /*is_align_stack=*/false,
      LLVM::tailcallkind::TailCallKind::None,
      LLVM::AsmDialectAttr::get(getContext(), LLVM::AsmDialect::AD_ATT), ArrayAttr());
  if (results.size() <= 1)
    return Values(op->getResults());
  Values values;
  for (size_t i = 0; i < results.size(); ++i)
    values.push_back(LLVM::ExtractValueOp::create(*this, op->getResult(0), i));
  return values;
}

Value HopperBuilder::exp2Approx(Value value) {
  return inlinePtx("ex2.approx.ftz.f32 $0, $1;", "=f,f", getF32Type(), value, false)[0];
}

Value HopperBuilder::log2Approx(Value value) {
  return inlinePtx("lg2.approx.ftz.f32 $0, $1;", "=f,f", getF32Type(), value, false)[0];
}

Value HopperBuilder::reciprocalApprox(Value value) {
  return inlinePtx("rcp.approx.ftz.f32 $0, $1;", "=f,f", getF32Type(), value, false)[0];
}

Value HopperBuilder::sharedAddress(Value pointer) {
  return LLVM::PtrToIntOp::create(*this, getI32Type(), pointer);
}

void HopperBuilder::holdBack(Value bits, uint32_t never, int64_t offset) {
  std::string text = "{ .reg .pred p; setp.eq.b32 p, $0, " + std::to_string(never) +
                     "; @p st.volatile.shared.b32 [$1], $0; }";
  inlinePtx(text, "r,r,~{memory}", {}, {bits, sharedAddress(shared(offset))});
}

HopperBuilder::Values HopperBuilder::notEarlier(ValueRange values) {
  Values same;
  for (Value value : values)
    same.append(inlinePtx("mov.b32 $0, $1;", "=f,f", value.getType(), value));
  return same;
}

//===----------------------------------------------------------------------===//
// Warpgroups
//===----------------------------------------------------------------------===//

Value HopperBuilder::warpgroupId() { return shuffleFrom(div(threadId(), kWarpgroupSize), i32(0)); }

void HopperBuilder::decreaseRegisters(int64_t count) {
  NVVM::SetMaxRegisterOp::create(*this, count, NVVM::SetMaxRegisterAction::decrease);
}

void HopperBuilder::increaseRegisters(int64_t count) {
  NVVM::SetMaxRegisterOp::create(*this, count, NVVM::SetMaxRegisterAction::increase);
}

void HopperBuilder::syncThreads(Value barrierId, int64_t threads) {
  NVVM::BarrierOp::create(*this, TypeRange(), barrierId, i32(threads), NVVM::BarrierReductionAttr(),
                          Value());
}

void HopperBuilder::arriveThreads(Value barrierId, int64_t threads) {
  NVVM::BarrierArriveOp::create(*this, barrierId, i32(threads));
}

//===----------------------------------------------------------------------===//
// mbarriers and rings
//===----------------------------------------------------------------------===//

Value HopperBuilder::mbarrier(int64_t offset) { return shared(offset); }

Value HopperBuilder::mbarrier(int64_t offset, Value index) {
  return sharedAt(mul(index, 8), offset);
}

void HopperBuilder::initBarriers(int64_t offset, int64_t count, int64_t arrivals) {
  for (int64_t i = 0; i < count; ++i)
    NVVM::MBarrierInitOp::create(*this, mbarrier(offset + 8 * i), i32(arrivals), Value());
}

void HopperBuilder::fenceBarrierInit() { NVVM::FenceMbarrierInitOp::create(*this); }

void HopperBuilder::expectBytes(Value mbarrier, int64_t bytes) {
  NVVM::MBarrierArriveExpectTxOp::create(*this, Type(), mbarrier, i32(bytes),
                                         NVVM::MemScopeKind::CTA, /*relaxed=*/false, Value());
}

void HopperBuilder::arrive(Value mbarrier) {
  inlinePtx("mbarrier.arrive.shared::cta.b64 _, [$0];", "r,~{memory}", {}, sharedAddress(mbarrier));
}

void HopperBuilder::arriveForWarp(Value isArriving, Value mbarrier) {
  syncWarp(); // an arrival publishes what its own thread has done
  inlinePtx("@$1 mbarrier.arrive.shared::cta.b64 _, [$0];", "r,b,~{memory}", {},
            {sharedAddress(mbarrier), isArriving});
}

Value HopperBuilder::readForWarp(Value isFirstLane, Value number, Value read) {
  auto load = [&] {
    return Values{LLVM::LoadOp::create(*this, getI32Type(), number, /*alignment=*/4,
                                       /*isVolatile=*/true)};
  };
  Value found = choose(isFirstLane, load, [&] { return Values{i32(0)}; })[0];
  found = shuffleFrom(found, i32(0));
  arriveForWarp(isFirstLane, read);
  return found;
}

void HopperBuilder::wait(Value mbarrier, Value parity) {
  // How long a thread may sleep before it looks again, in nanoseconds.
  constexpr int64_t patience = 10'000'000;
  NVVM::MBarrierTryWaitParityOp::create(*this, mbarrier, parity, i32(patience));
}

HopperBuilder::Slot HopperBuilder::slot(const TileRing &ring, Value n) {
  return {.stage = rem(n, ring.stages), .parity = bitAnd(div(n, ring.stages), 1)};
}

Value HopperBuilder::acquireEmpty(const TileRing &ring, Value n) {
  Slot s = slot(ring, n);
  wait(mbarrier(ring.empty, s.stage), sub(i32(1), s.parity));
  return s.stage;
}

Value HopperBuilder::waitFull(const TileRing &ring, Value n) {
  Slot s = slot(ring, n);
  wait(fullBarrier(ring, s.stage), s.parity);
  return s.stage;
}

void HopperBuilder::releaseStage(const TileRing &ring, Value n, Value isArriving) {
  arriveForWarp(isArriving, mbarrier(ring.empty, slot(ring, n).stage));
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

void HopperBuilder::loadBox(Value tensorMap, Value destination, Value mbarrier,
                            ValueRange coordinates) {
  Value cluster = LLVM::AddrSpaceCastOp::create(
      *this, LLVM::LLVMPointerType::get(getContext(), kClusterSpace), destination);
  NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp::create(
      *this, cluster, tensorMap, coordinates, mbarrier, /*im2colOffsets=*/ValueRange(),
      /*multicastMask=*/Value(), /*l2CacheHint=*/Value(), NVVM::TMALoadMode::TILE,
      /*isCTAOnly=*/false, NVVM::CTAGroupKindAttr(), /*predicate=*/Value());
}

void HopperBuilder::storeBox(Value tensorMap, Value source, ValueRange coordinates) {
  NVVM::CpAsyncBulkTensorSharedCTAToGlobalOp::create(*this, tensorMap, source, coordinates,
                                                     /*l2CacheHint=*/Value(),
                                                     NVVM::TMAStoreMode::TILE, Value());
}

void HopperBuilder::loadBytes(Value source, Value destination, Value mbarrier, int64_t bytes) {
  Value cluster = LLVM::AddrSpaceCastOp::create(
      *this, LLVM::LLVMPointerType::get(getContext(), kClusterSpace), destination);
  NVVM::CpAsyncBulkGlobalToSharedClusterOp::create(*this, cluster, source, mbarrier, i32(bytes),
                                                   /*multicastMask=*/Value(),
                                                   /*l2CacheHint=*/Value());
}

void HopperBuilder::fenceShared() {
  NVVM::FenceProxyOp::create(
      *this, NVVM::ProxyKindAttr::get(getContext(), NVVM::ProxyKind::async_shared),
      NVVM::SharedSpaceAttr::get(getContext(), NVVM::SharedSpace::shared_cta));
}

void HopperBuilder::commitStores() { NVVM::CpAsyncBulkCommitGroupOp::create(*this); }

void HopperBuilder::waitStoresRead(int64_t pending) {
  NVVM::CpAsyncBulkWaitGroupOp::create(*this, pending, getUnitAttr());
}

void HopperBuilder::waitStores(int64_t pending) {
  NVVM::CpAsyncBulkWaitGroupOp::create(*this, pending, UnitAttr());
}

Value HopperBuilder::sharedAt(Value byteOffset, int64_t more) {
  return pointer(shared(), getI8Type(), add(byteOffset, more));
}

Value HopperBuilder::stageOffset(const AtomTile &tile, Value stage) {
  return add(mul(stage, tile.bytes()), tile.offset);
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

ValueRange HopperBuilder::whileLoop(ValueRange init, TypeRange foundTypes, WhileCondition condition,
                                    WhileBody body) {
  SmallVector<Type> types(init.getTypes());
  size_t numCarried = types.size();
  llvm::append_range(types, foundTypes);
  SmallVector<Location> locations(types.size(), getLoc());
  auto loop = scf::WhileOp::create(*this, types, init);
  OpBuilder::InsertionGuard guard(*this);

  Block *before = createBlock(&loop.getBefore(), {}, init.getTypes(),
                              ArrayRef<Location>(locations).take_front(numCarried));
  Decision decision = condition(before->getArguments());
  Values passed = llvm::to_vector_of<Value>(before->getArguments());
  llvm::append_range(passed, decision.found);
  scf::ConditionOp::create(*this, decision.more, passed);

  Block *after = createBlock(&loop.getAfter(), {}, types, locations);
  ValueRange arguments = after->getArguments();
  Values next = body(arguments.take_front(numCarried), arguments.drop_front(numCarried));
  scf::YieldOp::create(*this, next);
  return loop.getResults().take_front(numCarried);
}

} // namespace swamla
