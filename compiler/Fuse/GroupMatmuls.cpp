//===- GroupMatmuls.cpp - linear layers of one input become one -----------===//
#include "compiler/Fuse/FusedSpec.h"
#include "compiler/Fuse/ParamGroups.h"
#include "compiler/Fuse/Passes.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace swamla {

#define GEN_PASS_DEF_GROUPMATMULSPASS
#include "compiler/Fuse/Passes.h.inc"

namespace {

/// The products of a group's backward, one for each member, in the group's order; empty where they
/// do not form a joinable set.
struct GroupBackward {
  SmallVector<MatmulOp> inputGrads;  ///< dy_i W_i
  SmallVector<MatmulOp> weightGrads; ///< dy_i^T x
  SmallVector<AddGradOp> addGrads;   ///< of the weight grads
};

/// A tree of adds, and what it adds up.
struct Sum {
  AddOp root;
  SmallVector<AddOp> adds; ///< operands before users
  SmallVector<Value> leaves;
};

/// Rewrites one block.
class BlockGrouper {
public:
  BlockGrouper(Block &block, ParamGroups &groups) : block(block), groups(groups) {}
  void run();

private:
  void groupForward();
  void joinForward(const ParamGroup &group, ArrayRef<MatmulOp> matmuls);

  llvm::MapVector<const ParamGroup *, GroupBackward> findBackward();
  void joinBackward(const ParamGroup &group, GroupBackward &backward);
  void joinInputGrads(const ParamGroup &group, ArrayRef<MatmulOp> matmuls, Sum &sum,
                      Value joinedDy);
  void joinWeightGrads(const ParamGroup &group, GroupBackward &backward, Value joinedDy);
  void eraseUnusedParams();

  Block &block;
  ParamGroups &groups;
};

} // namespace

void BlockGrouper::run() {
  groupForward();
  for (auto &[group, backward] : findBackward())
    joinBackward(*group, backward);
  eraseUnusedParams();
}

void BlockGrouper::eraseUnusedParams() {
  for (auto get : llvm::make_early_inc_range(block.getOps<GetParamOp>()))
    if (get->use_empty())
      get.erase();
}

//===----------------------------------------------------------------------===//
// Forward: y_i = x W_i^T
//===----------------------------------------------------------------------===//

void BlockGrouper::groupForward() {
  llvm::MapVector<std::pair<Value, Attribute>, SmallVector<MatmulOp>> sharing;
  for (auto op : block.getOps<MatmulOp>())
    if (op.getTransposeB() && !op.getTransposeA() && !op.getInit() && !op.isScaled() &&
        groups.matrixParamOf(op.getB()))
      sharing[{op.getA(), op->getAttr(scopeAttr)}].push_back(op);
  for (auto &[key, matmuls] : sharing) {
    SmallVector<StringAttr> members;
    for (MatmulOp op : matmuls)
      members.push_back(groups.matrixParamOf(op.getB()));
    if (const ParamGroup *group = groups.getOrCreate(members))
      joinForward(*group, matmuls);
  }
}

/// The group's matrix, in the precision in which `like` multiplies by a member of it.
static Value readGroup(OpBuilder &builder, const ParamGroup &group, MatmulOp like) {
  Type element = cast<RankedTensorType>(like.getB().getType()).getElementType();
  auto type = RankedTensorType::get(group.type.getShape(), element);
  auto get = GetParamOp::create(builder, like.getLoc(), type, group.symbol);
  get->setDiscardableAttrs(like->getDiscardableAttrDictionary());
  return get;
}

void BlockGrouper::joinForward(const ParamGroup &group, ArrayRef<MatmulOp> matmuls) {
  MatmulOp first = matmuls.front();
  OpBuilder builder(first);
  DictionaryAttr attrs = first->getDiscardableAttrDictionary();
  SmallVector<Type> types;
  SmallVector<Value> results;
  for (StringAttr member : group.members) {
    MatmulOp op = *llvm::find_if(
        matmuls, [&](MatmulOp m) { return groups.matrixParamOf(m.getB()) == member; });
    types.push_back(op.getType());
    results.push_back(op.getResult());
  }
  Value weight = readGroup(builder, group, first);
  auto resultType =
      first.getType().clone({first.getType().getDimSize(0), group.type.getDimSize(0)});
  auto joined = MatmulOp::create(builder, first.getLoc(), resultType, first.getA(), weight,
                                 /*init=*/Value(), /*transposeA=*/false, /*transposeB=*/true);
  auto split = SplitOp::create(builder, first.getLoc(), types, joined, /*heads=*/1);
  joined->setDiscardableAttrs(attrs);
  split->setDiscardableAttrs(attrs);
  for (auto [result, part] : llvm::zip_equal(results, split.getParts()))
    result.replaceAllUsesWith(part);
  for (MatmulOp op : matmuls)
    op.erase();
}

