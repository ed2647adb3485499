//===- DecodeNvvm.cpp - ops of the NVVM dialect ---------------------------===//
#include "compiler/Emulator/Decoder.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace swamla::emulator;

namespace swamla {

static std::optional<SpecialReg> specialRegOf(StringRef name) {
  if (!name.consume_front("nvvm.read.ptx.sreg."))
    return std::nullopt;
  return llvm::StringSwitch<std::optional<SpecialReg>>(name)
      .Case("tid.x", SpecialReg::TidX)
      .Case("tid.y", SpecialReg::TidY)
      .Case("tid.z", SpecialReg::TidZ)
      .Case("ntid.x", SpecialReg::NTidX)
      .Case("ntid.y", SpecialReg::NTidY)
      .Case("ntid.z", SpecialReg::NTidZ)
      .Case("ctaid.x", SpecialReg::CtaX)
      .Case("ctaid.y", SpecialReg::CtaY)
      .Case("ctaid.z", SpecialReg::CtaZ)
      .Case("nctaid.x", SpecialReg::NCtaX)
      .Case("nctaid.y", SpecialReg::NCtaY)
      .Case("nctaid.z", SpecialReg::NCtaZ)
      .Case("laneid", SpecialReg::Lane)
      .Case("warpid", SpecialReg::WarpId)
      .Case("nwarpid", SpecialReg::NWarps)
      .Case("smid", SpecialReg::SmId)
      .Case("lanemask.eq", SpecialReg::LaneMaskEq)
      .Case("lanemask.lt", SpecialReg::LaneMaskLt)
      .Case("lanemask.le", SpecialReg::LaneMaskLe)
      .Case("lanemask.gt", SpecialReg::LaneMaskGt)
      .Case("lanemask.ge", SpecialReg::LaneMaskGe)
      .Default(std::nullopt);
}

static ShuffleKind shuffleKindOf(NVVM::ShflKind kind) {
  switch (kind) {
  case NVVM::ShflKind::bfly:
    return ShuffleKind::Butterfly;
  case NVVM::ShflKind::up:
    return ShuffleKind::Up;
  case NVVM::ShflKind::down:
    return ShuffleKind::Down;
  case NVVM::ShflKind::idx:
    return ShuffleKind::Index;
  }
  llvm_unreachable("not a kind of shuffle");
}

static VoteKind voteKindOf(NVVM::VoteSyncKind kind) {
  switch (kind) {
  case NVVM::VoteSyncKind::any:
    return VoteKind::Any;
  case NVVM::VoteSyncKind::all:
    return VoteKind::All;
  case NVVM::VoteSyncKind::ballot:
    return VoteKind::Ballot;
  case NVVM::VoteSyncKind::uni:
    return VoteKind::Uniform;
  }
  llvm_unreachable("not a kind of vote");
}

static std::optional<ReduceKind> reduceKindOf(NVVM::ReduxKind kind) {
  switch (kind) {
  case NVVM::ReduxKind::ADD:
    return ReduceKind::Add;
  case NVVM::ReduxKind::AND:
    return ReduceKind::And;
  case NVVM::ReduxKind::OR:
    return ReduceKind::Or;
  case NVVM::ReduxKind::XOR:
    return ReduceKind::Xor;
  case NVVM::ReduxKind::MIN:
    return ReduceKind::SMin;
  case NVVM::ReduxKind::MAX:
    return ReduceKind::SMax;
  case NVVM::ReduxKind::UMIN:
    return ReduceKind::UMin;
  case NVVM::ReduxKind::UMAX:
    return ReduceKind::UMax;
  default:
    return std::nullopt;
  }
}

//===----------------------------------------------------------------------===//
// Lanes of a warp
//===----------------------------------------------------------------------===//

LogicalResult Decoder::decodeWarpOp(Operation *op, bool &known) {
  if (auto shfl = dyn_cast<NVVM::ShflOp>(op)) {
    if (bitWidth(leafTypes(shfl.getVal().getType()).front()) != 32)
      return unknown(op, "shuffles of numbers that have not 32 bits");
    Reg value = scalar(shfl.getVal()), offset = scalar(shfl.getOffset()),
        clamp = scalar(shfl.getMaskAndClamp()), mask = scalar(shfl.getThreadMask());
    Leaves to = result(shfl);
    Instr &instr = builder.emit(&shuffle, to[0], value, offset, clamp);
    instr.imm = uint64_t(shuffleKindOf(shfl.getKind()));
    if (to.size() > 1)
      builder.setList(instr, {mask, to[1]});
    else
      builder.setList(instr, {mask});
  } else if (auto ballot = dyn_cast<NVVM::VoteSyncOp>(op)) {
    Reg predicate = scalar(ballot.getPred()), mask = scalar(ballot.getMask());
    builder.emit(&vote, result(ballot)[0], predicate, mask).imm =
        uint64_t(voteKindOf(ballot.getKind()));
  } else if (auto redux = dyn_cast<NVVM::ReduxOp>(op)) {
    std::optional<ReduceKind> kind = reduceKindOf(redux.getKind());
    if (!kind || !redux.getType().isInteger(32))
      return unknown(op, "such a redux");
    Reg value = scalar(redux.getVal()), mask = scalar(redux.getMaskAndClamp());
    builder.emit(&warpReduce, result(redux)[0], value, mask).imm = uint64_t(*kind);
  } else if (auto election = dyn_cast<NVVM::ElectSyncOp>(op)) {
    Reg mask = optional(election.getMembermask());
    builder.emit(&elect, result(election)[0], mask);
  } else if (auto sync = dyn_cast<NVVM::SyncWarpOp>(op)) {
    builder.emit(&warpSync, kNoReg, scalar(sync.getMask()));
  } else if (std::optional<SpecialReg> reg = specialRegOf(op->getName().getStringRef())) {
    builder.emit(&specialReg, result(op->getResult(0))[0]).imm = uint64_t(*reg);
  } else if (isa<NVVM::WarpSizeOp>(op)) {
    alias(op->getResult(0), {constant32(kLanes)});
  } else {
    known = false;
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Barriers and fences
//===----------------------------------------------------------------------===//

LogicalResult Decoder::decodeBarrierOp(Operation *op, bool &known) {
  if (isa<NVVM::Barrier0Op>(op)) {
    builder.emit(&barrierSync);
  } else if (auto barrier = dyn_cast<NVVM::BarrierOp>(op)) {
    if (barrier.getReductionOp())
      return unknown(op, "barriers that reduce");
    Reg id = optional(barrier.getBarrierId()), threads = optional(barrier.getNumberOfThreads());
    builder.emit(&barrierSync, kNoReg, id, threads);
  } else if (auto arrive = dyn_cast<NVVM::BarrierArriveOp>(op)) {
    Reg id = optional(arrive.getBarrierId());
    builder.emit(&barrierArrive, kNoReg, id, scalar(arrive.getNumberOfThreads()));
  } else if (auto init = dyn_cast<NVVM::MBarrierInitOp>(op)) {
    builder.setPredicate(optional(init.getPredicate()));
    builder.emit(&mbarrierInit, kNoReg, scalar(init.getAddr()), scalar(init.getCount()));
  } else if (auto inval = dyn_cast<NVVM::MBarrierInvalOp>(op)) {
    builder.emit(&mbarrierInvalidate, kNoReg, scalar(inval.getAddr()));
  } else if (auto arrival = dyn_cast<NVVM::MBarrierArriveOp>(op)) {
    if (op->getNumResults() && !op->getResult(0).use_empty())
      return unknown(op, "states of mbarriers");
    builder.emit(&mbarrierArrive, kNoReg, scalar(arrival.getAddr()), optional(arrival.getCount()));
  } else if (auto expect = dyn_cast<NVVM::MBarrierArriveExpectTxOp>(op)) {
    if (op->getNumResults() && !op->getResult(0).use_empty())
      return unknown(op, "states of mbarriers");
    builder.setPredicate(optional(expect.getPredicate()));
    builder.emit(&mbarrierExpect, kNoReg, scalar(expect.getAddr()), scalar(expect.getTxcount()))
        .extra = 1;
  } else if (auto only = dyn_cast<NVVM::MBarrierExpectTxOp>(op)) {
    builder.emit(&mbarrierExpect, kNoReg, scalar(only.getAddr()), scalar(only.getTxcount()));
  } else if (auto wait = dyn_cast<NVVM::MBarrierTryWaitParityOp>(op)) {
    builder.emit(&mbarrierWait, kNoReg, scalar(wait.getAddr()), scalar(wait.getPhase()));
  } else if (isa<NVVM::FenceProxyOp>(op)) {
    builder.emit(&proxyFence);
  } else if (isa<NVVM::FenceMbarrierInitOp>(op)) {
    builder.emit(&mbarrierInitFence);
  } else if (isa<NVVM::FenceScClusterOp, NVVM::SetMaxRegisterOp, NVVM::MembarOp>(op)) {
    builder.emit(&nothing);
  } else {
    known = false;
  }
  builder.setPredicate(kNoReg);
  return success();
}

//===----------------------------------------------------------------------===//
// Asynchronous copies and products
//===----------------------------------------------------------------------===//

LogicalResult Decoder::decodeCopyOp(Operation *op, bool &known) {
  if (auto load = dyn_cast<NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp>(op)) {
    if (load.getMode() != NVVM::TMALoadMode::TILE || load.getMulticastMask())
      return unknown(op, "tensor loads other than of one tile to one block");
    SmallVector<Reg> coordinates;
    for (Value value : load.getCoordinates())
      coordinates.push_back(scalar(value));
    builder.setPredicate(optional(load.getPredicate()));
    builder.setList(builder.emit(&tensorLoad, kNoReg, scalar(load.getDstMem()),
                                 scalar(load.getTmaDescriptor()), scalar(load.getMbar())),
                    coordinates);
  } else if (auto store = dyn_cast<NVVM::CpAsyncBulkTensorSharedCTAToGlobalOp>(op)) {
    if (store.getMode() != NVVM::TMAStoreMode::TILE)
      return unknown(op, "tensor stores other than of tiles");
    SmallVector<Reg> coordinates;
    for (Value value : store.getCoordinates())
      coordinates.push_back(scalar(value));
    builder.setPredicate(optional(store.getPredicate()));
    builder.setList(builder.emit(&tensorStore, kNoReg, scalar(store.getTmaDescriptor()),
                                 scalar(store.getSrcMem())),
                    coordinates);
  } else if (auto bulk = dyn_cast<NVVM::CpAsyncBulkGlobalToSharedClusterOp>(op)) {
    if (bulk.getMulticastMask())
      return unknown(op, "bulk loads to several blocks");
    builder.setList(builder.emit(&bulkLoad, kNoReg, scalar(bulk.getDstMem()),
                                 scalar(bulk.getSrcMem()), scalar(bulk.getMbar())),
                    {scalar(bulk.getSize())});
  } else if (auto out = dyn_cast<NVVM::CpAsyncBulkSharedCTAToGlobalOp>(op)) {
    builder.setList(
        builder.emit(&bulkStore, kNoReg, scalar(out.getDstMem()), scalar(out.getSrcMem())),
        {scalar(out.getSize())});
  } else if (isa<NVVM::CpAsyncBulkCommitGroupOp>(op)) {
    builder.emit(&bulkCommit);
  } else if (auto wait = dyn_cast<NVVM::CpAsyncBulkWaitGroupOp>(op)) {
    Instr &instr = builder.emit(&bulkWait);
    instr.imm = wait.getGroup();
    instr.extra = wait.getRead().value_or(false);
  } else if (auto copy = dyn_cast<NVVM::CpAsyncOp>(op)) {
    builder
        .emit(&asyncCopy, kNoReg, scalar(copy.getDst()), scalar(copy.getSrc()),
              optional(copy.getCpSize()))
        .imm = copy.getSize();
  } else if (isa<NVVM::CpAsyncCommitGroupOp>(op)) {
    builder.emit(&asyncCopyCommit);
  } else if (auto copyWait = dyn_cast<NVVM::CpAsyncWaitGroupOp>(op)) {
    builder.emit(&asyncCopyWait).imm = copyWait.getN();
  } else if (isa<NVVM::WgmmaFenceAlignedOp>(op)) {
    builder.emit(&wgmmaFence);
  } else if (isa<NVVM::WgmmaGroupSyncAlignedOp>(op)) {
    builder.emit(&wgmmaCommit);
  } else {
    known = isa<NVVM::PrefetchOp>(op);
  }
  builder.setPredicate(kNoReg);
  return success();
}

LogicalResult Decoder::decodeNvvm(Operation *op, bool &known) {
  using Decode = LogicalResult (Decoder::*)(Operation *, bool &);
  for (Decode decode : {&Decoder::decodeWarpOp, &Decoder::decodeBarrierOp, &Decoder::decodeCopyOp,
                        &Decoder::decodePacked}) {
    known = true;
    if (failed((this->*decode)(op, known)))
      return failure();
    if (known)
      break;
  }
  return success();
}

} // namespace swamla
