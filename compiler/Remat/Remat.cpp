//===- Remat.cpp - what is saved for the backward, what is recomputed -----===//
#include "compiler/Remat/Passes.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace swamla {

#define GEN_PASS_DEF_REMATPASS
#include "compiler/Remat/Passes.h.inc"

namespace {

constexpr llvm::StringLiteral scopeAttr = "scope";
constexpr llvm::StringLiteral backwardAttr = "backward";
constexpr llvm::StringLiteral recomputeAttr = "recompute";

/// Of a product that is computed again in every mode. At 256 terms the matrix units of a GPU of a
/// few hundred FLOP a byte need less time than its memory.
constexpr int64_t kMaxExpandedTerms = 256, kMinExpansion = 12;

bool isForward(Operation *op) { return !op->hasAttr(backwardAttr) && !op->hasAttr(recomputeAttr); }

/// True for a value that occupies memory if the backward uses it: not arguments, and not what has
/// no operands (parameters, tables, scalars), which lives in a buffer of its own.
bool occupiesMemory(Value value) {
  Operation *def = value.getDefiningOp();
  return def && def->getNumOperands() != 0;
}

uint64_t getBytes(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !type.hasStaticShape() || !type.getElementType().isIntOrFloat())
    return 0;
  return static_cast<uint64_t>(type.getNumElements()) * ((type.getElementTypeBitWidth() + 7) / 8);
}

/// True for a product of a narrow matrix in a block, such as MLA's latent, with a wide one: it
/// takes about as long as writing its result, which is many times as large as what it is computed
/// from.
bool isExpansion(Operation *op) {
  auto matmul = dyn_cast<MatmulOp>(op);
  auto scope = op->getAttrOfType<StringAttr>(scopeAttr);
  if (!matmul || matmul.getInit() || !scope || !scope.getValue().contains('.'))
    return false;
  auto a = cast<RankedTensorType>(matmul.getA().getType());
  int64_t terms = a.getDimSize(matmul.getTransposeA() ? 0 : 1);
  int64_t columns = cast<RankedTensorType>(matmul.getResult().getType()).getDimSize(1);
  return terms <= kMaxExpandedTerms && columns >= kMinExpansion * terms;
}

/// Forward values that the backward uses, in the order of their first use.
llvm::SetVector<Value> findSavedValues(Block &body) {
  llvm::SetVector<Value> saved;
  for (Operation &op : body.without_terminator())
    if (!isForward(&op))
      for (Value operand : op.getOperands())
        if (occupiesMemory(operand) && isForward(operand.getDefiningOp()))
          saved.insert(operand);
  return saved;
}

uint64_t getSavedBytes(Block &body) {
  uint64_t bytes = 0;
  for (Value value : findSavedValues(body))
    bytes += getBytes(value);
  return bytes;
}

/// Rewrites one function so that its backward recomputes what `checkpoint` says.
class Rematerializer {
public:
  Rematerializer(Block &body, Checkpoint checkpoint) : body(body), checkpoint(checkpoint) {}

  void run();
  unsigned getNumRecomputed() const { return numRecomputed; }
  unsigned getNumMoved() const { return numMoved; }

private:
  /// The part of a block that is recomputed as a whole and that `op` belongs to; empty if none.
  StringRef getPart(Operation *op) const;
  /// True if a result of `op` leaves its part in the forward: it is what the part, or the next one,
  /// is recomputed from.
  bool leavesPart(Operation *op) const;
  /// With Checkpoint::Qkv, what makes queries, keys and values within the attention part.
  void findProjections();
  void findRecomputable();
  bool canRecompute(Operation *op) const;
  bool isAvailable(Value value) const;
  /// Makes `user`, a backward op, use clones of all recomputable ops that its operands come from.
  void recomputeOperands(Operation *user);
  void eraseDeadOriginals();

  Block &body;
  Checkpoint checkpoint;
  llvm::SetVector<Value> saved;
  DenseSet<Operation *> recomputable;
  DenseSet<Operation *> projections;
  llvm::MapVector<Operation *, Operation *> cloneOf;
  IRMapping mapping;
  unsigned numRecomputed = 0;
  unsigned numMoved = 0;
};

} // namespace

void Rematerializer::run() {
  saved = findSavedValues(body);
  findProjections();
  findRecomputable();
  SmallVector<Operation *> users;
  for (Operation &op : body.without_terminator())
    if (!isForward(&op))
      users.push_back(&op);
  for (Operation *user : users)
    recomputeOperands(user);
  eraseDeadOriginals();
}

StringRef Rematerializer::getPart(Operation *op) const {
  auto attr = op->getAttrOfType<StringAttr>(scopeAttr);
  if (!attr)
    return {};
  StringRef scope = attr.getValue();
  auto [block, part] = scope.rsplit('.');
  switch (checkpoint) {
  case Checkpoint::None:
  case Checkpoint::Qkv:
    return {};
  case Checkpoint::Mlp:
    return part == "mlp" ? scope : StringRef();
  case Checkpoint::Attn:
    return part == "attn" ? scope : StringRef();
  case Checkpoint::Block:
    return part == "mlp" || part == "attn" ? block : StringRef();
  }
  llvm_unreachable("unknown checkpoint mode");
}

