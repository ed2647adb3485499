//===- Persistent.cpp - values that live in buffers with names ------------===//
#include "compiler/Plan/Placement.h"
#include "dialects/Step/IR/ElementTypes.h"

using namespace mlir;

namespace swamla {

namespace {
RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// Where a program finds parameters with such elements: the masters, or working copies of them.
StringRef workingBuffer(Type element) {
  if (element.isBF16())
    return kWorkingBuffer;
  return isF8(element) ? StringRef(kF8WorkingBuffer) : "params";
}
} // namespace

LogicalResult Placement::checkNoPendingWrite(Operation *op, const Place &place) {
  for (unsigned id : pendingWrites)
    if (plan.places[id].storage == place.storage &&
        mayOverlap(plan.places[id].layout, place.layout))
      return op->emitOpError() << "reads bytes that an earlier op has updated in place but not "
                                  "stored yet; expected it before that op or after its set";
  return success();
}

LogicalResult Placement::placePersistent(Operation *op) {
  Value result = op->getResult(0);
  RankedTensorType type = typeOf(result);
  StringRef buffer;
  FailureOr<int64_t> offset = failure();
  std::optional<Layout> spread;
  if (auto get = dyn_cast<GetParamOp>(op)) {
    buffer =
        get.getTransposed() ? StringRef(kF8TransposedBuffer) : workingBuffer(type.getElementType());
    if (failed(buffers.useFlat(op, buffer, type)))
      return failure();
    offset = buffers.paramOffset(op, get.getParamAttr());
  } else if (auto get = dyn_cast<GetGradOp>(op)) {
    buffer = "grads";
    offset = buffers.paramOffset(op, get.getParamAttr());
  } else if (auto get = dyn_cast<GetFlatOp>(op)) {
    buffer = get.getBuffer();
    if (failed(buffers.useFlat(op, buffer, type)))
      return failure();
    offset = static_cast<int64_t>(get.getOffset());
  } else if (auto get = dyn_cast<GetScalingOp>(op)) {
    buffer = get.getBuffer();
    offset = static_cast<int64_t>(get.getOffset());
    spread = buffers.scalingRange(buffer, type, *offset, static_cast<int64_t>(get.getStride()));
  } else {
    buffer = "scalars";
    offset = buffers.scalar(op, cast<ScalarOp>(op).getName(), type);
  }
  if (failed(offset))
    return failure();
  bool flat = !isa<GetScalingOp, ScalarOp>(op);
  if (flat && (*offset < 0 || *offset + type.getNumElements() > buffers.flatElements(buffer)))
    return op->emitOpError() << "reads elements [" << *offset << ", "
                             << *offset + type.getNumElements() << ") of buffer \"" << buffer
                             << "\", which has " << buffers.flatElements(buffer);
  unsigned id = plan.addPlace(persistent(buffer, type),
                              spread.value_or(Layout::dense(type, *offset)), result);
  return checkNoPendingWrite(op, plan.places[id]);
}

LogicalResult Placement::placeArguments() {
  func::FuncOp func = plan.func;
  for (BlockArgument argument : func.getArguments()) {
    auto name = func.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "swamla.name");
    if (!name)
      return func.emitOpError() << "argument " << argument.getArgNumber()
                                << " has no attribute swamla.name";
    std::string slot = (func.getSymName() + "." + name.getValue()).str();
    int64_t offset = buffers.addSlot("input", slot, typeOf(argument));
    plan.addPlace(persistent("input", typeOf(argument)), Layout::dense(typeOf(argument), offset),
                  argument);
  }
  return success();
}

/// Whether nothing in the function so far lies in these bytes.
static bool isUntouched(const ProgramPlan &plan, const Storage &storage, const Layout &target) {
  return llvm::none_of(storage.places,
                       [&](unsigned id) { return mayOverlap(plan.places[id].layout, target); });
}

/// Puts `value` where `target` says in a parameter buffer: nothing to do if it grew there, or can
/// be made to.
LogicalResult Placement::store(Operation *op, Value value, StringRef buffer, const Layout &target) {
  unsigned from = plan.placeOf.lookup(value);
  Storage *storage = persistent(buffer, typeOf(value));
  plan.storedAt[op] = {storage, target.canonical(), {}};
  const Place &place = plan.places[from];
  if (place.storage == storage && place.layout == target.canonical()) {
    llvm::erase_if(pendingWrites, [&](unsigned id) {
      return plan.places[id].layout == place.layout && plan.places[id].storage == storage;
    });
    return success();
  }
  if (isUntouched(plan, *storage, target) && pullInto(value, storage, target.canonical()))
    return success();
  unsigned to = plan.addPlace(storage, target);
  if (failed(checkNoPendingWrite(op, plan.places[to])))
    return failure();
  if (hasLaterReader(plan.places[to], op))
    return op->emitOpError() << "overwrites bytes of buffer \"" << buffer
                             << "\" whose old value a later op still reads";
  copy(op, from, to);
  return success();
}

/// Results go to slots of their own: their producers write there, unless the value already has
/// another home.
LogicalResult Placement::storeResults(func::ReturnOp op) {
  func::FuncOp func = plan.func;
  for (auto [i, value] : llvm::enumerate(op.getOperands())) {
    auto name = func.getResultAttrOfType<StringAttr>(i, "swamla.name");
    if (!name)
      return func.emitOpError() << "result " << i << " has no attribute swamla.name";
    std::string slot = (func.getSymName() + "." + name.getValue()).str();
    int64_t offset = buffers.addSlot("results", slot, typeOf(value));
    Layout target = Layout::dense(typeOf(value), offset).canonical();
    Storage *results = persistent("results", typeOf(value));
    plan.resultPlaces.push_back({results, target, {}});
    if (!pullInto(value, results, target))
      copy(op, plan.placeOf.lookup(value), plan.addPlace(results, target));
  }
  return success();
}

} // namespace swamla
