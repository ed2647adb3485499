//===- Decoder.h - from an llvm.func to a program of the emulator ---------===//
#pragma once

#include "compiler/Emulator/Machine/Memory.h"
#include "compiler/Emulator/Machine/ProgramBuilder.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"

namespace swamla {

/// The registers of a value: one for a number, several for the leaves of a vector or struct.
using Leaves = llvm::SmallVector<emulator::Reg, 1>;

class Decoder {
public:
  explicit Decoder(mlir::LLVM::LLVMFuncOp function)
      : function(function), layout(function->getParentOfType<mlir::ModuleOp>()) {}

  mlir::FailureOr<emulator::Program> decode();

private:
  // The function (Decoder.cpp).
  mlir::LogicalResult decodeLaunch();
  mlir::LogicalResult decodeTensorMaps();
  mlir::LogicalResult decodeBody();
  mlir::LogicalResult decodeOp(mlir::Operation *op);
  mlir::LogicalResult decodeTerminator(mlir::Operation *op, bool &isTerminator);
  uint32_t edgeTo(mlir::Block *block, mlir::ValueRange arguments);

  // Ops of the LLVM dialect: each returns false in `known` if the op is none of its own.
  mlir::LogicalResult decodeValueOp(mlir::Operation *op, bool &known); // DecodeValues.cpp
  mlir::LogicalResult decodeConstant(mlir::LLVM::ConstantOp op);
  mlir::LogicalResult decodeShuffleVector(mlir::LLVM::ShuffleVectorOp op);
  mlir::LogicalResult decodeArithmetic(mlir::Operation *op, bool &known); // DecodeArithmetic.cpp
  mlir::LogicalResult decodeCompare(mlir::Operation *op, llvm::StringRef kind,
                                    llvm::StringRef predicate, bool isSigned);
  mlir::LogicalResult decodeCast(mlir::Operation *op, bool &known); // DecodeCasts.cpp
  void decodeCastOfLeaf(mlir::Operation *op, emulator::Reg from, emulator::Reg to);
  mlir::LogicalResult decodePacked(mlir::Operation *op, bool &known);
  mlir::LogicalResult decodeBitcast(mlir::LLVM::BitcastOp op);
  mlir::LogicalResult decodeCall(mlir::Operation *op, bool &known);
  mlir::LogicalResult decodeMemoryOp(mlir::Operation *op, bool &known); // DecodeMemory.cpp
  mlir::LogicalResult decodeGep(mlir::LLVM::GEPOp op);
  mlir::LogicalResult decodeAccess(mlir::Operation *op, mlir::Value pointer, mlir::Type type,
                                   llvm::ArrayRef<emulator::Reg> leaves, bool isStore,
                                   uint64_t alignment);
  mlir::LogicalResult decodeAtomic(mlir::LLVM::AtomicRMWOp op);
  mlir::LogicalResult decodeNvvm(mlir::Operation *op, bool &known); // DecodeNvvm.cpp
  mlir::LogicalResult decodeWarpOp(mlir::Operation *op, bool &known);
  mlir::LogicalResult decodeBarrierOp(mlir::Operation *op, bool &known);
  mlir::LogicalResult decodeCopyOp(mlir::Operation *op, bool &known);
  mlir::LogicalResult decodeInlineAsm(mlir::LLVM::InlineAsmOp op); // DecodeInlineAsm.cpp

  // Values and registers.
  Leaves &operand(mlir::Value value) { return values[value]; }
  emulator::Reg scalar(mlir::Value value) { return values[value].front(); }
  emulator::Reg optional(mlir::Value value) { return value ? scalar(value) : emulator::kNoReg; }
  /// New registers for a value.
  Leaves &result(mlir::Value value);
  void alias(mlir::Value value, Leaves leaves) { values[value] = std::move(leaves); }
  emulator::Reg constant32(uint32_t bits) { return builder.constant(bits, 4); }
  /// A register converted: f32 of a bf16 or f16, a sign-extended copy of a narrow integer, a narrow
  /// integer cut to its width.
  emulator::Reg widenFloat(emulator::Reg reg, mlir::Type type);
  void narrowFloat(emulator::Reg from, emulator::Reg to, mlir::Type type);
  emulator::Reg signExtended(emulator::Reg reg, unsigned bits);
  void cut(emulator::Reg reg, unsigned bits);
  mlir::LogicalResult unknown(mlir::Operation *op, llvm::StringRef detail = "");

  mlir::LLVM::LLVMFuncOp function;
  mlir::DataLayout layout;
  emulator::ProgramBuilder builder;
  llvm::DenseMap<mlir::Value, Leaves> values;
  llvm::DenseMap<mlir::Block *, uint32_t> blockStarts;
  std::vector<std::pair<uint32_t, mlir::Block *>> edgeTargets; ///< edges, to be resolved
  std::vector<mlir::Operation *> origins;
};

/// The numbers that a type consists of.
llvm::SmallVector<mlir::Type> leafTypes(mlir::Type type);
/// Bits of a number; 64 for a pointer.
unsigned bitWidth(mlir::Type type);
/// Bytes of its lanes in a register.
inline unsigned laneBytes(mlir::Type type) { return bitWidth(type) > 32 ? 8 : 4; }
/// "f32", "f64", or "32", "64" for integers and pointers: how lane ops are named.
llvm::StringRef laneSuffix(mlir::Type type);

} // namespace swamla
