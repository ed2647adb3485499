//===- DecodeValues.cpp - constants, vectors, structs ---------------------===//
//
// Taking a vector or struct apart, or putting one together, costs nothing: the
// leaves are registers of their own, which are renamed.
//
//===----------------------------------------------------------------------===//
#include "compiler/Emulator/Decoder.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace swamla::emulator;

namespace swamla {

static uint64_t bitsOf(Attribute attr) {
  if (auto integer = dyn_cast<IntegerAttr>(attr))
    return integer.getValue().getZExtValue();
  return cast<FloatAttr>(attr).getValue().bitcastToAPInt().getZExtValue();
}

LogicalResult Decoder::decodeConstant(LLVM::ConstantOp op) {
  SmallVector<Type> types = leafTypes(op.getType());
  Leaves leaves;
  if (auto elements = dyn_cast<DenseElementsAttr>(op.getValue())) {
    for (auto [attr, type] : llvm::zip(elements.getValues<Attribute>(), types))
      leaves.push_back(builder.constant(bitsOf(attr), laneBytes(type)));
  } else if (types.size() == 1 && isa<IntegerAttr, FloatAttr>(op.getValue())) {
    leaves.push_back(builder.constant(bitsOf(op.getValue()), laneBytes(types[0])));
  } else {
    return unknown(op, "such a constant");
  }
  alias(op, std::move(leaves));
  return success();
}

/// The first leaf of an element of an aggregate, and the number of its leaves.
static std::pair<size_t, size_t> leavesOf(Type type, ArrayRef<int64_t> position) {
  size_t first = 0;
  for (int64_t index : position) {
    if (auto array = dyn_cast<LLVM::LLVMArrayType>(type)) {
      type = array.getElementType();
      first += size_t(index) * leafTypes(type).size();
      continue;
    }
    auto body = cast<LLVM::LLVMStructType>(type).getBody();
    for (Type before : body.take_front(index))
      first += leafTypes(before).size();
    type = body[index];
  }
  return {first, leafTypes(type).size()};
}

/// The constant index of an element of a vector.
static std::optional<uint64_t> constantIndex(Value value) {
  APInt index;
  if (!matchPattern(value, m_ConstantInt(&index)))
    return std::nullopt;
  return index.getZExtValue();
}

LogicalResult Decoder::decodeShuffleVector(LLVM::ShuffleVectorOp op) {
  Leaves all = operand(op.getV1());
  llvm::append_range(all, operand(op.getV2()));
  Leaves leaves;
  for (int32_t index : op.getMask())
    leaves.push_back(index < 0 ? builder.constant(~0ULL, builder.width(all[0])) : all[index]);
  alias(op, std::move(leaves));
  return success();
}

LogicalResult Decoder::decodeValueOp(Operation *op, bool &known) {
  if (auto constant = dyn_cast<LLVM::ConstantOp>(op))
    return decodeConstant(constant);
  if (auto shuffle = dyn_cast<LLVM::ShuffleVectorOp>(op))
    return decodeShuffleVector(shuffle);
  if (isa<LLVM::ZeroOp, LLVM::UndefOp, LLVM::PoisonOp>(op)) {
    Leaves leaves;
    for (Type type : leafTypes(op->getResult(0).getType()))
      leaves.push_back(builder.constant(isa<LLVM::ZeroOp>(op) ? 0 : ~0ULL, laneBytes(type)));
    alias(op->getResult(0), std::move(leaves));
  } else if (auto address = dyn_cast<LLVM::AddressOfOp>(op)) {
    auto global =
        SymbolTable::lookupNearestSymbolFrom<LLVM::GlobalOp>(op, address.getGlobalNameAttr());
    if (!global || global.getAddrSpace() != 3 || global.getLinkage() != LLVM::Linkage::External)
      return unknown(op, "globals other than the dynamic shared memory");
    alias(address, {builder.constant(kSharedBase, 8)});
  } else if (auto extract = dyn_cast<LLVM::ExtractValueOp>(op)) {
    auto [first, count] = leavesOf(extract.getContainer().getType(), extract.getPosition());
    alias(extract, Leaves(ArrayRef<Reg>(operand(extract.getContainer())).slice(first, count)));
  } else if (auto insert = dyn_cast<LLVM::InsertValueOp>(op)) {
    auto [first, count] = leavesOf(insert.getContainer().getType(), insert.getPosition());
    Leaves leaves = operand(insert.getContainer());
    llvm::copy(operand(insert.getValue()), leaves.begin() + first);
    alias(insert, std::move(leaves));
  } else if (auto element = dyn_cast<LLVM::ExtractElementOp>(op)) {
    std::optional<uint64_t> index = constantIndex(element.getPosition());
    if (!index)
      return unknown(op, "vector elements at run-time positions");
    alias(element, {operand(element.getVector())[*index]});
  } else if (auto insertElement = dyn_cast<LLVM::InsertElementOp>(op)) {
    std::optional<uint64_t> index = constantIndex(insertElement.getPosition());
    if (!index)
      return unknown(op, "vector elements at run-time positions");
    Leaves leaves = operand(insertElement.getVector());
    leaves[*index] = scalar(insertElement.getValue());
    alias(insertElement, std::move(leaves));
  } else if (isa<LLVM::FreezeOp>(op)) {
    alias(op->getResult(0), operand(op->getOperand(0)));
  } else {
    known = false;
  }
  return success();
}

} // namespace swamla
