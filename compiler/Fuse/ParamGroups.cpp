//===- ParamGroups.cpp - the parameter groups of a module -----------------===//
#include "compiler/Fuse/ParamGroups.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace swamla {

/// "h.0.attn.wq.weight" and "h.0.attn.wkv_a.weight": "h.0.attn.wq+wkv_a.weight".
static std::string joinNames(ArrayRef<StringAttr> names) {
  SmallVector<SmallVector<StringRef>> parts;
  for (StringAttr name : names)
    name.getValue().split(parts.emplace_back(), '.');
  size_t shortest = SIZE_MAX, head = 0, tail = 0;
  for (auto &name : parts)
    shortest = std::min(shortest, name.size());
  auto allHave = [&](auto partOf) {
    return llvm::all_of(parts, [&](auto &name) { return partOf(name) == partOf(parts[0]); });
  };
  while (head + 1 < shortest && allHave([&](auto &name) { return name[head]; }))
    ++head;
  while (head + tail + 1 < shortest &&
         allHave([&](auto &name) { return name[name.size() - 1 - tail]; }))
    ++tail;
  SmallVector<std::string> middles;
  for (auto &name : parts)
    middles.push_back(llvm::join(ArrayRef(name).drop_front(head).drop_back(tail), "."));
  SmallVector<StringRef> joined(ArrayRef(parts[0]).take_front(head));
  std::string middle = llvm::join(middles, "+");
  joined.push_back(middle);
  llvm::append_range(joined, ArrayRef(parts[0]).take_back(tail));
  return llvm::join(joined, ".");
}

ParamGroups::ParamGroups(ModuleOp module) : symbols(module) {
  for (auto op : module.getOps<ParamGroupOp>())
    add(op);
}

StringAttr ParamGroups::matrixParamOf(Value value) const {
  auto get = value.getDefiningOp<GetParamOp>();
  if (!get || cast<RankedTensorType>(value.getType()).getRank() != 2)
    return {};
  StringAttr name = get.getParamAttr().getAttr();
  return isa_and_present<ParamOp>(symbols.lookup(name)) ? name : StringAttr();
}

const ParamGroup *ParamGroups::add(ParamGroupOp op) {
  auto group = std::make_unique<ParamGroup>();
  group->symbol = FlatSymbolRefAttr::get(op.getSymNameAttr());
  group->type = cast<RankedTensorType>(op.getType());
  for (auto member : op.getMembers().getAsRange<FlatSymbolRefAttr>()) {
    group->members.push_back(member.getAttr());
    groupOfParam[member.getAttr()] = group.get();
  }
  groups.push_back(std::move(group));
  return groups.back().get();
}

bool ParamGroups::areAlike(ArrayRef<StringAttr> members) const {
  auto first = symbols.lookup<ParamOp>(members[0]);
  auto firstType = cast<RankedTensorType>(first.getType());
  return llvm::all_of(members, [&](StringAttr name) {
    auto param = symbols.lookup<ParamOp>(name);
    auto type = cast<RankedTensorType>(param.getType());
    return type.getDimSize(1) == firstType.getDimSize(1) &&
           type.getElementType() == firstType.getElementType() &&
           param.getDecay() == first.getDecay();
  });
}

const ParamGroup *ParamGroups::getOrCreate(ArrayRef<StringAttr> members) {
  SmallVector<StringAttr> distinct;
  for (StringAttr member : members)
    if (!llvm::is_contained(distinct, member))
      distinct.push_back(member);
  if (distinct.size() < 2 || distinct.size() != members.size())
    return nullptr;
  if (const ParamGroup *group = groupOf(members[0])) {
    bool isSame = group->members.size() == members.size() &&
                  llvm::all_of(members, [&](StringAttr m) { return groupOf(m) == group; });
    return isSame ? group : nullptr;
  }
  bool anyGrouped = llvm::any_of(members, [&](StringAttr m) { return groupOf(m) != nullptr; });
  return anyGrouped || !areAlike(members) ? nullptr : add(create(members));
}

ParamGroupOp ParamGroups::create(ArrayRef<StringAttr> members) {
  int64_t rows = 0;
  Operation *last = nullptr;
  SmallVector<Attribute> refs;
  for (StringAttr name : members) {
    auto param = symbols.lookup<ParamOp>(name);
    rows += cast<RankedTensorType>(param.getType()).getDimSize(0);
    if (!last || last->isBeforeInBlock(param))
      last = param;
    refs.push_back(FlatSymbolRefAttr::get(name));
  }
  auto type = cast<RankedTensorType>(symbols.lookup<ParamOp>(members[0]).getType());
  OpBuilder builder(last->getContext());
  auto op =
      ParamGroupOp::create(builder, last->getLoc(), joinNames(members), builder.getArrayAttr(refs),
                           type.clone({rows, type.getDimSize(1)}), IntegerAttr());
  symbols.insert(op, std::next(Block::iterator(last)));
  return op;
}

} // namespace swamla
