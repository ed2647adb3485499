//===- FusedMerge.cpp - two swamla.fused become one -----------------------===//
#include "compiler/Fuse/FusedMerge.h"

#include "mlir/IR/Dominance.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/CSE.h"

using namespace mlir;

namespace swamla {

//===----------------------------------------------------------------------===//
// Whether
//===----------------------------------------------------------------------===//

/// The number of the result of `op` that `value` is, if it is one.
static std::optional<unsigned> resultOf(FusedOp op, Value value) {
  auto result = dyn_cast<OpResult>(value);
  if (!result || result.getOwner() != op.getOperation())
    return std::nullopt;
  return result.getResultNumber();
}

/// True if reading through `map` streams a tensor: a shared scalar or weight vector saves nothing.
static bool followsRowsAndColumns(AffineMap map) {
  return map.getNumSymbols() == 0 && map.isFunctionOfDim(0) &&
         map.isFunctionOfDim(map.getNumDims() - 1);
}

bool sharesElements(FusedOp first, FusedOp second) {
  for (Value operand : second->getOperands())
    if (resultOf(first, operand))
      return true;
  for (auto [i, in] : llvm::enumerate(second.getIns())) {
    if (!followsRowsAndColumns(second.getInMap(i)))
      continue;
    for (auto [k, other] : llvm::enumerate(first.getIns()))
      if (other == in && first.getInMap(k) == second.getInMap(i))
        return true;
  }
  return false;
}

/// True if in number `i` of `second` can be handed over as a scalar where it is a result of
/// `first`.
static bool canHandOverIn(FusedOp first, FusedOp second, unsigned i) {
  std::optional<unsigned> result = resultOf(first, second.getIns()[i]);
  if (!result)
    return true;
  AffineMap stored = first.getOutMap(*result);
  bool suppliesSymbol = false;
  for (unsigned k = 0; k < second.getIns().size(); ++k)
    suppliesSymbol |= second.getGatherOf(k) == static_cast<int64_t>(i);
  return stored == second.getInMap(i) && !suppliesSymbol &&
         !isColumnReduction(stored, first.getRowDims());
}

/// Likewise for out number `i`, which starts from the value: nobody else may need the value then.
static bool canHandOverOut(FusedOp first, FusedOp second, unsigned i) {
  std::optional<unsigned> result = resultOf(first, second.getOuts()[i]);
  if (!result)
    return true;
  AffineMap stored = first.getOutMap(*result);
  return stored == second.getOutMap(i) && first->getResult(*result).hasOneUse() &&
         !isColumnReduction(stored, first.getRowDims());
}

/// True if `op` updates a tensor in place that `other` uses: which of the two comes first would
/// matter.
static bool updatesOperandOf(FusedOp op, FusedOp other) {
  return llvm::any_of(op.getOuts(), [&](Value init) {
    return !isFresh(init) && llvm::is_contained(other->getOperands(), init);
  });
}

/// True if in number `i` of `op` reads what an out of `updater` starts from and stores again, point
/// by point: each point is read before it is stored.
static bool readsWhatIsStored(FusedOp op, unsigned i, FusedOp updater, unsigned out) {
  AffineMap map = updater.getOutMap(out);
  return updater.getOuts()[out] == op.getIns()[i] && op.getGatherOf(i) < 0 &&
         op.getInMap(i) == map && !isColumnReduction(map, updater.getRowDims());
}

/// The same for `second`, which may update what `first` before it reads point by point.
static bool updatesBeforeRead(FusedOp second, FusedOp first) {
  for (auto [out, init] : llvm::enumerate(second.getOuts())) {
    if (isFresh(init))
      continue;
    if (llvm::is_contained(first.getOuts(), init))
      return true;
    for (auto [i, in] : llvm::enumerate(first.getIns()))
      if (in == init && !readsWhatIsStored(first, i, second, out))
        return true;
  }
  return false;
}

bool canMerge(FusedOp first, FusedOp second) {
  if (first.getDomain() != second.getDomain() || first.getRowDims() != second.getRowDims())
    return false;
  if (isConstant(first) || isConstant(second))
    return false;
  if (!isInBackward(first) && second->hasAttr(recomputeAttr)) // would be saved, not recomputed
    return false;
  for (unsigned i = 0; i < second.getIns().size(); ++i)
    if (!canHandOverIn(first, second, i))
      return false;
  for (unsigned i = 0; i < second.getOuts().size(); ++i)
    if (!canHandOverOut(first, second, i))
      return false;
  // A value handed over to an out leaves it to `first` where it starts: not an update of an
  // operand.
  return !updatesOperandOf(first, second) && !updatesBeforeRead(second, first);
}

//===----------------------------------------------------------------------===//
// Merging
//===----------------------------------------------------------------------===//

namespace {
/// An op that goes into another: where its operands are found there.
struct Part {
  explicit Part(FusedOp op)
      : op(op), ins(op.getIns().size(), -1), outs(op.getOuts().size(), -1),
        inits(op.getOuts().size(), -1) {}

