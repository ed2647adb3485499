//===- ModelInfo.cpp - what blocks amount to ------------------------------===//
#include "compiler/Expand/ModelInfo.h"

#include "compiler/Frontend/Flops.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace swamla {

static int64_t dim(Value value, unsigned index) {
  return cast<RankedTensorType>(value.getType()).getDimSize(index);
}

static NormDims normDims(Attribute norm, int64_t width) {
  auto dyt = dyn_cast<DytAttr>(norm);
  return {width, static_cast<bool>(dyt), dyt ? dyt.getAlpha().getValueAsDouble() : 0.0};
}

static SwaDims dimsOf(SwaBlockOp op) {
  return {dim(op.getX(), 2),
          static_cast<int64_t>(op.getHeads()),
          static_cast<int64_t>(op.getKvHeads()),
          static_cast<int64_t>(op.getWindow()),
          static_cast<int64_t>(op.getSink()),
          op.getBias()};
}

static MlaDims dimsOf(MlaBlockOp op) {
  return {dim(op.getX(), 2),
          static_cast<int64_t>(op.getHeads()),
          static_cast<int64_t>(op.getQLora()),
          static_cast<int64_t>(op.getKvLora()),
          static_cast<int64_t>(op.getNope()),
          static_cast<int64_t>(op.getRope()),
          static_cast<int64_t>(op.getV()),
          op.getBias()};
}

static void addParams(std::vector<ParamSpec> &table, Operation &block) {
  llvm::TypeSwitch<Operation &>(block)
      .Case([&](EmbeddingOp op) {
        addEmbeddingParams(table, op.getName().str(), static_cast<int64_t>(op.getVocab()),
                           dim(op.getResult(), 2));
      })
      .Case([&](SwaBlockOp op) {
        addSwaBlockParams(table, op.getName().str(), dimsOf(op),
                          normDims(op.getNorm(), dim(op.getX(), 2)));
      })
      .Case([&](MlaBlockOp op) {
        addMlaBlockParams(table, op.getName().str(), dimsOf(op),
                          normDims(op.getNorm(), dim(op.getX(), 2)));
      })
      .Case([&](NormOp op) {
        addNormParams(table, op.getName().str(), normDims(op.getNorm(), dim(op.getX(), 2)));
      });
}

FailureOr<std::vector<ParamSpec>> paramsOf(ModelOp model) {
  std::vector<ParamSpec> table;
  llvm::StringMap<Operation *> owners;
  for (Operation &block : model.getBody().front()) {
    size_t before = table.size();
    addParams(table, block);
    for (size_t i = before; i < table.size(); ++i) {
      auto [entry, isNew] = owners.try_emplace(table[i].name, &block);
      if (isNew)
        continue;
      InFlightDiagnostic error = block.emitOpError()
                                 << "expected a parameter name of its own, "
                                 << "found '" << table[i].name << "' taken; rename the block";
      error.attachNote(entry->second->getLoc()) << "by this block";
      return error;
    }
  }
  return table;
}

DictionaryAttr modelInfo(ModelOp model, int64_t numParams) {
  Builder b(model.getContext());
  Block &body = model.getBody().front();
  auto loss = cast<LmLossOp>(body.back());
  auto tokens = cast<RankedTensorType>(body.getArgument(0).getType());
  int64_t seq = tokens.getDimSize(1), width = dim(loss.getX(), 2), layers = 0;
  auto vocab = static_cast<int64_t>(loss.getVocab());
  double flops = headFlops(vocab, width);
  for (Operation &block : body) {
    if (auto swa = dyn_cast<SwaBlockOp>(block))
      flops += swaBlockFlops(dimsOf(swa), seq);
    else if (auto mla = dyn_cast<MlaBlockOp>(block))
      flops += mlaBlockFlops(dimsOf(mla), seq);
    else
      continue;
    ++layers;
  }
  std::string text;
  llvm::raw_string_ostream stream(text);
  model->print(stream);
  return b.getDictionaryAttr({
      b.getNamedAttr("name", b.getStringAttr(model.getSymName())),
      b.getNamedAttr("vocab_size", b.getI64IntegerAttr(vocab)),
      b.getNamedAttr("block_size", b.getI64IntegerAttr(seq)),
      b.getNamedAttr("batch", b.getI64IntegerAttr(tokens.getDimSize(0))),
      b.getNamedAttr("n_layer", b.getI64IntegerAttr(layers)),
      b.getNamedAttr("n_embd", b.getI64IntegerAttr(width)),
      b.getNamedAttr("num_params", b.getI64IntegerAttr(numParams)),
      b.getNamedAttr("forward_flops_per_token", b.getF64FloatAttr(flops)),
      b.getNamedAttr("description", b.getStringAttr(text)),
  });
}

} // namespace swamla
