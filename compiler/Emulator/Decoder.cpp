//===- Decoder.cpp - from an llvm.func to a program of the emulator -------===//
#include "compiler/Emulator/Decoder.h"

#include "compiler/Kernels/KernelAttrs.h"
#include "dialects/Step/IR/StepDialect.h"

using namespace mlir;
using namespace swamla::emulator;

namespace swamla {

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

static void appendLeaves(Type type, SmallVectorImpl<Type> &leaves) {
  if (auto vector = dyn_cast<VectorType>(type)) {
    leaves.append(vector.getNumElements(), vector.getElementType());
  } else if (auto structure = dyn_cast<LLVM::LLVMStructType>(type)) {
    for (Type part : structure.getBody())
      appendLeaves(part, leaves);
  } else if (auto array = dyn_cast<LLVM::LLVMArrayType>(type)) {
    for (uint64_t i = 0; i < array.getNumElements(); ++i)
      appendLeaves(array.getElementType(), leaves);
  } else {
    leaves.push_back(type);
  }
}

SmallVector<Type> leafTypes(Type type) {
  SmallVector<Type> leaves;
  appendLeaves(type, leaves);
  return leaves;
}

unsigned bitWidth(Type type) { return type.isIntOrFloat() ? type.getIntOrFloatBitWidth() : 64; }

StringRef laneSuffix(Type type) {
  if (type.isF64())
    return "f64";
  if (isa<FloatType>(type))
    return "f32";
  return bitWidth(type) > 32 ? "64" : "32";
}

Leaves &Decoder::result(Value value) {
  Leaves leaves;
  for (Type type : leafTypes(value.getType()))
    leaves.push_back(builder.newReg(laneBytes(type)));
  return values[value] = std::move(leaves);
}

Reg Decoder::widenFloat(Reg reg, Type type) {
  if (!type.isBF16() && !type.isF16())
    return reg;
  Reg wide = builder.newReg(4);
  builder.emit(type.isBF16() ? "fpext.bf16.f32" : "fpext.f16.f32", wide, reg);
  return wide;
}

void Decoder::narrowFloat(Reg from, Reg to, Type type) {
  builder.emit(type.isBF16() ? "fptrunc.f32.bf16" : type.isF64() ? "move.64" : "move.32", to, from);
}

Reg Decoder::signExtended(Reg reg, unsigned bits) {
  if (bits == 32 || bits == 64)
    return reg;
  Reg wide = builder.newReg(4);
  builder.emit("sext.32.32", wide, reg).imm = bits;
  return wide;
}

/// In place: a lane op's result may be its operand where both have lanes of the same size.
void Decoder::cut(Reg reg, unsigned bits) {
  if (bits < 32)
    builder.emit("mask.32", reg, reg).imm = (uint64_t(1) << bits) - 1;
}

LogicalResult Decoder::unknown(Operation *op, StringRef detail) {
  return op->emitError() << "the emulator does not know "
                         << (detail.empty() ? op->getName().getStringRef() : detail)
                         << "; add it to compiler/Emulator";
}

//===----------------------------------------------------------------------===//
// The function
//===----------------------------------------------------------------------===//

FailureOr<Program> Decoder::decode() {
  if (failed(decodeLaunch()) || failed(decodeTensorMaps()) || failed(decodeBody()))
    return failure();
  for (auto [edge, block] : edgeTargets)
    builder.program.edges[edge].target = blockStarts[block];
  builder.program.describe = [ops = origins](uint32_t origin) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    ops[origin]->print(stream, OpPrintingFlags().skipRegions().useLocalScope());
    constexpr size_t most = 300;
    return text.size() > most ? text.substr(0, most) + " ..." : text;
  };
  return builder.finish();
}

LogicalResult Decoder::decodeLaunch() {
  Program &program = builder.program;
  program.name = function.getName().str();
  auto number = [&](StringRef name, auto &value) -> LogicalResult {
    auto attr = function->getAttrOfType<IntegerAttr>(name);
    if (!attr)
      return function.emitError() << "is no kernel: expected the attribute " << name;
    value = std::remove_reference_t<decltype(value)>(attr.getInt());
    return success();
  };
  auto grid = function->getAttrOfType<DenseI64ArrayAttr>(kGridAttr);
  if (!grid || grid.size() != 3)
    return function.emitError() << "is no kernel: expected three numbers in " << kGridAttr;
  for (unsigned i = 0; i < 3; ++i)
    program.grid[i] = uint32_t(grid[i]);
  if (failed(number(kBlockAttr, program.block)) ||
      failed(number(kSharedBytesAttr, program.sharedBytes)) ||
      failed(number(kNumViewsAttr, program.numViews)) ||
      failed(number(kScratchBytesAttr, program.scratchBytes)))
    return failure();
  constexpr uint32_t maxBlock = 1024, maxShared = 232448; // of sm_90
  if (program.block == 0 || program.block > maxBlock || program.sharedBytes > maxShared)
    return function.emitError() << "cannot be launched with " << program.block << " threads and "
                                << program.sharedBytes << " bytes of shared memory; at most "
                                << maxBlock << " and " << maxShared;
  return success();
}

