//===- Reuse.cpp - fresh results where operands die -----------------------===//
//
// A fused op reads an element before it writes the one at the same point, so a
// fresh result may lie where an operand of the same shape and map lay, if that
// operand dies here. It does so only where memory is saved: where the result
// fills the operand's storage, or all results together do, or the storage
// outlives the result anyway.
//
//===----------------------------------------------------------------------===//
#include "compiler/Plan/Addressing.h"
#include "compiler/Plan/Placement.h"

using namespace mlir;

namespace swamla {

namespace {
bool isFresh(FusedOp op, unsigned out) {
  return static_cast<bool>(op.getOuts()[out].getDefiningOp<tensor::EmptyOp>());
}

/// Whether every point of the domain stores an element of its own: no reduction over rows, and not
/// one element a row.
bool storesEveryPoint(FusedOp op, unsigned out) {
  AffineMap map = op.getOutMap(out);
  for (auto [dim, extent] : llvm::enumerate(op.getDomain()))
    if (extent > 1 && !map.isFunctionOfDim(dim))
      return false;
  return true;
}

/// The join that a value goes to and to nothing else, or null.
Operation *onlyJoin(Value value) {
  if (!value.hasOneUse())
    return nullptr;
  Operation *user = *value.getUsers().begin();
  return isa<JoinOp, JoinRowsOp>(user) ? user : nullptr;
}
} // namespace

bool Placement::canReuse(FusedOp op, unsigned in, unsigned out) {
  OpOperand &operand = op->getOpOperand(in);
  const Place &place = plan.at(operand.get());
  return place.storage->isArena && sameElements(op, in, out) && storesEveryPoint(op, out) &&
         canTakeOver(operand, op->getOpResult(out));
}

/// Whether the storage is needed as long as the result, by something else than operand `in`.
bool Placement::outlives(const Place &place, Value result) {
  int64_t last = liveness.lastUseOfBytes(result);
  return llvm::any_of(place.storage->places, [&](unsigned id) {
    Value other = plan.places[id].value;
    return other && other != place.value && liveness.lastUseOfBytes(other) >= last;
  });
}

void Placement::takeOver(FusedOp op, unsigned in, unsigned out) {
  const Place &place = plan.at(op.getIns()[in]);
  plan.addPlace(place.storage, place.layout, op->getResult(out));
  ++plan.takenOver;
}

/// Results that together fill the storage of operands that all die here, e.g. the cotangents of
/// value and gate in the buffer of both. Where they go to a join, they must lie as it wants them.
void Placement::reuseTogether(FusedOp op) {
  SmallVector<std::pair<unsigned, unsigned>> pairs; // in, out
  Storage *storage = nullptr;
  int64_t filled = 0;
  for (unsigned out = 0; out < op.getOuts().size(); ++out) {
    if (!isFresh(op, out) || !liveness.feedsJoin(op->getResult(out)))
      continue;
    for (unsigned in = 0; in < op.getIns().size(); ++in) {
      bool taken = llvm::any_of(pairs, [&](auto pair) {
        return pair.first == in || op.getIns()[pair.first] == op.getIns()[in];
      });
      const Place &place = plan.at(op.getIns()[in]);
      if (taken || (storage && place.storage != storage) || !canReuse(op, in, out))
        continue;
      storage = place.storage;
      filled += place.layout.rows * place.layout.cols;
      pairs.emplace_back(in, out);
      break;
    }
  }
  if (pairs.empty() || filled != storage->elements)
    return;
  auto join = dyn_cast_or_null<JoinOp>(onlyJoin(op->getResult(pairs.front().second)));
  if (!join || join.getParts().size() != pairs.size())
    return;
  SmallVector<Layout> layouts;
  for (auto [pair, part] : llvm::zip_equal(pairs, join.getParts())) {
    if (part != op->getResult(pair.second))
      return;
    layouts.push_back(plan.at(op.getIns()[pair.first]).layout);
  }
  if (!joinedColumns(layouts, static_cast<int64_t>(join.getHeads())))
    return;
  for (auto [in, out] : pairs)
    takeOver(op, in, out);
}

void Placement::reuseDyingOperands(FusedOp op) {
  reuseTogether(op);
  for (unsigned out = 0; out < op.getOuts().size(); ++out) {
    Value result = op->getResult(out);
    // The storage of a join's part moves into the join; an operand's history must not go with it.
    if (!isFresh(op, out) || plan.placeOf.contains(result) || liveness.feedsJoin(result))
      continue;
    for (unsigned in = 0; in < op.getIns().size(); ++in) {
      const Place &place = plan.at(op.getIns()[in]);
      bool fills = place.layout.rows * place.layout.cols == place.storage->elements;
      if (!canReuse(op, in, out) || !(fills || outlives(place, result)))
        continue;
      takeOver(op, in, out);
      break;
    }
  }
}

} // namespace swamla
