//===- Linears.cpp - the products of linear layers ------------------------===//
#include "compiler/Quantize/Linears.h"

#include "dialects/Step/IR/ElementTypes.h"

#include "llvm/ADT/DenseMap.h"

using namespace mlir;

namespace swamla {

static bool isHead(Operation *op) {
  auto scope = op->getAttrOfType<StringAttr>("scope");
  return scope && scope.getValue() == "head";
}

FailureOr<bool> LinearFinder::isWanted(QuantizableOpInterface op, const QuantizableProduct &what) {
  auto func = op->getParentOfType<func::FuncOp>();
  auto remark = [&] {
    return remarked.insert({func.getSymNameAttr(), what.param.getAttr()}).second;
  };
  bool isHeadProduct = isHead(op);
  if (isHeadProduct && !wanted.head)
    return false;
  bool isForward = what.b.role == OperandRole::Weight && !what.b.transposed;
  bool isAligned = what.m % kF8Chunk == 0 && what.n % kF8Chunk == 0 && what.k % kF8Chunk == 0;
  if (isAligned)
    return wanted.forward || !isForward;
  if (isHeadProduct && isForward && what.n % kF8Chunk != 0)
    return op->emitError("fp8-head: expected a vocabulary that is a multiple of ")
           << kF8Chunk << ", found " << what.n;
  if (remark())
    op->emitRemark("the layer ") << what.param << " stays bf16 in @" << func.getSymName()
                                 << ": fp8 products want multiples of " << kF8Chunk
                                 << ", and this is one of " << what.m << " x " << what.n << " x "
                                 << what.k << " (rows, columns, terms of each sum)";
  return false;
}

/// The three products of a layer, and those of its forward that the backward computes again.
static unsigned kindOf(Operation *op, const QuantizableProduct &what) {
  unsigned kind = what.b.role == OperandRole::Activation ? 2 : what.b.transposed ? 1 : 0;
  return 2 * kind + (op->hasAttr("recompute") ? 1 : 0);
}

FailureOr<SmallVector<LinearProduct>> LinearFinder::find(func::FuncOp func) {
  SmallVector<LinearProduct> products;
  llvm::DenseMap<std::pair<StringAttr, unsigned>, unsigned> uses;
  WalkResult walked = func.walk([&](QuantizableOpInterface op) {
    std::optional<QuantizableProduct> what = op.getQuantizableProduct();
    if (!what)
      return WalkResult::advance();
    bool isWeightGrad = what->b.role == OperandRole::Activation;
    if (isWeightGrad && wanted.recipe == Recipe::Rowwise)
      return WalkResult::advance();
    unsigned use = uses[{what->param.getAttr(), kindOf(op, *what)}]++;
    FailureOr<bool> isOne = isWanted(op, *what);
    if (failed(isOne))
      return WalkResult::interrupt();
    if (*isOne)
      products.push_back({op, *what, use});
    return WalkResult::advance();
  });
  if (walked.wasInterrupted())
    return failure();
  return products;
}

} // namespace swamla
