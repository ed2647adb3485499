//===- ProgramPlan.cpp - where the values of one function lie -------------===//
#include "compiler/Plan/ProgramPlan.h"

#include "dialects/Swamla/IR/SwamlaDialect.h"

using namespace mlir;

namespace swamla {

unsigned ProgramPlan::addPlace(Storage *storage, const Layout &layout, Value value) {
  auto id = static_cast<unsigned>(places.size());
  places.push_back({storage, layout.canonical(), value});
  storage->places.push_back(id);
  if (value)
    placeOf[value] = id;
  return id;
}

Storage *ProgramPlan::addArenaStorage(RankedTensorType type, StringRef label) {
  Storage *storage = storages.emplace_back(std::make_unique<Storage>()).get();
  storage->buffer = kArenaBuffer.str();
  storage->label = label.str();
  storage->elements = type.getNumElements();
  storage->elementBytes = elementBytes(type);
  storage->isArena = true;
  return storage;
}

Storage *ProgramPlan::addPersistentStorage(StringRef buffer, int64_t elementBytes) {
  Storage *storage = storages.emplace_back(std::make_unique<Storage>()).get();
  storage->buffer = storage->label = buffer.str();
  storage->elementBytes = elementBytes;
  return storage;
}

void ProgramPlan::moveStorage(Storage *from, Storage *into, ArrayRef<Layout> layouts) {
  for (auto [id, layout] : llvm::zip_equal(from->places, layouts)) {
    places[id].storage = into;
    places[id].layout = layout.canonical();
    into->places.push_back(id);
  }
  from->places.clear();
}

int64_t elementBytes(RankedTensorType type) { return (type.getElementTypeBitWidth() + 7) / 8; }

namespace {
/// What a matmul or embedding gradient is about: the parameter that it multiplies by, or whose
/// gradient it adds to.
std::string parameterLabel(Operation *op) {
  for (Value operand : op->getOperands()) {
    if (auto param = operand.getDefiningOp<GetParamOp>()) {
      auto matmul = dyn_cast<MatmulOp>(op);
      bool forward = matmul && matmul.getTransposeB();
      return param.getParam().str() + (forward ? "" : ".dx");
    }
    if (auto grad = operand.getDefiningOp<GetGradOp>())
      return grad.getParam().str() + ".dw";
  }
  for (Operation *user : op->getUsers())
    if (auto grad = dyn_cast<SetGradOp>(user))
      return grad.getParam().str() + ".dw";
  return {};
}
} // namespace

std::string labelOf(Operation *op) {
  std::string label;
  if (auto own = op->getAttrOfType<StringAttr>("label"))
    label = own.str();
  else if (isa<MatmulOp, EmbeddingGradOp>(op))
    label = parameterLabel(op);
  if (label.empty()) {
    if (auto scope = op->getAttrOfType<StringAttr>("scope"))
      label = scope.str() + ".";
    label += op->getName().stripDialect();
  }
  if (op->hasAttr("recompute"))
    label += ".recompute";
  return label;
}

} // namespace swamla
