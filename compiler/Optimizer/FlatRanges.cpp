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