LogicalResult Decoder::decodeTensorMaps() {
  auto maps = function->getAttrOfType<ArrayAttr>(kTensorMapsAttr);
  for (Attribute attr : maps ? maps.getValue() : ArrayRef<Attribute>()) {
    auto map = dyn_cast<step::TensorMapAttr>(attr);
    if (!map)
      return function.emitError() << "expected tensor maps in " << kTensorMapsAttr;
    TensorMap &decoded = builder.program.tensorMaps.emplace_back();
    decoded.view = uint32_t(map.getView());
    decoded.offset = uint64_t(map.getOffset());
    decoded.elementBytes = map.getElement().getIntOrFloatBitWidth() / 8;
    decoded.swizzle = unsigned(map.getSwizzle());
    decoded.dims.assign(map.getDims().asArrayRef().begin(), map.getDims().asArrayRef().end());
    decoded.strides.assign(map.getStrides().asArrayRef().begin(),
                           map.getStrides().asArrayRef().end());
    decoded.box.assign(map.getBox().asArrayRef().begin(), map.getBox().asArrayRef().end());
    if (decoded.box.size() != decoded.dims.size() ||
        decoded.strides.size() + 1 != decoded.dims.size() ||
        decoded.view >= builder.program.numViews)
      return function.emitError() << "has a tensor map that does not fit: " << attr;
  }
  return success();
}

LogicalResult Decoder::decodeBody() {
  Region &body = function.getBody();
  if (body.empty())
    return function.emitError() << "has no body to emulate";
  for (Block &block : body)
    for (BlockArgument argument : block.getArguments())
      result(argument);
  for (BlockArgument argument : body.front().getArguments())
    builder.program.params.push_back(scalar(argument));
  size_t expected = builder.program.numViews + (builder.program.scratchBytes ? 1 : 0) +
                    builder.program.tensorMaps.size();
  if (builder.program.params.size() != expected)
    return function.emitError() << "has " << builder.program.params.size()
                                << " parameters; expected " << expected
                                << ": views, scratch memory, tensor maps";
  for (Block &block : body) {
    blockStarts[&block] = builder.beginBlock();
    for (Operation &op : block) {
      builder.setOrigin(uint32_t(origins.size()));
      origins.push_back(&op);
      if (failed(decodeOp(&op)))
        return failure();
    }
  }
  return success();
}

LogicalResult Decoder::decodeOp(Operation *op) {
  if (auto assembly = dyn_cast<LLVM::InlineAsmOp>(op))
    return decodeInlineAsm(assembly);
  using Decode = LogicalResult (Decoder::*)(Operation *, bool &);
  for (Decode decode : {&Decoder::decodeTerminator, &Decoder::decodeValueOp,
                        &Decoder::decodeArithmetic, &Decoder::decodeCast, &Decoder::decodeCall,
                        &Decoder::decodeMemoryOp, &Decoder::decodeNvvm}) {
    bool known = true;
    if (failed((this->*decode)(op, known)))
      return failure();
    if (known)
      return success();
  }
  return unknown(op);
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

uint32_t Decoder::edgeTo(Block *block, ValueRange arguments) {
  Edge edge;
  for (auto [parameter, argument] : llvm::zip(block->getArguments(), arguments))
    for (auto [to, from] : llvm::zip(operand(parameter), operand(argument)))
      edge.copies.push_back({from, to, builder.width(to)});
  uint32_t index = builder.addEdge(std::move(edge));
  edgeTargets.emplace_back(index, block);
  return index;
}

LogicalResult Decoder::decodeTerminator(Operation *op, bool &known) {
  if (auto br = dyn_cast<LLVM::BrOp>(op)) {
    builder.emit(&jump).extra = edgeTo(br.getDest(), br.getDestOperands());
  } else if (auto cond = dyn_cast<LLVM::CondBrOp>(op)) {
    uint32_t yes = edgeTo(cond.getTrueDest(), cond.getTrueDestOperands());
    uint32_t no = edgeTo(cond.getFalseDest(), cond.getFalseDestOperands());
    Instr &instr = builder.emit(&branch, kNoReg, scalar(cond.getCondition()));
    instr.extra = yes;
    instr.imm = no;
  } else if (auto choice = dyn_cast<LLVM::SwitchOp>(op)) {
    SwitchTable table;
    if (auto cases = choice.getCaseValues())
      for (const APInt &value : cases->getValues<APInt>())
        table.values.push_back(value.getZExtValue());
    for (auto [block, arguments] :
         llvm::zip(choice.getCaseDestinations(), choice.getCaseOperands()))
      table.edges.push_back(edgeTo(block, arguments));
    table.edges.push_back(edgeTo(choice.getDefaultDestination(), choice.getDefaultOperands()));
    Reg value = scalar(choice.getValue());
    if (builder.width(value) == 4) {
      Reg wide = builder.newReg(8);
      builder.emit("zext.32.64", wide, value);
      value = wide;
    }
    builder.program.switches.push_back(std::move(table));
    builder.emit(&switchTo, kNoReg, value).extra = uint32_t(builder.program.switches.size() - 1);
  } else if (isa<LLVM::ReturnOp>(op)) {
    builder.emit(&exitLanes);
  } else if (isa<LLVM::UnreachableOp>(op)) {
    builder.emit(&trap);
  } else {
    known = false;
  }
  return success();
}

} // namespace swamla