  Block &body() { return op.getBody().front(); }
  bool usesInit(unsigned i) { return !body().getArgument(ins.size() + i).use_empty(); }

  FusedOp op;
  SmallVector<int64_t> ins;   ///< for each in: the number of the new op's in, -1 if it has none
  SmallVector<int64_t> outs;  ///< for each out: the number of the new op's out, -1 if dropped
  SmallVector<int64_t> inits; ///< for a dropped out whose initial value matters: the in to read it
};

/// A new op made of the regions of others.
class Assembler {
public:
  /// Adds in `i` of a part, and before it the in that supplies its symbol.
  unsigned addIn(Part &part, unsigned i);
  /// Keeps out `i` of a part, starting from `init`.
  void keepOut(Part &part, unsigned i, Value init);
  /// Drops out `i` of a part.
  void dropOut(Part &part, unsigned i);
  /// Maps the block arguments of a part to those of the new op, as far as they exist there.
  void mapArguments(Part &part, ValueRange args, IRMapping &mapping) const;

  FusedSpec spec;
};
} // namespace

unsigned Assembler::addIn(Part &part, unsigned i) {
  if (part.ins[i] < 0) {
    int64_t source = part.op.getGatherOf(i);
    if (source >= 0)
      source = addIn(part, source);
    part.ins[i] = spec.addIn(part.op.getIns()[i], part.op.getInMap(i), source);
  }
  return part.ins[i];
}

void Assembler::keepOut(Part &part, unsigned i, Value init) {
  part.outs[i] = spec.outs.size();
  spec.addOut(init, part.op.getOutMap(i));
}

void Assembler::dropOut(Part &part, unsigned i) {
  if (part.usesInit(i))
    part.inits[i] = spec.addIn(part.op.getOuts()[i], part.op.getOutMap(i));
}

void Assembler::mapArguments(Part &part, ValueRange args, IRMapping &mapping) const {
  Block &body = part.body();
  for (auto [i, number] : llvm::enumerate(part.ins))
    if (number >= 0)
      mapping.map(body.getArgument(i), args[number]);
  for (auto [i, number] : llvm::enumerate(part.outs)) {
    BlockArgument init = body.getArgument(part.ins.size() + i);
    if (number >= 0)
      mapping.map(init, args[spec.ins.size() + number]);
    else if (part.inits[i] >= 0)
      mapping.map(init, args[part.inits[i]]);
  }
}

/// Clones a region's arithmetic; answers what it yields.
static SmallVector<Value> cloneBody(OpBuilder &builder, Block &body, IRMapping &mapping) {
  for (Operation &op : body.without_terminator())
    builder.clone(op, mapping);
  SmallVector<Value> yielded;
  for (Value value : body.getTerminator()->getOperands())
    yielded.push_back(mapping.lookup(value));
  return yielded;
}

/// "h.0.mlp.rms_norm" and "h.0.mlp.add": "h.0.mlp.rms_norm+add"; a scope is named once where it
/// goes on.
static StringAttr joinLabels(StringAttr first, StringAttr second) {
  if (!first || !second)
    return first ? first : second;
  StringRef scope; // of the first label's last part
  for (StringRef part : llvm::split(first.getValue(), '+'))
    if (part.contains('.'))
      scope = part.rsplit('.').first;
  StringRef name = second.getValue();
  if (!scope.empty() && name.consume_front(scope) && !name.consume_front("."))
    name = second.getValue(); // "h.1" is no part of "h.10"
  return StringAttr::get(first.getContext(), first.getValue() + "+" + name);
}

/// Replaces the uses of a part's kept results by those of the new op.
static void replaceKept(Part &part, FusedOp merged) {
  for (auto [i, number] : llvm::enumerate(part.outs))
    if (number >= 0)
      part.op->getResult(i).replaceAllUsesWith(merged->getResult(number));
}

namespace {
class Merger {
public:
  Merger(FusedOp first, FusedOp second) : first(first), second(second) {}
  FusedOp run();

private:
  void addFirst();
  void addSecond();
  SmallVector<Value> buildBody(OpBuilder &builder, ValueRange args);

