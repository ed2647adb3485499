//===- SaveF8.cpp - what the backward reads of fp8 products in eight bits -===//
#include "compiler/Fuse/FusedSpec.h"
#include "compiler/Quantize/Passes.h"
#include "compiler/Quantize/QuantizedValues.h"

#include "dialects/Swamla/IR/VerifyUtils.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace swamla {

#define GEN_PASS_DEF_SAVEF8PASS
#include "compiler/Quantize/Passes.h.inc"

namespace {

/// The product of fp8 operands that a value is, or a part of.
MatmulOp productOf(Value value) {
  while (auto split = value.getDefiningOp<SplitOp>())
    value = split.getSource();
  auto product = value.getDefiningOp<MatmulOp>();
  return product && product.getAScale() ? product : MatmulOp();
}

/// Whether a value is a forward product's result, or a part of it: what is computed again counts,
/// so that all checkpoint modes round alike; cotangents do not.
bool isForwardProduct(Value value) {
  MatmulOp product = productOf(value);
  return product && !product->hasAttr(backwardAttr) && tensorType(value).getElementType().isBF16();
}

/// Rounds the values of one function.
class Saver {
public:
  explicit Saver(func::FuncOp func) : place(func.getContext()) {}

  /// Makes `reader`, an op of the backward, read an operand rounded.
  void narrow(Operation *reader, OpOperand &operand);
  unsigned count() const { return copies.size(); }

private:
  struct Copy {
    Value codes, scale;
  };
  Copy copyOf(Value x);

  BehindValue place;
  llvm::DenseMap<Value, Copy> copies;
};

} // namespace

/// Right behind the op that makes the value, with a scale for each row: the pass over memory that
/// reads the value in the forward finds it.
Saver::Copy Saver::copyOf(Value x) {
  auto [entry, isNew] = copies.try_emplace(x);
  if (!isNew)
    return entry->second;
  RankedTensorType type = tensorType(x);
  MLIRContext *context = x.getContext();
  Type format = Float8E4M3FNType::get(context);
  auto vector = RankedTensorType::get({type.getDimSize(0)}, Float32Type::get(context));
  Value rows = place.placed(x, RowAmaxOp::create(place.at(x), x.getLoc(), vector, x, Value()));
  Value scale = place.placed(
      x, RowScaleOp::create(place.at(x), x.getLoc(), vector, rows, format, type.getDimSize(1)));
  Value codes = place.placed(x, QuantizeOp::create(place.at(x), x.getLoc(), type.clone(format), x,
                                                   scale, /*transposed=*/false));
  return entry->second = {codes, scale};
}

void Saver::narrow(Operation *reader, OpOperand &operand) {
  Value x = operand.get();
  Copy copy = copyOf(x);
  // One for each reader: it becomes part of the reader, and no wide copy is ever in memory.
  OpBuilder builder(reader);
  auto wide = DequantizeOp::create(builder, reader->getLoc(), x.getType(), copy.codes, copy.scale);
  wide->setDiscardableAttrs(reader->getDiscardableAttrDictionary());
  operand.set(wide);
}

namespace {

class SaveF8Pass : public impl::SaveF8PassBase<SaveF8Pass> {
public:
  using SaveF8PassBase::SaveF8PassBase;

  void runOnOperation() override {
    func::FuncOp func = getOperation();
    if (func.isDeclaration())
      return;
    Saver saver(func);
    for (Operation &op : llvm::make_early_inc_range(func.getBody().front())) {
      if (!isInBackward(&op) || !op.hasTrait<ReadsSavedF8>())
        continue;
      for (OpOperand &operand : op.getOpOperands())
        if (isForwardProduct(operand.get()))
          saver.narrow(&op, operand);
    }
    numRounded += saver.count();
  }
};

} // namespace
} // namespace swamla
