//===- KernelOutlining.cpp - one kernel for all places that want it -------===//
#include "compiler/Plan/KernelOutlining.h"

#include "compiler/Plan/Addressing.h"
#include "dialects/Step/IR/OffsetMap.h"

#include "mlir/IR/OperationSupport.h"
#include "llvm/ADT/DenseMap.h"

#include <numeric>

using namespace mlir;

namespace swamla {

namespace {
/// Elements of one unit of work: enough to outweigh a launch, few enough to spread over threads and
/// to stay in a core's cache.
constexpr int64_t kUnitElements = 32 * 1024;

/// Rows that fill a cache line of a transposed out, whose elements have a byte or more.
constexpr int64_t kTransposedRows = 64;

/// The longest row that a copy of contiguous memory is cut into.
constexpr int64_t kCopyRow = 4096;

llvm::hash_code hashRegion(Region &region) {
  llvm::DenseMap<Value, unsigned> numbers;
  auto number = [&](Value value) {
    return llvm::hash_value(numbers.try_emplace(value, numbers.size()).first->second);
  };
  llvm::hash_code hash = llvm::hash_value(region.front().getNumArguments());
  for (Value argument : region.front().getArguments())
    hash = llvm::hash_combine(hash, number(argument), argument.getType());
  for (Operation &op : region.front()) {
    hash = llvm::hash_combine(
        hash, OperationEquivalence::computeHash(&op, number, OperationEquivalence::ignoreHashValue,
                                                OperationEquivalence::IgnoreLocations));
    for (Value result : op.getResults())
      number(result);
  }
  return hash;
}

/// Names longer than this help nobody.
constexpr size_t kNameLength = 48;

/// A symbol from a label such as "h.0.attn.add+h.0.mlp.rms_norm": what the ops are, "add_rms_norm".
std::string symbolBase(StringRef label) {
  SmallVector<StringRef> parts;
  label.split(parts, '+');
  std::string base;
  for (StringRef part : parts) {
    base += base.empty() ? "" : "_";
    for (char c : part.rsplit('.').second.empty() ? part : part.rsplit('.').second)
      base += llvm::isAlnum(c) ? llvm::toLower(c) : '_';
  }
  base.resize(std::min(base.size(), kNameLength));
  return base.empty() ? "kernel" : base;
}
} // namespace

KernelOutliner::KernelOutliner(ModuleOp module) : module(module) {
  for (Operation &op : *module.getBody())
    if (auto symbol = dyn_cast<SymbolOpInterface>(op))
      names.insert(symbol.getName());
}

std::string KernelOutliner::uniqueName(StringRef base) {
  std::string name;
  do
    name = (base + "_" + Twine(nextSuffix[base]++)).str();
  while (!names.insert(name).second);
  return name;
}

Operation *KernelOutliner::find(llvm::hash_code hash, StringRef opName, DictionaryAttr attributes,
                                Region *body) {
  for (const Outlined &known : byHash[hash]) {
    if (known.op->getName().getStringRef() != opName || known.attributes != attributes)
      continue;
    if (!body || OperationEquivalence::isRegionEquivalentTo(body, &known.op->getRegion(0),
                                                            OperationEquivalence::IgnoreLocations))
      return known.op;
  }
  return nullptr;
}

Operation *KernelOutliner::create(llvm::hash_code hash, StringRef opName, StringRef base,
                                  DictionaryAttr attributes) {
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  OperationState state(builder.getUnknownLoc(), opName);
  state.addAttribute(SymbolTable::getSymbolAttrName(),
                     builder.getStringAttr(uniqueName(symbolBase(base))));
  state.addAttributes(attributes.getValue());
  if (opName == step::RowKernelOp::getOperationName())
    state.addRegion();
  Operation *op = builder.create(state);
  byHash[hash].push_back({op, attributes});
  ++count;
  return op;
}

Operation *KernelOutliner::outline(StringRef opName, StringRef base,
                                   ArrayRef<NamedAttribute> attributes) {
  auto dictionary = DictionaryAttr::get(module.getContext(), attributes);
  llvm::hash_code hash = llvm::hash_combine(opName, dictionary);
  if (Operation *known = find(hash, opName, dictionary, nullptr))
    return known;
  return create(hash, opName, base, dictionary);
}

int64_t unitRowsOf(ArrayRef<int64_t> domain, unsigned rowDims, ArrayRef<AffineMap> outMaps) {
  int64_t multiple = 1;
  for (AffineMap map : outMaps) {
    AffineExpr offset = map.getResult(0);
    if (std::optional<int64_t> rows = step::floorDivisorOf(offset, 0))
      return std::min(*rows, domain[0]);
    if (!offset.isFunctionOfDim(0))
      return domain[0];
    if (step::transposedRowDim(offset, domain, rowDims) == 0U)
      multiple = kTransposedRows;
  }
  int64_t row = std::accumulate(domain.begin() + 1, domain.end(), int64_t(1), std::multiplies<>());
  int64_t rows = std::max<int64_t>(kUnitElements / row / multiple, 1) * multiple;
  return std::min(rows, domain[0]);
}

namespace {
/// Whether an out is a sum over rows: its map lacks a row dim, or divides one.
bool isColumnReduction(FusedOp op, AffineMap map) {
  for (unsigned row = 0; row < op.getRowDims(); ++row) {
    bool divided = llvm::any_of(map.getResults(), [&](AffineExpr result) {
      return step::floorDivisorOf(result, row).has_value();
    });
    if (divided || !map.isFunctionOfDim(row))
      return true;
  }
  return false;
}

/// Which outs add to what is there: column reductions that start from a tensor.
SmallVector<bool> accumulateFlags(FusedOp op) {
  SmallVector<bool> flags;
  for (auto [i, out] : llvm::enumerate(op.getOuts()))
    flags.push_back(isColumnReduction(op, op.getOutMap(i)) &&
                    !out.getDefiningOp<tensor::EmptyOp>());
  return flags;
}
} // namespace

step::RowKernelOp KernelOutliner::rowKernel(FusedOp op, ArrayRef<Layout> layouts) {
  Builder builder(op.getContext());
  unsigned ins = op.getIns().size();
  SmallVector<AffineMap> maps;
  for (auto [i, layout] : llvm::enumerate(layouts))
    maps.push_back(rowKernelMap(op, i, layout));
  SmallVector<NamedAttribute> attributes = {
      builder.getNamedAttr("domain", op.getDomainAttr()),
      builder.getNamedAttr("row_dims", op.getRowDimsAttr()),
      builder.getNamedAttr("num_ins", builder.getI64IntegerAttr(ins)),
      builder.getNamedAttr("maps", builder.getAffineMapArrayAttr(maps)),
      builder.getNamedAttr("unit_rows", builder.getI64IntegerAttr(unitRowsOf(
                                            op.getDomain(), op.getRowDims(),
                                            ArrayRef<AffineMap>(maps).drop_front(ins))))};
  if (op.getGather())
    attributes.push_back(builder.getNamedAttr("gather", op.getGatherAttr()));
  if (SmallVector<bool> flags = accumulateFlags(op); llvm::is_contained(flags, true))
    attributes.push_back(builder.getNamedAttr("accumulate", builder.getDenseBoolArrayAttr(flags)));
  DictionaryAttr dictionary = builder.getDictionaryAttr(attributes);

  StringRef name = step::RowKernelOp::getOperationName();
  llvm::hash_code hash = llvm::hash_combine(name, dictionary, hashRegion(op.getBody()));
  Operation *kernel = find(hash, name, dictionary, &op.getBody());
  if (!kernel) {
    kernel = create(hash, name, op.getLabel().value_or("fused"), dictionary);
    IRMapping mapping;
    op.getBody().cloneInto(&kernel->getRegion(0), mapping);
  }
  return cast<step::RowKernelOp>(kernel);
}

step::RowKernelOp KernelOutliner::copyKernel(Type type, const Layout &from, const Layout &to) {
  // Domain [rows, groups | columns of a group], or pieces of one contiguous run.
  int64_t width = std::gcd(from.width, to.width), rows = from.rows, groups = from.cols / width;
  bool contiguous = from.isDense() && to.isDense();
  if (contiguous) {
    int64_t total = from.rows * from.cols;
    for (width = std::min(kCopyRow, total); total % width != 0;)
      --width;
    rows = total / width;
    groups = 1;
  }
  SmallVector<int64_t> domain = {rows, groups, width};
  Builder builder(type.getContext());
  AffineExpr m = builder.getAffineDimExpr(0), h = builder.getAffineDimExpr(1),
             d = builder.getAffineDimExpr(2);
  auto map = [&](const Layout &layout) {
    Layout as = contiguous ? Layout::dense(rows, width) : layout;
    AffineExpr offset = linearOffset(as, {rows, as.cols}, {m, h * width + d});
    return AffineMap::get(3, 0, step::simplifyWithExtents(offset, domain));
  };
  AffineMap source = map(from), target = map(to);
  DictionaryAttr dictionary = builder.getDictionaryAttr(
      {builder.getNamedAttr("domain", builder.getDenseI64ArrayAttr(domain)),
       builder.getNamedAttr("row_dims", builder.getI64IntegerAttr(2)),
       builder.getNamedAttr("num_ins", builder.getI64IntegerAttr(1)),
       builder.getNamedAttr("maps", builder.getAffineMapArrayAttr({source, target})),
       builder.getNamedAttr("unit_rows",
                            builder.getI64IntegerAttr(unitRowsOf(domain, 2, target)))});

  StringRef name = step::RowKernelOp::getOperationName();
  llvm::hash_code hash = llvm::hash_combine(name, dictionary, "copy", type);
  for (const Outlined &known : byHash[hash])
    if (known.attributes == dictionary && known.op->getRegion(0).getArgument(0).getType() == type)
      return cast<step::RowKernelOp>(known.op);
  auto kernel = cast<step::RowKernelOp>(create(hash, name, "copy", dictionary));
  OpBuilder body = OpBuilder::atBlockEnd(&kernel.getBody().emplaceBlock());
  Value element = body.getBlock()->addArgument(type, builder.getUnknownLoc());
  body.getBlock()->addArgument(type, builder.getUnknownLoc());
  YieldOp::create(body, builder.getUnknownLoc(), element);
  return kernel;
}

} // namespace swamla
