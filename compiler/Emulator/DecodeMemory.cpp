//===- DecodeMemory.cpp - addresses, loads, stores, atomics ---------------===//
#include "compiler/Emulator/Decoder.h"

using namespace mlir;
using namespace swamla::emulator;

namespace swamla {

/// Address spaces of NVPTX.
static std::optional<Access::Space> spaceOf(Value pointer) {
  switch (cast<LLVM::LLVMPointerType>(pointer.getType()).getAddressSpace()) {
  case 0:
    return Access::Space::Generic;
  case 1:
    return Access::Space::Global;
  case 3:
  case 7:
    return Access::Space::Shared;
  default:
    return std::nullopt;
  }
}

LogicalResult Decoder::decodeGep(LLVM::GEPOp op) {
  if (!isa<LLVM::LLVMPointerType>(op.getType()))
    return unknown(op, "vectors of pointers");
  Type type = op.getElemType();
  Reg address = scalar(op.getBase());
  int64_t fixed = 0;
  bool first = true;
  for (auto index : op.getIndices()) {
    if (!first) {
      if (auto array = dyn_cast<LLVM::LLVMArrayType>(type))
        type = array.getElementType();
      else if (auto vector = dyn_cast<VectorType>(type))
        type = vector.getElementType();
      else
        return unknown(op, "addresses of members of structs");
    }
    first = false;
    auto size = int64_t(layout.getTypeSize(type));
    if (auto constant = dyn_cast<IntegerAttr>(index)) {
      fixed += constant.getInt() * size;
      continue;
    }
    auto value = cast<Value>(index);
    Reg wide = scalar(value);
    if (builder.width(wide) == 4) {
      Reg narrow = wide;
      wide = builder.newReg(8);
      builder.emit("sext.32.64", wide, narrow).imm = bitWidth(value.getType());
    }
    Reg next = builder.newReg(8);
    builder.emit("madi.64", next, wide, builder.constant(uint64_t(size), 8), address);
    address = next;
  }
  if (fixed != 0) {
    Reg next = builder.newReg(8);
    builder.emit("addi.64", next, address).imm = uint64_t(fixed);
    address = next;
  }
  alias(op, {address});
  return success();
}

LogicalResult Decoder::decodeAccess(Operation *op, Value pointer, Type type, ArrayRef<Reg> leaves,
                                    bool isStore, uint64_t alignment) {
  std::optional<Access::Space> space = spaceOf(pointer);
  if (!space)
    return unknown(op, "accesses to such an address space");
  SmallVector<Type> types = leafTypes(type);
  unsigned bits = bitWidth(types.front());
  if (bits % 8 != 0 || isa<LLVM::LLVMStructType, LLVM::LLVMArrayType>(type))
    return unknown(op, "accesses of such a type");
  Access access{*space, uint8_t(bits / 8), uint8_t(types.size()),
                uint32_t(bits / 8 * types.size())};
  if (alignment)
    access.alignment = uint32_t(alignment);
  constexpr unsigned most = 16;
  if (access.bytes * access.count > most)
    return unknown(op, "accesses to more than 16 bytes");
  Instr &instr = builder.emit(isStore ? &store : &load, kNoReg, scalar(pointer));
  builder.setList(instr, leaves);
  instr.extra = builder.addAccess(access);
  return success();
}

static std::optional<AtomicOp> atomicOpOf(LLVM::AtomicBinOp op) {
  switch (op) {
  case LLVM::AtomicBinOp::xchg:
    return AtomicOp::Exchange;
  case LLVM::AtomicBinOp::add:
    return AtomicOp::Add;
  case LLVM::AtomicBinOp::_and:
    return AtomicOp::And;
  case LLVM::AtomicBinOp::_or:
    return AtomicOp::Or;
  case LLVM::AtomicBinOp::_xor:
    return AtomicOp::Xor;
  case LLVM::AtomicBinOp::max:
    return AtomicOp::SMax;
  case LLVM::AtomicBinOp::min:
    return AtomicOp::SMin;
  case LLVM::AtomicBinOp::umax:
    return AtomicOp::UMax;
  case LLVM::AtomicBinOp::umin:
    return AtomicOp::UMin;
  case LLVM::AtomicBinOp::fadd:
    return AtomicOp::FAdd;
  case LLVM::AtomicBinOp::uinc_wrap:
    return AtomicOp::Inc;
  default:
    return std::nullopt;
  }
}

LogicalResult Decoder::decodeAtomic(LLVM::AtomicRMWOp op) {
  std::optional<AtomicOp> kind = atomicOpOf(op.getBinOp());
  std::optional<Access::Space> space = spaceOf(op.getPtr());
  unsigned bits = bitWidth(op.getType());
  if (!kind || !space || (bits != 32 && bits != 64))
    return unknown(op, "such an atomic");
  Reg pointer = scalar(op.getPtr()), value = scalar(op.getVal());
  Instr &instr = builder.emit(&atomic, result(op)[0], pointer, value);
  instr.imm = uint64_t(*kind);
  instr.extra = builder.addAccess({*space, uint8_t(bits / 8), 1, bits / 8});
  return success();
}

LogicalResult Decoder::decodeMemoryOp(Operation *op, bool &known) {
  if (auto gep = dyn_cast<LLVM::GEPOp>(op))
    return decodeGep(gep);
  if (auto load = dyn_cast<LLVM::LoadOp>(op))
    return decodeAccess(op, load.getAddr(), load.getType(), result(load), false,
                        load.getAlignment().value_or(0));
  if (auto store = dyn_cast<LLVM::StoreOp>(op))
    return decodeAccess(op, store.getAddr(), store.getValue().getType(), operand(store.getValue()),
                        true, store.getAlignment().value_or(0));
  if (auto atomic = dyn_cast<LLVM::AtomicRMWOp>(op))
    return decodeAtomic(atomic);
  known = isa<LLVM::FenceOp, LLVM::AssumeOp, LLVM::LifetimeStartOp, LLVM::LifetimeEndOp>(op);
  return success();
}

} // namespace swamla