bool Rematerializer::leavesPart(Operation *op) const {
  StringRef part = getPart(op);
  return llvm::any_of(op->getUsers(),
                      [&](Operation *user) { return isForward(user) && getPart(user) != part; });
}

bool Rematerializer::isAvailable(Value value) const {
  return !occupiesMemory(value) || saved.contains(value) ||
         recomputable.contains(value.getDefiningOp());
}

bool Rematerializer::canRecompute(Operation *op) const {
  if (op->getNumOperands() == 0 || op->getNumRegions() != 0 || !isPure(op))
    return false;
  if (projections.contains(op) || (!getPart(op).empty() && !leavesPart(op)))
    return true;
  if (auto split = dyn_cast<SplitOp>(op)) // a view of what is there again costs nothing
    return recomputable.contains(split.getSource().getDefiningOp());
  return (op->hasTrait<CheapToRecompute>() || isExpansion(op)) &&
         llvm::all_of(op->getOperands(), [&](Value v) { return isAvailable(v); });
}

void Rematerializer::findProjections() {
  if (checkpoint != Checkpoint::Qkv)
    return;
  SmallVector<Operation *> users;
  for (auto attention : body.getOps<AttentionOp>())
    if (isForward(attention))
      users.push_back(attention);
  while (!users.empty()) {
    Operation *user = users.pop_back_val();
    for (Value operand : user->getOperands()) {
      Operation *def = operand.getDefiningOp();
      bool inPart = def && def->getAttr(scopeAttr) == user->getAttr(scopeAttr);
      if (inPart && projections.insert(def).second)
        users.push_back(def);
    }
  }
}

void Rematerializer::findRecomputable() {
  // Operands come before their users, so one sweep is enough.
  for (Operation &op : body.without_terminator())
    if (isForward(&op) && canRecompute(&op))
      recomputable.insert(&op);
}

void Rematerializer::recomputeOperands(Operation *user) {
  llvm::SetVector<Operation *> needed;
  auto require = [&](Operation *op) {
    for (Value operand : op->getOperands())
      if (Operation *def = operand.getDefiningOp();
          def && recomputable.contains(def) && !cloneOf.count(def))
        needed.insert(def);
  };
  require(user);
  for (size_t i = 0; i < needed.size(); ++i)
    require(needed[i]);

  SmallVector<Operation *> ordered = needed.takeVector();
  llvm::sort(ordered, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  OpBuilder builder(user);
  for (Operation *op : ordered) {
    Operation *clone = builder.clone(*op, mapping);
    clone->setAttr(recomputeAttr, builder.getUnitAttr());
    cloneOf[op] = clone;
  }
  for (OpOperand &operand : user->getOpOperands())
    operand.set(mapping.lookupOrDefault(operand.get()));
}

void Rematerializer::eraseDeadOriginals() {
  // Last to first, so that a whole chain that only the backward used goes.
  SmallVector<std::pair<Operation *, Operation *>> pairs(cloneOf.begin(), cloneOf.end());
  llvm::sort(pairs, [](auto &a, auto &b) { return b.first->isBeforeInBlock(a.first); });
  for (auto [original, clone] : pairs) {
    if (!original->use_empty())
      continue;
    original->erase();
    clone->removeAttr(recomputeAttr);
    clone->setAttr(backwardAttr, UnitAttr::get(clone->getContext()));
    ++numMoved;
  }
  numRecomputed = pairs.size() - numMoved;
}

namespace {

StringRef stringify(Checkpoint checkpoint) {
  switch (checkpoint) {
  case Checkpoint::None:
    return "none";
  case Checkpoint::Qkv:
    return "qkv";
  case Checkpoint::Mlp:
    return "mlp";
  case Checkpoint::Attn:
    return "attn";
  case Checkpoint::Block:
    return "block";
  }
  llvm_unreachable("unknown checkpoint mode");
}

class RematPass : public impl::RematPassBase<RematPass> {
public:
  using RematPassBase::RematPassBase;

  void runOnOperation() override {
    func::FuncOp func = getOperation();
    if (func.isDeclaration() || !func.getBody().hasOneBlock())
      return;
    Block &body = func.getBody().front();
    if (llvm::none_of(body, [](Operation &op) { return op.hasAttr(backwardAttr); }))
      return;
    uint64_t before = getSavedBytes(body);
    Rematerializer rematerializer(body, checkpoint);
    rematerializer.run();
    if (remarks)
      emitRemark(func.getLoc(), "checkpoint=")
          << stringify(checkpoint) << ": " << before << " bytes saved for the backward before, "
          << getSavedBytes(body) << " after; " << rematerializer.getNumRecomputed()
          << " ops recomputed, " << rematerializer.getNumMoved() << " moved";
  }
};

} // namespace
} // namespace swamla
