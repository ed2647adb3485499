//===- ChunkLoss.cpp - head and cross-entropy over chunks of rows ---------===//
#include "compiler/Fuse/Passes.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace swamla {

#define GEN_PASS_DEF_CHUNKLOSSPASS
#include "compiler/Fuse/Passes.h.inc"

namespace {

/// Chunks are a multiple of this, for the matmuls' sake.
constexpr int64_t rowMultiple = 32;

/// Rows of a chunk, for `rows` rows of `classes` logits of which `logitsBytes` bytes may exist.
int64_t chooseChunkRows(int64_t rows, int64_t classes, int64_t elementBytes, int64_t logitsBytes) {
  int64_t fitting = std::max<int64_t>(1, logitsBytes / (classes * elementBytes));
  int64_t chunks = llvm::divideCeil(rows, fitting);
  int64_t even = llvm::divideCeil(rows, chunks);
  return chunks == 1 ? rows : std::min<int64_t>(rows, llvm::alignTo(even, rowMultiple));
}

/// What both forms of the op have.
struct Head {
  Value x, weight, targets;
  FloatAttr smoothing;
};

/// Emits one op in chunks.
class LossChunker {
public:
  LossChunker(Operation *op, Head head, int64_t chunkRows)
      : builder(op), loc(op->getLoc()), attrs(op->getDiscardableAttrDictionary()), head(head),
        xType(cast<RankedTensorType>(head.x.getType())),
        targetsType(cast<RankedTensorType>(head.targets.getType())), chunkRows(chunkRows) {}

  /// Answers the loss.
  Value buildLoss(Type lossType);
  /// Answers loss, dx and dweight.
  SmallVector<Value> buildGrad(LinearCrossEntropyGradOp op);

private:
  template <typename OpTy, typename... Args> OpTy create(Args &&...args) {
    auto op = OpTy::create(builder, loc, std::forward<Args>(args)...);
    op->setDiscardableAttrs(attrs);
    return op;
  }

  int64_t getRows() const { return xType.getDimSize(0); }
  /// Calls `body` with the begin and the rows of each chunk.
  void forEachChunk(function_ref<void(int64_t, int64_t)> body);
  Value slice(Value source, int64_t begin, int64_t rows);
  Value joinRows(ArrayRef<Value> parts, Type type);
  Value buildLogits(Value x);
  /// The losses of rows, f32 whatever the logits are.
  RankedTensorType rowsType(int64_t rows) {
    return RankedTensorType::get({rows}, builder.getF32Type());
  }

  OpBuilder builder;
  Location loc;
  DictionaryAttr attrs;
  Head head;
  RankedTensorType xType, targetsType;
  int64_t chunkRows;
};

} // namespace

void LossChunker::forEachChunk(function_ref<void(int64_t, int64_t)> body) {
  for (int64_t begin = 0; begin < getRows(); begin += chunkRows)
    body(begin, std::min(chunkRows, getRows() - begin));
}

Value LossChunker::slice(Value source, int64_t begin, int64_t rows) {
  if (rows == getRows())
    return source;
  auto type = cast<RankedTensorType>(source.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape[0] = rows;
  return create<SliceRowsOp>(type.clone(shape), source, builder.getI64IntegerAttr(begin));
}

Value LossChunker::joinRows(ArrayRef<Value> parts, Type type) {
  return parts.size() == 1 ? parts[0] : create<JoinRowsOp>(type, parts).getResult();
}

Value LossChunker::buildLogits(Value x) {
  int64_t rows = cast<RankedTensorType>(x.getType()).getDimSize(0);
  int64_t classes = cast<RankedTensorType>(head.weight.getType()).getDimSize(0);
  return create<MatmulOp>(xType.clone({rows, classes}), x, head.weight, /*init=*/Value(),
                          /*transposeA=*/false, /*transposeB=*/true);
}

Value LossChunker::buildLoss(Type lossType) {
  Value weight = create<TargetWeightOp>(lossType, head.targets);
  SmallVector<Value> lossRows;
  forEachChunk([&](int64_t begin, int64_t rows) {
    Value logits = buildLogits(slice(head.x, begin, rows));
    lossRows.push_back(create<CrossEntropyRowsOp>(
        rowsType(rows), logits, slice(head.targets, begin, rows), weight, head.smoothing));
  });
  return create<SumOp>(lossType, joinRows(lossRows, rowsType(getRows())));
}

SmallVector<Value> LossChunker::buildGrad(LinearCrossEntropyGradOp op) {
  Value weight = create<TargetWeightOp>(op.getLoss().getType(), head.targets);
  Value dweight = op.getInit();
  SmallVector<Value> lossRows, dx;
  forEachChunk([&](int64_t begin, int64_t rows) {
    Value x = slice(head.x, begin, rows);
    Value logits = buildLogits(x);
    auto entropy = create<CrossEntropyRowsGradOp>(TypeRange{rowsType(rows), logits.getType()},
                                                  logits, slice(head.targets, begin, rows), weight,
                                                  op.getDloss(), head.smoothing);
    lossRows.push_back(entropy.getLossRows());
    dweight = create<MatmulOp>(op.getDweight().getType(), entropy.getDlogits(), x, dweight,
                               /*transposeA=*/true, /*transposeB=*/false);
    dx.push_back(create<MatmulOp>(x.getType(), entropy.getDlogits(), head.weight,
                                  /*init=*/Value(), /*transposeA=*/false,
                                  /*transposeB=*/false));
  });
  Value dxAll = joinRows(dx, xType);
  Value loss = create<SumOp>(op.getLoss().getType(), joinRows(lossRows, rowsType(getRows())));
  return {loss, dxAll, dweight};
}

namespace {

class ChunkLossPass : public impl::ChunkLossPassBase<ChunkLossPass> {
public:
  using ChunkLossPassBase::ChunkLossPassBase;

  void runOnOperation() override {
    if (rows < 0) {
      getOperation().emitError("swamla-chunk-loss: expected rows >= 1, or 0 to choose them, found ")
          << rows.getValue();
      return signalPassFailure();
    }
    if (logitsBytes < 1) {
      getOperation().emitError("swamla-chunk-loss: expected logits-bytes >= 1, found ")
          << logitsBytes.getValue();
      return signalPassFailure();
    }
    SmallVector<Operation *> ops;
    getOperation().walk([&](Operation *op) {
      if (isa<LinearCrossEntropyOp, LinearCrossEntropyGradOp>(op))
        ops.push_back(op);
    });
    for (Operation *op : ops) {
      if (auto forward = dyn_cast<LinearCrossEntropyOp>(op))
        op->replaceAllUsesWith(ValueRange(chunker(forward).buildLoss(forward.getLoss().getType())));
      else if (auto grad = dyn_cast<LinearCrossEntropyGradOp>(op))
        op->replaceAllUsesWith(ValueRange(chunker(grad).buildGrad(grad)));
      op->erase();
    }
  }

private:
  template <typename OpTy> LossChunker chunker(OpTy op) {
    auto x = cast<RankedTensorType>(op.getX().getType());
    int64_t classes = cast<RankedTensorType>(op.getWeight().getType()).getDimSize(0);
    int64_t chunkRows = rows > 0 ? std::min<int64_t>(rows, x.getDimSize(0))
                                 : chooseChunkRows(x.getDimSize(0), classes,
                                                   x.getElementTypeBitWidth() / 8, logitsBytes);
    return LossChunker(op, {op.getX(), op.getWeight(), op.getTargets(), op.getSmoothingAttr()},
                       chunkRows);
  }
};

} // namespace
} // namespace swamla
