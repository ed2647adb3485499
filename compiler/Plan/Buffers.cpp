//===- Buffers.cpp - the buffers with names -------------------------------===//
#include "compiler/Plan/Buffers.h"

#include "compiler/Plan/ArenaPacking.h"
#include "compiler/Plan/ProgramPlan.h"
#include "dialects/Swamla/IR/FlatLayout.h"

using namespace mlir;

namespace swamla {

namespace {
/// A buffer is a whole number of words.
constexpr uint64_t kBufferAlignment = 4;
/// An element of `params` and of `grads`: f32.
constexpr int64_t kParamBytes = 4;
} // namespace

LogicalResult PlanBuffers::init() {
  bool anyParam = false;
  for (Operation &op : *module.getBody()) {
    auto param = dyn_cast<ParamOp>(op);
    auto group = dyn_cast<ParamGroupOp>(op);
    if (!param && !group)
      continue;
    anyParam = true;
    std::optional<uint64_t> offset = param ? param.getOffset() : group.getOffset();
    StringRef name = param ? param.getSymName() : group.getSymName();
    if (!offset)
      return op.emitOpError() << "has no offset in the flat buffers; run --swamla-layout-params "
                                 "before --swamla-plan";
    offsets[name] = static_cast<int64_t>(*offset);
  }
  auto total = module->getAttrOfType<IntegerAttr>(flatTotalAttr);
  if (anyParam && !total)
    return module.emitError() << "has parameters but no attribute swamla.flat_total; run "
                                 "--swamla-layout-params before --swamla-plan";
  flatTotal = total ? total.getInt() : 0;
  for (StringRef name : {"params", "grads"})
    flatBuffers[name] = kParamBytes;
  for (auto state : module.getOps<StateOp>())
    states[state.getSymName()] = cast<RankedTensorType>(state.getType());
  for (StringRef name : {"constants", "input", "scalars", "results"})
    sizes[name.str()] = 0;
  return success();
}

FailureOr<int64_t> PlanBuffers::paramOffset(Operation *user, FlatSymbolRefAttr name) {
  auto found = offsets.find(name.getValue());
  if (found == offsets.end())
    return user->emitOpError() << "names " << name << ", which is no parameter of this module";
  return found->second;
}

int64_t PlanBuffers::flatElements(StringRef name) const {
  auto state = states.find(name);
  return state == states.end() ? flatTotal : state->second.getNumElements();
}

LogicalResult PlanBuffers::useFlat(Operation *user, StringRef name, RankedTensorType type) {
  if (auto state = states.find(name); state != states.end()) {
    if (state->second.getElementType() == type.getElementType())
      return success();
    return user->emitOpError() << "uses buffer \"" << name << "\" for " << type
                               << "; expected elements of its swamla.state, " << state->second;
  }
  auto [entry, isNew] = flatBuffers.insert({name, elementBytes(type)});
  if (entry->second == elementBytes(type))
    return success();
  return user->emitOpError() << "uses buffer \"" << name << "\" for " << type
                             << "; expected the elements of " << entry->second
                             << " bytes that it has elsewhere";
}

Layout PlanBuffers::scalingRange(StringRef name, RankedTensorType type, int64_t offset,
                                 int64_t stride) {
  Layout layout = stride == 1 ? Layout::dense(type, offset)
                              : Layout::spread(type.getNumElements(), stride, offset);
  int64_t &elements = scaling[name.str()];
  elements = std::max(elements, offset + layout.extent());
  return layout;
}

int64_t PlanBuffers::allocate(StringRef buffer, int64_t bytes, int64_t alignment) {
  int64_t &size = sizes[buffer.str()];
  auto offset = static_cast<int64_t>(llvm::alignTo(size, alignment));
  size = offset + bytes;
  return offset;
}

int64_t PlanBuffers::addSlot(StringRef buffer, std::string name, RankedTensorType type) {
  int64_t bytes = type.getNumElements() * elementBytes(type);
  int64_t offset = allocate(buffer, bytes, kArenaAlignment);
  slots.push_back({std::move(name), buffer.str(), offset, type});
  return offset / elementBytes(type);
}

FailureOr<int64_t> PlanBuffers::scalar(Operation *user, StringRef name, RankedTensorType type) {
  auto [entry, isNew] = scalarSlots.try_emplace(name, slots.size());
  if (isNew) {
    int64_t bytes = type.getNumElements() * elementBytes(type);
    slots.push_back({name.str(), "scalars", allocate("scalars", bytes, bytes), type});
  }
  const PlannedSlot &slot = slots[entry->second];
  if (slot.type != type)
    return user->emitOpError() << "reads scalar \"" << name << "\" as " << type
                               << "; elsewhere it is " << slot.type;
  return slot.offset / elementBytes(type);
}

ArrayRef<int64_t> PlanBuffers::constant(FusedOp op, KernelOutliner &outliner) {
  SmallVector<Layout> layouts;
  for (Value out : op.getOuts())
    layouts.push_back(Layout::dense(cast<RankedTensorType>(out.getType())));
  step::RowKernelOp kernel = outliner.rowKernel(op, layouts);
  for (Constant &known : constants)
    if (known.kernel == kernel && known.op.getResultTypes() == op.getResultTypes())
      return known.offsets;
  Constant &added = constants.emplace_back(Constant{op, kernel, {}});
  for (Value out : op.getOuts()) {
    auto type = cast<RankedTensorType>(out.getType());
    int64_t bytes = type.getNumElements() * elementBytes(type);
    added.offsets.push_back(allocate("constants", bytes, kArenaAlignment) / elementBytes(type));
  }
  return added.offsets;
}

void PlanBuffers::emitSetup(OpBuilder &builder) {
  Location loc = builder.getUnknownLoc();
  auto program = step::ProgramOp::create(builder, loc, "setup");
  OpBuilder body = OpBuilder::atBlockEnd(&program.getBody().emplaceBlock());
  auto buffer = FlatSymbolRefAttr::get(builder.getContext(), "constants");
  for (Constant &constant : constants) {
    SmallVector<Attribute> views;
    uint64_t written = 0;
    for (auto [offset, out] : llvm::zip_equal(constant.offsets, constant.op.getOuts())) {
      auto type = cast<RankedTensorType>(out.getType());
      uint64_t bytes = type.getNumElements() * elementBytes(type);
      views.push_back(
          step::ViewAttr::get(builder.getContext(), buffer, offset * elementBytes(type), bytes));
      written += bytes;
    }
    step::LaunchOp::create(body, loc, constant.kernel.getSymName(), builder.getArrayAttr(views),
                           constant.kernel.getUnits(), labelOf(constant.op), constant.op.getFlops(),
                           written);
  }
}

/// The elements of a state with the layout of the parameters, where they are not f32.
static TypeAttr stateElements(OpBuilder &builder, bool isKind, int64_t elementBytes) {
  bool isNarrow = !isKind && elementBytes == 2;
  return isNarrow ? TypeAttr::get(builder.getBF16Type()) : TypeAttr();
}

void PlanBuffers::emit(OpBuilder &builder) {
  MLIRContext *context = builder.getContext();
  for (auto [name, elementBytes] : flatBuffers) {
    StringRef family = name.split('.').first; // "working.e4m3" is a working copy like "working"
    bool isKind = name == "params" || name == "grads" || family == kWorkingBuffer;
    uint64_t bytes = llvm::alignTo(flatTotal * elementBytes, kBufferAlignment);
    step::BufferOp::create(builder, builder.getUnknownLoc(), name, isKind ? family : "state", bytes,
                           stateElements(builder, isKind, elementBytes));
  }
  for (auto [name, type] : states)
    step::BufferOp::create(
        builder, builder.getUnknownLoc(), name, "state",
        llvm::alignTo(type.getNumElements() * elementBytes(type), kBufferAlignment),
        TypeAttr::get(type));
  for (const auto &[name, elements] : scaling)
    step::BufferOp::create(builder, builder.getUnknownLoc(), name, "scaling",
                           elements * sizeof(float), TypeAttr());
  for (const auto &[name, bytes] : sizes)
    step::BufferOp::create(builder, builder.getUnknownLoc(), name, name,
                           llvm::alignTo(bytes, kBufferAlignment), TypeAttr());
  for (ParamOp param : module.getOps<ParamOp>())
    step::ParamOp::create(builder, param.getLoc(), param.getSymName(), param.getType(),
                          *param.getOffset(), param.getInitNormal(), param.getInitValue(),
                          param.getDecay());
  for (const PlannedSlot &slot : slots) {
    uint64_t bytes = slot.type.getNumElements() * elementBytes(slot.type);
    auto view = step::ViewAttr::get(context, FlatSymbolRefAttr::get(context, slot.buffer),
                                    slot.offset, bytes);
    step::SlotOp::create(builder, builder.getUnknownLoc(), slot.name, view, slot.type);
  }
  emitSetup(builder);
}

} // namespace swamla
