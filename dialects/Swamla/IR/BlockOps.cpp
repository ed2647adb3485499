//===- BlockOps.cpp - what a model file is written in ---------------------===//
#include "dialects/Swamla/IR/SwamlaDialect.h"
#include "dialects/Swamla/IR/VerifyUtils.h"

#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace swamla;

//===----------------------------------------------------------------------===//
// Checks that blocks share
//===----------------------------------------------------------------------===//

/// tensor<? or B x T x C x f32>: the batch may be dynamic, nothing else; no dim is empty.
static LogicalResult verifyActivations(Operation *op, StringRef what, Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getRank() == 3 && !type.isDynamicDim(1) && !type.isDynamicDim(2) &&
      type.getElementType().isF32() && !llvm::is_contained(type.getShape(), 0))
    return success();
  return op->emitOpError() << what << ": expected tensor<B x T x C x f32>, found " << type;
}

static bool isTokens(RankedTensorType type) {
  return type.getRank() == 2 && !type.isDynamicDim(1) && type.getElementType().isInteger(32);
}

/// tensor<? or B x T x i32>, of the rows of `like`.
static LogicalResult verifyTokens(Operation *op, StringRef what, Value value, Value like) {
  auto type = cast<RankedTensorType>(value.getType());
  ArrayRef<int64_t> rows = cast<RankedTensorType>(like.getType()).getShape().take_front(2);
  if (isTokens(type) && type.getShape() == rows)
    return success();
  auto expected = RankedTensorType::get(rows, IntegerType::get(op->getContext(), 32));
  return op->emitOpError() << what << ": expected " << expected << ", found " << type;
}

static LogicalResult verifyNorm(Operation *op, Attribute norm) {
  if (auto rms = dyn_cast<RmsAttr>(norm))
    return expectPositive(op, "norm's eps", rms.getEps().getValue());
  if (isa<DytAttr>(norm))
    return success();
  return op->emitOpError() << "norm: expected rms(eps ...) or dyt(alpha ...), found " << norm;
}

static int64_t widthOf(Value x) { return cast<RankedTensorType>(x.getType()).getDimSize(2); }

//===----------------------------------------------------------------------===//
// model
//===----------------------------------------------------------------------===//

void ModelOp::getAsmBlockArgumentNames(Region &region, OpAsmSetValueNameFn setName) {
  static constexpr StringLiteral names[] = {"tokens", "targets"};
  for (auto [argument, name] : llvm::zip(region.getArguments(), names))
    setName(argument, name);
}

LogicalResult ModelOp::verify() {
  /*model_c1*/
  Block &body = getBody().front();
  bool right =
      body.getNumArguments() == 2 && body.getArgument(0).getType() == body.getArgument(1).getType();
  if (right) {
    auto type = dyn_cast<RankedTensorType>(body.getArgument(0).getType());
    right = type && isTokens(type);
  }
  if (!right)
    return emitOpError() << "expected two block arguments of one type tensor<B x T x i32>, found ("
                         << body.getArgumentTypes() << ")";
  /*model_c2*/
  if (body.empty() || !isa<LmLossOp>(body.back()))
    return emitOpError() << "expected swamla.lm_loss at the end, found "
                         << (body.empty() ? "an empty model"
                                          : "'" + body.back().getName().getStringRef().str() + "'");
  return success();
}

LogicalResult ModelOp::verifyRegions() {
  llvm::StringMap<Operation *> blocks;
  for (Operation &op : getBody().front().without_terminator()) {
    auto name = op.getAttrOfType<StringAttr>("name");
    if (!name)
      return op.emitOpError() << "in a swamla.model, expected a block with a name";
    /*model_c3*/
    auto [entry, isNew] = blocks.try_emplace(name.getValue(), &op);
    if (!isNew) {
      InFlightDiagnostic error = op.emitOpError()
                                 << "expected a name that no other block has, found " << name;
      error.attachNote(entry->second->getLoc()) << "the other block";
      return error;
    }
  }
  /*model_c4*/
  auto loss = cast<LmLossOp>(getBody().front().back());
  auto embedding = dyn_cast_if_present<EmbeddingOp>(blocks.lookup(loss.getTied()));
  if (!embedding)
    return loss.emitOpError() << "tied: expected the name of the embedding, found '"
                              << loss.getTied() << "'";
  if (embedding.getVocab() != loss.getVocab() ||
      widthOf(embedding.getResult()) != widthOf(loss.getX())) {
    InFlightDiagnostic error = loss.emitOpError()
                               << "expected the embedding's vocabulary and width, "
                               << static_cast<int64_t>(embedding.getVocab()) << " x "
                               << widthOf(embedding.getResult()) << ", found "
                               << static_cast<int64_t>(loss.getVocab()) << " x "
                               << widthOf(loss.getX());
    error.attachNote(embedding.getLoc()) << "the embedding";
    return error;
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

void EmbeddingOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getResult(), getName());
}
void SwaBlockOp::getAsmResultNames(OpAsmSetValueNameFn setName) { setName(getResult(), getName()); }
void MlaBlockOp::getAsmResultNames(OpAsmSetValueNameFn setName) { setName(getResult(), getName()); }
void NormOp::getAsmResultNames(OpAsmSetValueNameFn setName) { setName(getResult(), getName()); }

