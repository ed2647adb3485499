//===- InPlace.cpp - ops that compute, and whose bytes they take over -----===//
#include "compiler/Plan/Addressing.h"
#include "compiler/Plan/Placement.h"

using namespace mlir;

namespace swamla {

namespace {
RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// A fused op that depends on nothing is a table: the program `setup` computes it once.
bool isConstant(Operation *op) {
  auto fused = dyn_cast<FusedOp>(op);
  return fused && fused.getIns().empty() && llvm::all_of(fused.getOuts(), [](Value out) {
           return static_cast<bool>(out.getDefiningOp<tensor::EmptyOp>());
         });
}

} // namespace

/// Whether element (m, c) of an out is computed from element (m, c) of the in, and of no other.
bool Placement::sameElements(FusedOp op, unsigned in, unsigned out) {
  return op.getGatherOf(in) < 0 && op.getInMap(in) == op.getOutMap(out) &&
         op.getIns()[in].getType() == op.getOuts()[out].getType();
}

/// Whether another value of the same bytes is read after `op`.
bool Placement::hasLaterReader(const Place &place, Operation *op) {
  int64_t now = liveness.positionOf(op);
  for (unsigned id : place.storage->places) {
    const Place &other = plan.places[id];
    if (other.value && liveness.lastUse(other.value) > now &&
        mayOverlap(other.layout, place.layout))
      return true;
  }
  return false;
}

/// Whether the op reads or writes the bytes of `operand`, which `result` is to take over, in any
/// other way than element by element at the same point.
bool Placement::sharesBytesWithOperands(OpOperand &operand, OpResult result) {
  Operation *op = operand.getOwner();
  const Place &taken = plan.at(operand.get());
  auto meets = [&](Value value) {
    auto found = plan.placeOf.find(value);
    return found != plan.placeOf.end() && plan.places[found->second].storage == taken.storage &&
           mayOverlap(plan.places[found->second].layout, taken.layout);
  };
  for (OpResult other : op->getResults())
    if (other != result && meets(other))
      return true;
  auto fused = dyn_cast<FusedOp>(op);
  for (OpOperand &other : op->getOpOperands()) {
    if (&other == &operand || !meets(other.get()))
      continue;
    unsigned in = other.getOperandNumber();
    bool pointwise = fused && in < fused.getIns().size() &&
                     sameElements(fused, in, result.getResultNumber()) &&
                     plan.at(other.get()).layout == taken.layout;
    if (!pointwise)
      return true;
  }
  return false;
}

/// The flat buffers may be updated in place where the update is what the program means: the value
/// was read to be set again.
bool Placement::mayWritePersistent(const Place &place, OpOperand &operand, OpResult result) {
  if (place.storage->buffer == "constants" || place.storage->buffer == "input" ||
      place.storage->buffer == "scalars" || place.storage->buffer == "results")
    return false;
  Value origin = operand.get();
  while (OpOperand *before = origin.getDefiningOp() ? tiedOperand(cast<OpResult>(origin)) : nullptr)
    origin = before->get();
  return origin.getDefiningOp() && liveness.returnsHome(result, origin.getDefiningOp());
}

bool Placement::canTakeOver(OpOperand &operand, OpResult result) {
  const Place &place = plan.at(operand.get());
  if (!place.storage->isArena && !mayWritePersistent(place, operand, result))
    return false;
  return !hasLaterReader(place, operand.getOwner()) && !sharesBytesWithOperands(operand, result) &&
         canRead(operand, place.layout) && canWrite(result, place.layout);
}

unsigned Placement::placeTied(OpOperand &operand, OpResult result) {
  Operation *op = operand.getOwner();
  unsigned from = plan.placeOf.lookup(operand.get());
  if (canTakeOver(operand, result)) {
    ++plan.takenOver;
    unsigned to = plan.addPlace(plan.places[from].storage, plan.places[from].layout, result);
    if (!plan.places[from].storage->isArena) {
      llvm::erase(pendingWrites, from);
      pendingWrites.push_back(to);
    }
    return to;
  }
  Storage *storage = plan.addArenaStorage(typeOf(result), labelOf(op));
  unsigned to = plan.addPlace(storage, Layout::dense(typeOf(result)), result);
  copy(op, from, to);
  return to;
}

/// Whether a row kernel can follow the op's maps at all: where operands are dense.
static LogicalResult checkMaps(FusedOp op) {
  for (auto [i, operand] : llvm::enumerate(op->getOperands()))
    if (!rowKernelMap(op, i, Layout::dense(typeOf(operand))))
      return op.emitOpError() << "map " << i << " is " << op.getMaps()[i]
                              << ", expected neighbours along the last dim, or for an out along a "
                                 "row dim, to be neighbours in memory";
  return success();
}

LogicalResult Placement::placeCompute(Operation *op) {
  auto fused = dyn_cast<FusedOp>(op);
  if (fused && failed(checkMaps(fused)))
    return failure();
  if (isConstant(op)) {
    ArrayRef<int64_t> offsets = buffers.constant(cast<FusedOp>(op), outliner);
    for (auto [result, offset] : llvm::zip_equal(op->getResults(), offsets))
      plan.addPlace(persistent("constants", typeOf(result)), Layout::dense(typeOf(result), offset),
                    result);
    return success();
  }
  for (OpOperand &operand : op->getOpOperands())
    if (OpResult result = tiedResult(operand))
      placeTied(operand, result);
  if (fused)
    reuseDyingOperands(fused);
  for (Value result : op->getResults())
    if (!plan.placeOf.contains(result))
      plan.addPlace(plan.addArenaStorage(typeOf(result), labelOf(op)),
                    Layout::dense(typeOf(result)), result);
  // An embedding's gradient is added to what is there.
  if (auto grad = dyn_cast<EmbeddingGradOp>(op); grad && !grad.getInit())
    plan.steps.push_back({StepKind::Zero, op, {plan.placeOf.lookup(op->getResult(0))}});

  SmallVector<unsigned, 8> places;
  for (OpOperand &operand : op->getOpOperands()) {
    if (operand.get().getDefiningOp<tensor::EmptyOp>()) {
      places.push_back(kNoPlace);
      continue;
    }
    unsigned id = plan.placeOf.lookup(operand.get());
    bool tied = static_cast<bool>(tiedResult(operand)); // read through the result's place
    if (!tied && !canRead(operand, plan.places[id].layout))
      id = copyToDense(op, operand.get());
    places.push_back(tied ? plan.placeOf.lookup(tiedResult(operand)) : id);
  }
  for (Value result : op->getResults())
    places.push_back(plan.placeOf.lookup(result));
  plan.steps.push_back({StepKind::Op, op, std::move(places)});
  return success();
}

} // namespace swamla