//===----------------------------------------------------------------------===//
// Backward: dx = sum dy_i W_i, dW_i = dy_i^T x
//===----------------------------------------------------------------------===//

/// The sum that `value` goes into and nowhere else.
static std::optional<Sum> findSum(Value value) {
  Sum sum;
  while (value.hasOneUse()) {
    auto add = dyn_cast<AddOp>(*value.user_begin());
    if (!add)
      break;
    sum.root = add;
    value = add.getResult();
  }
  if (!sum.root)
    return std::nullopt;
  auto collect = [&](auto &&self, Value part) -> void {
    auto add = part.getDefiningOp<AddOp>();
    if (!add || (add != sum.root && !part.hasOneUse())) {
      sum.leaves.push_back(part);
      return;
    }
    self(self, add.getLhs());
    self(self, add.getRhs());
    sum.adds.push_back(add);
  };
  collect(collect, sum.root.getResult());
  return sum;
}

/// The last of some ops of a block.
template <typename OpTy> static OpTy lastOf(ArrayRef<OpTy> ops) {
  return *llvm::max_element(ops, [](OpTy a, OpTy b) { return a->isBeforeInBlock(b); });
}

/// True if there is an op for each member and no second one, and the ops agree on `get`.
template <typename OpTy, typename Get> static bool isCompleteSet(ArrayRef<OpTy> ops, Get get) {
  return llvm::all_of(ops, [&](OpTy op) { return op && get(op) == get(ops[0]); });
}

llvm::MapVector<const ParamGroup *, GroupBackward> BlockGrouper::findBackward() {
  llvm::MapVector<const ParamGroup *, GroupBackward> found;
  llvm::DenseSet<const ParamGroup *> ambiguous;
  auto put = [&](StringAttr param, auto list, auto op) {
    const ParamGroup *group = param ? groups.groupOf(param) : nullptr;
    if (!group)
      return;
    auto &ops = found[group].*list;
    ops.resize(group->members.size());
    auto &slot = ops[llvm::find(group->members, param) - group->members.begin()];
    if (slot)
      ambiguous.insert(group);
    slot = op;
  };
  for (Operation &op : block) {
    if (auto matmul = dyn_cast<MatmulOp>(op);
        matmul && !matmul.getTransposeA() && !matmul.getTransposeB() && !matmul.getInit())
      put(groups.matrixParamOf(matmul.getB()), &GroupBackward::inputGrads, matmul);
    auto addGrad = dyn_cast<AddGradOp>(op);
    auto product = addGrad ? addGrad.getValue().getDefiningOp<MatmulOp>() : MatmulOp();
    if (product && product.getTransposeA() && !product.getTransposeB() && !product.getInit() &&
        product->hasOneUse()) {
      put(addGrad.getParamAttr().getAttr(), &GroupBackward::weightGrads, product);
      put(addGrad.getParamAttr().getAttr(), &GroupBackward::addGrads, addGrad);
    }
  }
  found.remove_if([&](auto &entry) { return ambiguous.contains(entry.first); });
  return found;
}

