//===- Views.cpp - splits, slices and joins -------------------------------===//
#include "compiler/Plan/Addressing.h"
#include "compiler/Plan/Placement.h"

using namespace mlir;

namespace swamla {

namespace {
RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }
} // namespace

unsigned Placement::copyToDense(Operation *op, Value value) {
  unsigned from = plan.placeOf.lookup(value);
  Storage *storage =
      plan.addArenaStorage(typeOf(value), plan.places[from].storage->label + ".copy");
  unsigned to = plan.addPlace(storage, Layout::dense(typeOf(value)));
  copy(op, from, to);
  return to;
}

void Placement::placeSplit(SplitOp op) {
  auto heads = static_cast<int64_t>(op.getHeads());
  unsigned source = plan.placeOf.lookup(op.getSource());
  auto layoutsFrom = [&](unsigned id) {
    SmallVector<Layout> layouts;
    int64_t prefix = 0;
    for (Value part : op.getParts()) {
      int64_t width = typeOf(part).getShape().back() / heads;
      if (std::optional<Layout> layout = columnsOf(plan.places[id].layout, heads, prefix, width))
        layouts.push_back(*layout);
      prefix += width;
    }
    return layouts;
  };
  SmallVector<Layout> layouts = layoutsFrom(source);
  if (layouts.size() != op.getParts().size()) { // groups across groups: only a copy has them
    source = copyToDense(op, op.getSource());
    layouts = layoutsFrom(source);
  }
  for (auto [part, layout] : llvm::zip_equal(op.getParts(), layouts))
    plan.addPlace(plan.places[source].storage, layout, part);
}

void Placement::placeSlice(SliceRowsOp op) {
  RankedTensorType source = typeOf(op.getSource()), result = typeOf(op.getResult());
  auto begin = static_cast<int64_t>(op.getBegin());
  unsigned id = plan.placeOf.lookup(op.getSource());
  Layout layout = plan.places[id].layout;
  if (source.getRank() == 1) {
    std::optional<Layout> part = columnsOf(layout, 1, begin, result.getDimSize(0));
    if (!part) {
      id = copyToDense(op, op.getSource());
      part = columnsOf(plan.places[id].layout, 1, begin, result.getDimSize(0));
    }
    layout = *part;
  } else {
    int64_t inner = layout.rows / source.getDimSize(0);
    layout = rowsOf(layout, begin * inner, result.getDimSize(0) * inner);
  }
  plan.addPlace(plan.places[id].storage, layout, op.getResult());
}

/// Whether every op that has touched the storage, or will, can address its values at their new
/// layouts.
bool Placement::canMove(Storage *storage, ArrayRef<Layout> layouts) {
  for (auto [id, layout] : llvm::zip_equal(storage->places, layouts)) {
    Value value = plan.places[id].value;
    if (!value)
      continue; // a copy: its kernel addresses anything
    if (auto result = dyn_cast<OpResult>(value); result && !canWrite(result, layout))
      return false;
    for (OpOperand &use : value.getUses())
      if (!canRead(use, layout))
        return false;
  }
  return true;
}

/// Makes `part`, whose storage is its own, lie where `target` says in another storage, as if it had
/// been produced there. False if that cannot be: the value already has a home.
bool Placement::pullInto(Value part, Storage *into, const Layout &target) {
  const Place &place = plan.at(part);
  Storage *own = place.storage;
  bool alone = own->isArena && own != into &&
               place.layout == Layout::dense(typeOf(part)).canonical() &&
               own->elements == typeOf(part).getNumElements() &&
               own->elementBytes == elementBytes(typeOf(part));
  if (!alone)
    return false;
  SmallVector<Layout> layouts;
  for (unsigned id : own->places) {
    std::optional<Layout> moved = composeLayouts(plan.places[id].layout, target);
    if (!moved)
      return false;
    layouts.push_back(moved->canonical());
  }
  if (!canMove(own, layouts))
    return false;
  plan.moveStorage(own, into, layouts);
  return true;
}

void Placement::placeJoin(Operation *op, int64_t heads, bool byRows) {
  Value result = op->getResult(0);
  SmallVector<Layout> layouts;
  Storage *first = plan.at(op->getOperand(0)).storage;
  bool together = true;
  for (Value part : op->getOperands()) {
    layouts.push_back(plan.at(part).layout);
    together &= plan.at(part).storage == first;
  }
  if (together)
    if (std::optional<Layout> joined =
            byRows ? joinedRows(layouts) : joinedColumns(layouts, heads)) {
      plan.addPlace(first, *joined, result);
      return;
    }

  Storage *storage = plan.addArenaStorage(typeOf(result), labelOf(op));
  Layout whole = Layout::dense(typeOf(result)).canonical();
  plan.addPlace(storage, whole, result);
  int64_t prefix = 0;
  for (Value part : op->getOperands()) {
    Layout own = Layout::dense(typeOf(part));
    int64_t step = byRows ? own.rows : own.cols / heads;
    Layout target = byRows ? rowsOf(whole, prefix, step) : *columnsOf(whole, heads, prefix, step);
    if (!pullInto(part, storage, target))
      copy(op, plan.placeOf.lookup(part), plan.addPlace(storage, target));
    prefix += step;
  }
}

} // namespace swamla
