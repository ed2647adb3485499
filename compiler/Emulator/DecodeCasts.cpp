//===- DecodeCasts.cpp - conversions, and calls of mathematics ------------===//
#include "compiler/Emulator/Decoder.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace swamla::emulator;

namespace swamla {

namespace {
/// Parts of one number that another is made of: bits of lanes.
unsigned lanesFor(unsigned bits) { return bits > 32 ? 8 : 4; }
} // namespace

/// Numbers of one width become numbers of another with the same bits, the first lowest.
LogicalResult Decoder::decodeBitcast(LLVM::BitcastOp op) {
  Leaves from = operand(op.getArg());
  unsigned fromBits = bitWidth(leafTypes(op.getArg().getType()).front());
  unsigned toBits = bitWidth(leafTypes(op.getType()).front());
  if (fromBits == toBits) {
    alias(op, std::move(from));
    return success();
  }
  auto shifted = [&](Reg reg, unsigned bytes, StringRef shift, unsigned bits) {
    Reg to = builder.newReg(bytes);
    builder.emit((shift + (bytes == 8 ? ".64" : ".32")).str(), to, reg).imm = bits;
    return to;
  };
  auto resized = [&](Reg reg, unsigned bytes) {
    if (builder.width(reg) == bytes)
      return reg;
    Reg to = builder.newReg(bytes);
    builder.emit(bytes == 8 ? "zext.32.64" : "trunc.64.32", to, reg);
    return to;
  };
  Leaves &to = result(op);
  if (fromBits < toBits) {
    unsigned parts = toBits / fromBits, bytes = lanesFor(toBits);
    for (auto [i, reg] : llvm::enumerate(to)) {
      Reg sum = resized(from[i * parts], bytes);
      for (unsigned part = 1; part < parts; ++part) {
        Reg high = shifted(resized(from[i * parts + part], bytes), bytes, "shli", part * fromBits);
        Reg next = part + 1 == parts ? reg : builder.newReg(bytes);
        builder.emit(bytes == 8 ? "or.64" : "or.32", next, sum, high);
        sum = next;
      }
    }
    return success();
  }
  unsigned parts = fromBits / toBits;
  for (auto [i, reg] : llvm::enumerate(to)) {
    Reg high = shifted(from[i / parts], lanesFor(fromBits), "shri", i % parts * toBits);
    Reg part = resized(high, builder.width(reg));
    builder.emit(builder.width(reg) == 8 ? "move.64" : "move.32", reg, part);
    cut(reg, toBits);
  }
  return success();
}

/// The lane op of a cast between integers, or null where it is only a new name.
static const char *integerCast(bool isSigned, Type from, Type to) {
  unsigned fromBytes = laneBytes(from), toBytes = laneBytes(to);
  if (fromBytes == 8)
    return toBytes == 8 ? nullptr : "trunc.64.32";
  if (isSigned)
    return toBytes == 8 ? "sext.32.64" : "sext.32.32";
  return toBytes == 8 ? "zext.32.64" : nullptr;
}

LogicalResult Decoder::decodeCast(Operation *op, bool &known) {
  if (auto bitcast = dyn_cast<LLVM::BitcastOp>(op))
    return decodeBitcast(bitcast);
  if (auto cast = dyn_cast<LLVM::AddrSpaceCastOp>(op)) {
    auto space = [](Type type) {
      return mlir::cast<LLVM::LLVMPointerType>(type).getAddressSpace();
    };
    unsigned from = space(cast.getArg().getType()), to = space(cast.getType());
    bool fromShared = from == 3 || from == 7, toShared = to == 3 || to == 7;
    if (fromShared == toShared) {
      alias(cast, operand(cast.getArg()));
      return success();
    }
    Reg reg = scalar(cast.getArg());
    builder.emit("addi.64", result(cast)[0], reg).imm = toShared ? -kSharedWindow : kSharedWindow;
    return success();
  }
  if (!isa<LLVM::TruncOp, LLVM::ZExtOp, LLVM::SExtOp, LLVM::PtrToIntOp, LLVM::IntToPtrOp,
           LLVM::SIToFPOp, LLVM::UIToFPOp, LLVM::FPToSIOp, LLVM::FPToUIOp, LLVM::FPExtOp,
           LLVM::FPTruncOp>(op)) {
    known = false;
    return success();
  }
  if (isa<LLVM::FPTruncOp>(op) && leafTypes(op->getResult(0).getType()).front().isF16())
    return unknown(op, "rounding to f16");
  Leaves from = operand(op->getOperand(0));
  for (auto [i, to] : llvm::enumerate(result(op->getResult(0))))
    decodeCastOfLeaf(op, from[i], to);
  return success();
}

void Decoder::decodeCastOfLeaf(Operation *op, Reg from, Reg to) {
  Type fromType = leafTypes(op->getOperand(0).getType()).front();
  Type toType = leafTypes(op->getResult(0).getType()).front();
  std::string types = ("." + laneSuffix(fromType) + "." + laneSuffix(toType)).str();
  if (isa<LLVM::SIToFPOp, LLVM::UIToFPOp>(op)) {
    bool isSigned = isa<LLVM::SIToFPOp>(op);
    Reg wide = toType.isBF16() ? builder.newReg(4) : to;
    builder.emit((isSigned ? "sitofp" : "uitofp") + types, wide,
                 isSigned ? signExtended(from, bitWidth(fromType)) : from);
    if (wide != to)
      narrowFloat(wide, to, toType);
  } else if (isa<LLVM::FPToSIOp, LLVM::FPToUIOp>(op)) {
    builder.emit((isa<LLVM::FPToSIOp>(op) ? "fptosi" : "fptoui") + types, to,
                 widenFloat(from, fromType));
    cut(to, bitWidth(toType));
  } else if (isa<LLVM::FPExtOp, LLVM::FPTruncOp>(op)) {
    Reg wide = widenFloat(from, fromType);
    if (fromType.isF64() && !toType.isF64()) {
      Reg narrow = builder.newReg(4);
      builder.emit("fptrunc.f64.f32", narrow, wide);
      wide = narrow;
    }
    if (toType.isF64() && !fromType.isF64())
      builder.emit("fpext.f32.f64", to, wide);
    else
      narrowFloat(wide, to, toType);
  } else {
    const char *name = integerCast(isa<LLVM::SExtOp>(op), fromType, toType);
    builder.emit(name                     ? name
                 : builder.width(to) == 8 ? "move.64"
                                          : "move.32",
                 to, from)
        .imm = bitWidth(fromType);
    cut(to, bitWidth(toType));
  }
}

//===----------------------------------------------------------------------===//
// Several numbers in a word
//===----------------------------------------------------------------------===//

LogicalResult Decoder::decodePacked(Operation *op, bool &known) {
  if (auto pack = dyn_cast<NVVM::ConvertF32x2ToF8x2Op>(op)) {
    if (pack.getRnd() != NVVM::FPRoundingMode::RN ||
        pack.getSat() != NVVM::SaturationMode::SATFINITE || pack.getRelu() ||
        !pack.getType().isInteger(16))
      return unknown(op, "conversions to f8 other than rn.satfinite to i16");
    bool isE4M3 = isa<Float8E4M3FNType>(pack.getDstTy());
    Reg high = scalar(pack.getA()), low = scalar(pack.getB());
    builder.emit(isE4M3 ? "cvt.rn.satfinite.e4m3x2" : "cvt.rn.satfinite.e5m2x2", result(pack)[0],
                 high, low);
  } else if (auto unpack = dyn_cast<NVVM::ConvertF8x2ToF16x2Op>(op)) {
    if (unpack.getRelu())
      return unknown(op, "conversions with relu");
    bool isE4M3 = isa<Float8E4M3FNType>(unpack.getSrcType());
    Leaves from = operand(unpack.getSrc());
    for (auto [i, to] : llvm::enumerate(result(unpack)))
      builder.emit(isE4M3 ? "cvt.e4m3.f16" : "cvt.e5m2.f16", to, from[i]);
  } else if (auto permute = dyn_cast<NVVM::PermuteOp>(op)) {
    if (permute.getMode() != NVVM::PermuteMode::DEFAULT || !permute.getHi())
      return unknown(op, "permutations other than of two words by index");
    Reg low = scalar(permute.getLo()), high = scalar(permute.getHi()),
        selector = scalar(permute.getSelector());
    builder.emit("prmt", result(permute)[0], low, high, selector);
  } else {
    known = false;
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

/// The lane op of a function of libdevice, or of an NVVM intrinsic.
static std::string laneOpOfCall(StringRef callee) {
  if (callee.consume_front("__nv_")) {
    bool isFloat = findLaneOp((callee + ".f64").str()) == nullptr && callee.consume_back("f");
    StringRef name = llvm::StringSwitch<StringRef>(callee)
                         .Case("fmax", "maxnum")
                         .Case("fmin", "minnum")
                         .Default(callee);
    return (name + (isFloat ? ".f32" : ".f64")).str();
  }
  if (!callee.consume_front("llvm.nvvm."))
    return "";
  callee.consume_back(".f");
  return callee.str(); // "ex2.approx.ftz"
}

LogicalResult Decoder::decodeCall(Operation *op, bool &known) {
  std::string callee;
  if (auto call = dyn_cast<LLVM::CallOp>(op))
    callee = call.getCallee().value_or("").str();
  else if (auto intrinsic = dyn_cast<LLVM::CallIntrinsicOp>(op))
    callee = intrinsic.getIntrin().str();
  else {
    known = false;
    return success();
  }
  Handler handler = findLaneOp(laneOpOfCall(callee));
  if (!handler || op->getNumResults() != 1 || op->getNumOperands() > 3)
    return unknown(op, "the function " + callee);
  SmallVector<Reg, 3> from;
  for (Value value : op->getOperands())
    from.push_back(scalar(value));
  from.resize(3, kNoReg);
  builder.emit(handler, result(op->getResult(0))[0], from[0], from[1], from[2]);
  return success();
}

} // namespace swamla
