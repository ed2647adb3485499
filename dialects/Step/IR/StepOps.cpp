//===- StepOps.cpp - verifiers of buffers, programs and launches ----------===//
#include "dialects/Step/IR/StepDialect.h"

#include "dialects/Step/IR/StepVerifiers.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace swamla::step;

#define GET_OP_CLASSES
#include "dialects/Step/IR/StepOps.cpp.inc"

//===----------------------------------------------------------------------===//
// Views
//===----------------------------------------------------------------------===//

LogicalResult swamla::step::verifyView(Operation *op, SymbolTableCollection &symbols, ViewAttr view,
                                       const Twine &what, uint64_t multiple) {
  Operation *module = op->getParentWithTrait<OpTrait::SymbolTable>();
  auto buffer = dyn_cast_or_null<BufferOp>(
      symbols.lookupSymbolIn(module, cast<SymbolRefAttr>(view.getBuffer())));
  if (!buffer)
    return op->emitOpError() << what << " names " << view.getBuffer()
                             << ", which is not a step.buffer of this module";
  auto size = static_cast<uint64_t>(buffer.getBytes());
  if (view.getOffset() > size || view.getBytes() > size - view.getOffset())
    return op->emitOpError() << what << " covers bytes [" << view.getOffset() << ", "
                             << view.getOffset() + view.getBytes() << ") of " << view.getBuffer()
                             << ", expected to lie in its " << size << " bytes";
  if (view.getOffset() % multiple != 0 || view.getBytes() % multiple != 0 || view.getBytes() == 0)
    return op->emitOpError() << what << ": expected offset and bytes to be multiples of "
                             << multiple << ", and some bytes; found offset " << view.getOffset()
                             << ", bytes " << view.getBytes();
  return success();
}

//===----------------------------------------------------------------------===//
// Buffers, parameters, slots
//===----------------------------------------------------------------------===//

LogicalResult BufferOp::verify() {
  bool known = llvm::StringSwitch<bool>(getKind())
                   .Cases({"arena", "params", "grads", "state"}, true)
                   .Cases({"constants", "input", "scalars", "results", "working", "scaling"}, true)
                   .Default(false);
  if (!known)
    return emitOpError() << "kind is \"" << getKind()
                         << "\", expected arena, params, grads, state, constants, input, scalars, "
                            "results, working or scaling";
  if (auto bytes = static_cast<int64_t>(getBytes()); bytes < 0)
    return emitOpError() << "has " << bytes << " bytes, expected none or more";
  if (getType() && getKind() != "state")
    return emitOpError() << "has a type, " << *getType()
                         << ", expected one of states only, found kind \"" << getKind() << "\"";
  return success();
}

LogicalResult ParamOp::verify() {
  auto type = dyn_cast<RankedTensorType>(getType());
  if (!type || !type.hasStaticShape() || !type.getElementType().isF32())
    return emitOpError() << "has type " << getType()
                         << ", expected a tensor of f32 with a static shape";
  if (static_cast<int64_t>(getOffset()) < 0)
    return emitOpError() << "has offset " << static_cast<int64_t>(getOffset())
                         << ", expected elements from the start of the flat buffers";
  return success();
}

LogicalResult SlotOp::verify() {
  auto type = dyn_cast<RankedTensorType>(getType());
  bool word = type && (type.getElementType().isF32() || type.getElementType().isInteger(32));
  if (!word || !type.hasStaticShape())
    return emitOpError() << "has type " << getType()
                         << ", expected a tensor of f32 or i32 with a static shape";
  uint64_t bytes = static_cast<uint64_t>(type.getNumElements()) * 4;
  if (getView().getBytes() != bytes)
    return emitOpError() << "has a view of " << getView().getBytes() << " bytes, expected " << bytes
                         << " for " << type;
  if (getView().getOffset() % 4 != 0)
    return emitOpError() << "has a view at byte " << getView().getOffset()
                         << ", expected a multiple of 4";
  return success();
}

LogicalResult SlotOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyView(*this, symbols, getView(), "its view");
}

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

LogicalResult ProgramOp::verify() {
  for (Operation &op : getBody().front())
    if (!isa<LaunchOp, MatmulOp, FillOp, CollectiveOp, CollectiveWaitOp>(op))
      return op.emitOpError() << "is not an entry of a program; expected step.launch, step.matmul, "
                                 "step.fill, step.collective or step.collective_wait";
  return success();
}

LogicalResult ProgramOp::verifyRegions() { return verifyCollectives(*this); }

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  Operation *module = (*this)->getParentWithTrait<OpTrait::SymbolTable>();
  Operation *target = symbols.lookupSymbolIn(module, getKernelAttr());
  if (!target)
    return emitOpError() << "launches @" << getKernel() << ", which this module does not have";
  std::optional<KernelFootprint> footprint = kernelFootprint(target);
  for (auto [i, view] : llvm::enumerate(getViews().getAsRange<ViewAttr>())) {
    uint64_t multiple = 1; // what a lowered kernel reads was checked before it was
    if (footprint)
      multiple = i < footprint->elementBytes.size() ? footprint->elementBytes[i] : 2;
    if (failed(verifyView(*this, symbols, view, "view " + Twine(i), multiple)))
      return failure();
  }
  if (!footprint)
    return success(); // lowered already: the op of the kernel has checked it before
  if (getViews().size() != footprint->bytes.size())
    return emitOpError() << "has " << getViews().size() << " views, expected "
                         << footprint->bytes.size() << " for @" << getKernel();
  for (auto [i, view] : llvm::enumerate(getViews().getAsRange<ViewAttr>()))
    if (view.getBytes() < footprint->bytes[i])
      return emitOpError() << "view " << i << " has " << view.getBytes() << " bytes; @"
                           << getKernel() << " reaches " << footprint->bytes[i];
  auto units = static_cast<int64_t>(getUnits());
  if (footprint->units != 0 ? units != footprint->units : units < 1)
    return emitOpError() << "has " << units << " units, expected " << footprint->units << " for @"
                         << getKernel();
  return success();
}

LogicalResult FillOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyView(*this, symbols, getView(), "its view");
}