LogicalResult EmbeddingOp::verify() {
  /*embedding_c1*/
  if (failed(verifyActivations(*this, "result", getResult())) ||
      failed(verifyTokens(*this, "tokens", getTokens(), getResult())))
    return failure();
  /*embedding_c2*/
  if (failed(expectInt(*this, "vocab", static_cast<int64_t>(getVocab()), 1)))
    return failure();
  /*embedding_c3*/
  return expectFraction(*this, "dropout", getDropout());
}

static LogicalResult verifyLogitScale(Operation *op, LogitScaleAttr scale) {
  double base = scale.getBase().getValueAsDouble(), min = scale.getMin().getValueAsDouble();
  if (!(base > 1.0))
    return op->emitOpError() << "logit_scale's base: expected a number > 1, found " << base;
  if (failed(expectInt(op, "logit_scale's window", scale.getWindow(), 1)))
    return failure();
  if (scale.getMax() && scale.getMax().getValueAsDouble() < min)
    return op->emitOpError() << "logit_scale: expected min <= max, found " << min << " and "
                             << scale.getMax().getValueAsDouble();
  return success();
}

LogicalResult SwaBlockOp::verify() {
  /*swa_block_c8*/
  if (failed(verifyActivations(*this, "x", getX())))
    return failure();
  /*swa_block_c1*/
  int64_t width = widthOf(getX()), heads = getHeads();
  if (failed(expectDivides(*this, "heads", heads, "the width of x", width)))
    return failure();
  /*swa_block_c2*/
  if (failed(expectDivides(*this, "kv_heads", getKvHeads(), "heads", heads)))
    return failure();
  /*swa_block_c3*/
  if (width / heads % 2 != 0)
    return emitOpError() << "expected an even head width, for rope, found " << width << " / "
                         << heads << " = " << width / heads;
  /*swa_block_c4*/
  if (failed(expectInt(*this, "window", getWindow(), 0)) ||
      failed(expectInt(*this, "sink", getSink(), 0)))
    return failure();
  /*swa_block_c5*/
  if (failed(expectFraction(*this, "dropout", getDropout())))
    return failure();
  /*swa_block_c6*/
  if (failed(verifyNorm(*this, getNorm())))
    return failure();
  /*swa_block_c7*/
  if (failed(expectPositive(*this, "theta", getTheta())))
    return failure();
  /*swa_block_c9*/
  return getLogitScale() ? verifyLogitScale(*this, *getLogitScale()) : success();
}

LogicalResult MlaBlockOp::verify() {
  /*mla_block_c6*/
  if (failed(verifyActivations(*this, "x", getX())))
    return failure();
  /*mla_block_c1*/
  if (failed(expectInt(*this, "heads", getHeads(), 1)) ||
      failed(expectInt(*this, "kv_lora", getKvLora(), 1)) ||
      failed(expectInt(*this, "nope", getNope(), 1)) || failed(expectInt(*this, "v", getV(), 1)))
    return failure();
  int64_t rope = getRope();
  if (rope < 2 || rope % 2 != 0)
    return emitOpError() << "rope: expected an even number >= 2, found " << rope;
  /*mla_block_c2*/
  if (failed(expectInt(*this, "q_lora", getQLora(), 0)))
    return failure();
  /*mla_block_c3*/
  if (failed(expectFraction(*this, "dropout", getDropout())))
    return failure();
  /*mla_block_c4*/
  if (failed(verifyNorm(*this, getNorm())))
    return failure();
  /*mla_block_c5*/
  if (failed(expectPositive(*this, "theta", getTheta())) ||
      failed(expectPositive(*this, "factor", getFactor())))
    return failure();
  /*mla_block_c7*/
  return expectPositive(*this, "lora_eps", getLoraEps());
}

LogicalResult NormOp::verify() {
  /*norm_c1*/
  if (failed(verifyActivations(*this, "x", getX())))
    return failure();
  /*norm_c2*/
  return verifyNorm(*this, getNorm());
}

LogicalResult LmLossOp::verify() {
  /*lm_loss_c1*/
  if (failed(verifyActivations(*this, "x", getX())) ||
      failed(verifyTokens(*this, "targets", getTargets(), getX())))
    return failure();
  /*lm_loss_c2*/
  if (failed(expectInt(*this, "vocab", getVocab(), 2)))
    return failure();
  /*lm_loss_c3*/
  return expectFraction(*this, "smoothing", getSmoothing());
}