  Part first, second;
  Assembler assembler;
};
} // namespace

void Merger::addFirst() {
  for (unsigned i = 0; i < first.ins.size(); ++i)
    assembler.addIn(first, i);
  for (unsigned i = 0; i < first.outs.size(); ++i) {
    Value result = first.op->getResult(i);
    bool isUsedElsewhere = llvm::any_of(
        result.getUsers(), [&](Operation *user) { return user != second.op.getOperation(); });
    if (isUsedElsewhere)
      assembler.keepOut(first, i, first.op.getOuts()[i]);
    else if (!llvm::is_contained(second.op.getOuts(), result))
      assembler.dropOut(first, i);
  }
}

void Merger::addSecond() {
  for (unsigned i = 0; i < second.ins.size(); ++i)
    if (!resultOf(first.op, second.op.getIns()[i]))
      assembler.addIn(second, i);
  for (auto [i, init] : llvm::enumerate(second.op.getOuts())) {
    std::optional<unsigned> handed = resultOf(first.op, init);
    // The buffer that `first` would have written, with whatever it holds beside the points.
    assembler.keepOut(second, i, handed ? first.op.getOuts()[*handed] : init);
    if (handed)
      first.outs[*handed] = second.outs[i];
  }
}

SmallVector<Value> Merger::buildBody(OpBuilder &builder, ValueRange args) {
  IRMapping mapping;
  assembler.mapArguments(first, args, mapping);
  SmallVector<Value> ofFirst = cloneBody(builder, first.body(), mapping);
  assembler.mapArguments(second, args, mapping);
  for (auto [operand, arg] :
       llvm::zip_equal(second.op->getOperands(), second.body().getArguments()))
    if (std::optional<unsigned> handed = resultOf(first.op, operand))
      mapping.map(arg, ofFirst[*handed]);
  SmallVector<Value> ofSecond = cloneBody(builder, second.body(), mapping);

  SmallVector<Value> values(assembler.spec.outs.size());
  for (auto [value, number] : llvm::zip_equal(ofFirst, first.outs))
    if (number >= 0)
      values[number] = value;
  for (auto [value, number] : llvm::zip_equal(ofSecond, second.outs))
    values[number] = value; // after the others: `second` has the last word on what it was handed
  return values;
}

FusedOp Merger::run() {
  FusedSpec &spec = assembler.spec;
  spec.domain.assign(second.op.getDomain().begin(), second.op.getDomain().end());
  spec.rowDims = second.op.getRowDims();
  spec.label = joinLabels(first.op.getLabelAttr(), second.op.getLabelAttr());
  addFirst();
  addSecond();

  OpBuilder builder(second.op);
  Location loc = builder.getFusedLoc({first.op.getLoc(), second.op.getLoc()});
  FusedOp merged = createFused(builder, loc, spec, [&](OpBuilder &inner, ValueRange args) {
    return buildBody(inner, args);
  });
  merged->setDiscardableAttrs(second.op->getDiscardableAttrDictionary());
  replaceKept(second, merged);
  second.op.erase();
  replaceKept(first, merged);
  first.op.erase();
  return merged;
}

FusedOp merge(FusedOp first, FusedOp second) { return Merger(first, second).run(); }

//===----------------------------------------------------------------------===//
// Simplification
//===----------------------------------------------------------------------===//

/// Replaces an op by one without the results that nobody uses and without the ins that it does not
/// read.
static FusedOp dropUnused(FusedOp op) {
  Part part(op);
  Assembler assembler;
  FusedSpec &spec = assembler.spec;
  spec.domain.assign(op.getDomain().begin(), op.getDomain().end());
  spec.rowDims = op.getRowDims();
  spec.label = op.getLabelAttr();
  for (unsigned i = 0; i < part.ins.size(); ++i)
    if (!part.body().getArgument(i).use_empty())
      assembler.addIn(part, i);
  for (auto [i, init] : llvm::enumerate(op.getOuts())) {
    if (!op->getResult(i).use_empty())
      assembler.keepOut(part, i, init);
    else
      assembler.dropOut(part, i);
  }
  OpBuilder builder(op);
  FusedOp smaller = createFused(builder, op.getLoc(), spec, [&](OpBuilder &inner, ValueRange args) {
    IRMapping mapping;
    assembler.mapArguments(part, args, mapping);
    SmallVector<Value> all = cloneBody(inner, part.body(), mapping);
    SmallVector<Value> kept;
    for (auto [value, number] : llvm::zip_equal(all, part.outs))
      if (number >= 0)
        kept.push_back(value);
    return kept;
  });
  smaller->setDiscardableAttrs(op->getDiscardableAttrDictionary());
  replaceKept(part, smaller);
  op.erase();
  return smaller;
}

/// What an out starts from is not read a second time as an in.
static void readInitsOnce(FusedOp op) {
  Block &body = op.getBody().front();
  for (unsigned i = 0, ins = op.getIns().size(); i < ins; ++i)
    for (unsigned out = 0; out < op.getOuts().size(); ++out)
      if (readsWhatIsStored(op, i, op, out))
        body.getArgument(i).replaceAllUsesWith(body.getArgument(ins + out));
}

/// Two ops that were merged may decide the same thing, one after the other.
static void decideOnce(FusedOp op) {
  for (auto outer : op.getBody().front().getOps<arith::SelectOp>()) {
    auto yes = outer.getTrueValue().getDefiningOp<arith::SelectOp>();
    auto no = outer.getFalseValue().getDefiningOp<arith::SelectOp>();
    if (yes && yes.getCondition() == outer.getCondition())
      outer.getTrueValueMutable().assign(yes.getTrueValue());
    if (no && no.getCondition() == outer.getCondition())
      outer.getFalseValueMutable().assign(no.getFalseValue());
  }
}

static void eraseDead(Block &body) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(body)))
    if (isOpTriviallyDead(&op))
      op.erase();
}

FusedOp simplify(FusedOp op) {
  if (op->use_empty()) {
    op.erase();
    return {};
  }
  if (llvm::any_of(op->getResults(), [](Value result) { return result.use_empty(); }))
    op = dropUnused(op);
  readInitsOnce(op);
  eraseDead(op.getBody().front());
  IRRewriter rewriter(op.getContext());
  DominanceInfo dominance;
  eliminateCommonSubExpressions(rewriter, dominance, op);
  decideOnce(op);
  eraseDead(op.getBody().front());
  if (llvm::any_of(op.getBody().front().getArguments().take_front(op.getIns().size()),
                   [](Value arg) { return arg.use_empty(); }))
    op = dropUnused(op);
  return op;
}

} // namespace swamla