void BlockGrouper::joinBackward(const ParamGroup &group, GroupBackward &backward) {
  auto &inputs = backward.inputGrads, &weights = backward.weightGrads;
  std::optional<Sum> sum;
  if (!inputs.empty() && isCompleteSet<MatmulOp>(inputs, [](MatmulOp op) { return op.getType(); }))
    sum = findSum(inputs[0].getResult());
  bool joinsInputs = sum && llvm::all_of(inputs, [&](MatmulOp op) {
                       return llvm::is_contained(sum->leaves, op.getResult());
                     });
  bool joinsWeights =
      !weights.empty() && isCompleteSet<MatmulOp>(weights, [](MatmulOp op) { return op.getB(); });
  if (joinsInputs && joinsWeights)
    for (auto [input, weight] : llvm::zip_equal(inputs, weights))
      joinsWeights &= input.getA() == weight.getA();
  if (!joinsInputs && !joinsWeights)
    return;

  // All dy_i exist before the last product of either kind.
  Operation *place = joinsInputs ? lastOf<MatmulOp>(inputs) : lastOf<MatmulOp>(weights);
  if (joinsInputs && joinsWeights && lastOf<MatmulOp>(weights)->isBeforeInBlock(place))
    place = lastOf<MatmulOp>(weights);
  OpBuilder builder(place);
  SmallVector<Value> dy;
  for (MatmulOp op : joinsInputs ? inputs : weights)
    dy.push_back(op.getA());
  auto dyType = cast<RankedTensorType>(dy[0].getType());
  auto join = JoinOp::create(builder, place->getLoc(),
                             dyType.clone({dyType.getDimSize(0), group.type.getDimSize(0)}), dy,
                             /*heads=*/1);
  join->setDiscardableAttrs(place->getDiscardableAttrDictionary());
  if (joinsWeights)
    joinWeightGrads(group, backward, join);
  if (joinsInputs)
    joinInputGrads(group, inputs, *sum, join);
}

void BlockGrouper::joinWeightGrads(const ParamGroup &group, GroupBackward &backward,
                                   Value joinedDy) {
  MatmulOp last = lastOf<MatmulOp>(backward.weightGrads);
  Value x = last.getB();
  OpBuilder builder(last);
  auto product = MatmulOp::create(builder, last.getLoc(), group.type, joinedDy, x,
                                  /*init=*/Value(), /*transposeA=*/true, /*transposeB=*/false);
  product->setDiscardableAttrs(last->getDiscardableAttrDictionary());
  AddGradOp lastAdd = lastOf<AddGradOp>(backward.addGrads);
  builder.setInsertionPoint(lastAdd);
  auto add = AddGradOp::create(builder, lastAdd.getLoc(), group.symbol, product);
  add->setDiscardableAttrs(lastAdd->getDiscardableAttrDictionary());
  for (AddGradOp op : backward.addGrads)
    op.erase();
  for (MatmulOp op : backward.weightGrads)
    op.erase();

  // What was recomputed for the first weight gradient is now needed at the last.
  Operation *source = x.getDefiningOp();
  if (!source || !isInBackward(source) || !isPure(source) || source->getNumResults() != 1)
    return;
  Operation *firstUser = *llvm::min_element(
      x.getUsers(), [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  source->moveBefore(firstUser);
}

void BlockGrouper::joinInputGrads(const ParamGroup &group, ArrayRef<MatmulOp> matmuls, Sum &sum,
                                  Value joinedDy) {
  MatmulOp last = lastOf(matmuls);
  OpBuilder builder(last);
  DictionaryAttr attrs = last->getDiscardableAttrDictionary();
  Value weight = readGroup(builder, group, last);
  auto dx = MatmulOp::create(builder, last.getLoc(), last.getType(), joinedDy, weight,
                             /*init=*/Value(), /*transposeA=*/false, /*transposeB=*/false);
  dx->setDiscardableAttrs(attrs);

  // The sum again, with the product in the place of the first of its parts.
  builder.setInsertionPoint(sum.root);
  Value total;
  bool isPlaced = false;
  for (Value leaf : sum.leaves) {
    bool isPart = llvm::is_contained(matmuls, leaf.getDefiningOp<MatmulOp>());
    if (isPart && std::exchange(isPlaced, true))
      continue;
    Value term = isPart ? dx.getResult() : leaf;
    if (!total) {
      total = term;
      continue;
    }
    auto add = AddOp::create(builder, sum.root.getLoc(), total, term);
    add->setDiscardableAttrs(sum.root->getDiscardableAttrDictionary());
    total = add;
  }
  sum.root.getResult().replaceAllUsesWith(total);
  for (AddOp add : llvm::reverse(sum.adds))
    add.erase();
  for (MatmulOp op : matmuls)
    op.erase();
}

namespace {

class GroupMatmulsPass : public impl::GroupMatmulsPassBase<GroupMatmulsPass> {
public:
  using GroupMatmulsPassBase::GroupMatmulsPassBase;

  void runOnOperation() override {
    ParamGroups groups(getOperation());
    for (auto func : getOperation().getOps<func::FuncOp>())
      for (Block &block : func.getBody())
        BlockGrouper(block, groups).run();
  }
};

} // namespace
} // namespace swamla
