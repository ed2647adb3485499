//===- Liveness.cpp - who reads a value last ------------------------------===//
#include "compiler/Plan/Liveness.h"

#include "dialects/Swamla/IR/SwamlaDialect.h"

using namespace mlir;

namespace swamla {

OpResult tiedResult(OpOperand &operand) {
  Operation *op = operand.getOwner();
  if (auto fused = dyn_cast<FusedOp>(op)) {
    unsigned ins = fused.getIns().size();
    bool isOut = operand.getOperandNumber() >= ins;
    if (!isOut || operand.get().getDefiningOp<tensor::EmptyOp>())
      return {};
    return op->getOpResult(operand.getOperandNumber() - ins);
  }
  if (auto matmul = dyn_cast<MatmulOp>(op)) // operand 2 without init is a scale
    return matmul.getInit() && operand.getOperandNumber() == 2 ? op->getOpResult(0) : OpResult();
  if (auto grad = dyn_cast<EmbeddingGradOp>(op))
    return operand.getOperandNumber() == 2 ? op->getOpResult(0) : OpResult();
  return {};
}

OpOperand *tiedOperand(OpResult result) {
  for (OpOperand &operand : result.getOwner()->getOpOperands())
    if (tiedResult(operand) == result)
      return &operand;
  return nullptr;
}

namespace {
/// The values whose bytes are (parts of) the operand's bytes if all goes as one would wish.
SmallVector<Value> aliasesMadeBy(OpOperand &operand) {
  Operation *op = operand.getOwner();
  if (isa<SplitOp, SliceRowsOp, JoinOp, JoinRowsOp>(op))
    return llvm::to_vector_of<Value>(op->getResults());
  if (OpResult tied = tiedResult(operand))
    return {tied};
  return {};
}
} // namespace

Liveness::Liveness(func::FuncOp func) {
  Block &block = func.getBody().front();
  int64_t position = 0;
  for (Operation &op : block)
    positions[&op] = position++;

  auto visit = [&](Value value) {
    int64_t last = -1, lastOfBytes = -1;
    for (OpOperand &use : value.getUses()) {
      int64_t at = positions.lookup(use.getOwner());
      last = std::max(last, at);
      lastOfBytes = std::max(lastOfBytes, at);
      bool isJoin = isa<JoinOp, JoinRowsOp>(use.getOwner());
      for (Value alias : aliasesMadeBy(use)) {
        lastOfBytes = std::max(lastOfBytes, lastUsesOfBytes.lookup(alias));
        if (isJoin || joined.contains(alias))
          joined.insert(value);
      }
    }
    lastUses[value] = last;
    lastUsesOfBytes[value] = lastOfBytes;
  };
  for (Operation &op : llvm::reverse(block))
    for (Value result : op.getResults())
      visit(result);
  for (Value argument : block.getArguments())
    visit(argument);
}

bool Liveness::returnsHome(Value value, Operation *getter) const {
  while (true) {
    Value next;
    for (OpOperand &use : value.getUses()) {
      auto grad = dyn_cast<GetGradOp>(getter);
      auto setGrad = dyn_cast<SetGradOp>(use.getOwner());
      if (grad && setGrad && grad.getParam() == setGrad.getParam())
        return true;
      auto flat = dyn_cast<GetFlatOp>(getter);
      auto setFlat = dyn_cast<SetFlatOp>(use.getOwner());
      if (flat && setFlat && flat.getBuffer() == setFlat.getBuffer() &&
          flat.getOffset() == setFlat.getOffset())
        return true;
      auto scaling = dyn_cast<GetScalingOp>(getter);
      auto setScaling = dyn_cast<SetScalingOp>(use.getOwner());
      if (scaling && setScaling && scaling.getBuffer() == setScaling.getBuffer() &&
          scaling.getOffset() == setScaling.getOffset() &&
          scaling.getStride() == setScaling.getStride())
        return true;
      if (OpResult tied = tiedResult(use))
        next = tied;
    }
    if (!next)
      return false;
    value = next;
  }
}

void computeLifetimes(ProgramPlan &plan) {
  for (const std::unique_ptr<Storage> &storage : plan.storages)
    storage->firstStep = storage->lastStep = -1;
  for (auto [index, step] : llvm::enumerate(plan.steps)) {
    auto now = static_cast<int64_t>(index);
    for (unsigned id : step.places) {
      if (id == kNoPlace || !plan.places[id].storage->isArena)
        continue;
      Storage *storage = plan.places[id].storage;
      if (storage->firstStep < 0)
        storage->firstStep = now;
      storage->lastStep = now;
    }
  }
}

PeakLive peakLive(const ProgramPlan &plan) {
  std::vector<int64_t> change(plan.steps.size() + 1, 0);
  for (const std::unique_ptr<Storage> &storage : plan.storages) {
    if (!storage->isUsed())
      continue;
    change[storage->firstStep] += storage->bytes();
    change[storage->lastStep + 1] -= storage->bytes();
  }
  PeakLive peak;
  int64_t live = 0;
  for (size_t step = 0; step < plan.steps.size(); ++step) {
    live += change[step];
    if (live > peak.bytes)
      peak = {live, static_cast<int64_t>(step)};
  }
  return peak;
}

} // namespace swamla
