//===- FlatRanges.cpp - what one update of @apply covers ------------------===//
#include "compiler/Optimizer/FlatRanges.h"

#include "compiler/Optimizer/Passes.h"

#include "mlir/IR/SymbolTable.h"

using namespace mlir;

namespace swamla {

FlatRange FlatRange::withCols(int64_t newCols) const {
  assert(elements() % newCols == 0 && "whole rows");
  FlatRange range = *this;
  range.rows = elements() / newCols;
  range.cols = newCols;
  return range;
}

FlatRange FlatRange::part(int64_t i, int64_t count) const {
  assert(rows % count == 0 && "equal parts");
  FlatRange range = *this;
  range.rows = rows / count;
  range.begin += i * range.elements();
  range.firstBlock += i * range.rows;
  return range;
}

int64_t numberBlocks(MutableArrayRef<FlatRange> ranges) {
  int64_t blocks = 0;
  for (FlatRange &range : ranges) {
    range.firstBlock = blocks;
    blocks += range.rows;
  }
  return blocks;
}

/// A get_param with bf16 elements reads the working copy.
static void findWorkingCopies(ModuleOp module, MutableArrayRef<FlatRange> ranges) {
  SymbolTable symbols(module);
  module.walk([&](GetParamOp get) {
    if (!cast<RankedTensorType>(get.getType()).getElementType().isBF16())
      return;
    Operation *symbol = symbols.lookup(get.getParam());
    auto group = dyn_cast<ParamGroupOp>(symbol);
    std::optional<uint64_t> offset = group ? group.getOffset() : cast<ParamOp>(symbol).getOffset();
    auto place = static_cast<int64_t>(offset.value_or(0));
    for (FlatRange &range : ranges)
      range.hasWorkingCopy |= range.begin <= place && place < range.end();
  });
}

/// Whether a parameter lies in [begin, end); else that is padding.
static bool hasParam(ModuleOp module, int64_t begin, int64_t end) {
  return llvm::any_of(module.getOps<ParamOp>(), [&](ParamOp param) {
    auto offset = static_cast<int64_t>(param.getOffset().value_or(-1));
    return begin <= offset && offset < end;
  });
}

SmallVector<FlatRange> cutAtWeights(ModuleOp module, ArrayRef<FlatRange> ranges,
                                    ArrayRef<QuantizedWeight> weights) {
  SmallVector<FlatRange> cut;
  auto addRest = [&](FlatRange range, int64_t begin, int64_t end) {
    if (begin == end || !hasParam(module, begin, end))
      return;
    range.cols = std::min<int64_t>(flatRowWidth, (end - begin) & (begin - end));
    range.rows = (end - begin) / range.cols;
    range.begin = begin;
    cut.push_back(range);
  };
  SmallVector<unsigned> order = llvm::to_vector(llvm::seq<unsigned>(0, weights.size()));
  llvm::sort(order, [&](unsigned a, unsigned b) { return weights[a].offset < weights[b].offset; });
  for (FlatRange range : ranges) {
    range.hasWorkingCopy = false;
    int64_t begin = range.begin;
    for (unsigned i : order) {
      const QuantizedWeight &weight = weights[i];
      if (weight.offset < range.begin || weight.offset >= range.end())
        continue;
      addRest(range, begin, weight.offset);
      FlatRange matrix = range;
      matrix.begin = weight.offset;
      matrix.rows = weight.type.getDimSize(0);
      matrix.cols = weight.type.getDimSize(1);
      matrix.weight = i;
      cut.push_back(matrix);
      begin = matrix.end();
    }
    addRest(range, begin, range.end());
  }
  findWorkingCopies(module, cut);
  return cut;
}

FailureOr<SmallVector<FlatRange>> findFlatRanges(ModuleOp module) {
  auto decay = module->getAttrOfType<IntegerAttr>(flatDecayAttr);
  auto total = module->getAttrOfType<IntegerAttr>(flatTotalAttr);
  if (!decay || !total)
    return module.emitError("expected the module attributes ")
           << flatDecayAttr << " and " << flatTotalAttr
           << ", found no layout; run swamla-layout-params before swamla-build-optimizer";
  int64_t decayed = decay.getInt(), all = total.getInt();
  bool isLayout =
      0 <= decayed && decayed <= all && decayed % flatRowWidth == 0 && all % flatRowWidth == 0;
  if (!isLayout)
    return module.emitError("expected ")
           << flatDecayAttr << " <= " << flatTotalAttr << ", both multiples of " << flatRowWidth
           << ", found " << decayed << " and " << all;
  if (all == 0)
    return module.emitError("has no parameters: there is nothing to optimize");
  SmallVector<FlatRange> ranges;
  if (decayed > 0)
    ranges.push_back({0, decayed / flatRowWidth, flatRowWidth, /*decay=*/true});
  if (decayed < all)
    ranges.push_back({decayed, (all - decayed) / flatRowWidth, flatRowWidth, /*decay=*/false});
  findWorkingCopies(module, ranges);
  return ranges;
}

} // namespace swamla
