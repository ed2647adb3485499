//===- ModelBuilder.cpp - a config as a swamla.model ----------------------===//
#include "compiler/Frontend/ModelBuilder.h"

#include "dialects/Swamla/IR/SwamlaDialect.h"

#include <algorithm>

using namespace mlir;

namespace swamla {

namespace {
/// Builds one model; holds what every block needs.
class ModelBuilder {
public:
  ModelBuilder(const Config &config, OpBuilder &builder)
      : c(config), b(builder), loc(b.getUnknownLoc()),
        activations(
            RankedTensorType::get({ShapedType::kDynamic, c.blockSize, c.nEmbd}, b.getF32Type())) {}

  void build(StringRef name);

private:
  FloatAttr f64(double value) { return b.getF64FloatAttr(value); }
  Attribute norm();
  LogitScaleAttr logitScale();
  Value swaBlock(StringRef name, Value x);
  Value mlaBlock(StringRef name, Value x);

  const Config &c;
  OpBuilder &b;
  Location loc;
  RankedTensorType activations;
};
} // namespace

Attribute ModelBuilder::norm() {
  if (c.useDyt)
    return DytAttr::get(b.getContext(), f64(c.dytAlphaInit));
  return RmsAttr::get(b.getContext(), f64(c.normEps));
}

LogitScaleAttr ModelBuilder::logitScale() {
  if (!c.scalesLogits())
    return {};
  // The reference counts positions in windows of at least one.
  int64_t window = std::max<int64_t>(1, c.logitScaleWindow);
  return LogitScaleAttr::get(b.getContext(), f64(*c.logitScaleBase), window, c.logitScaleOffset,
                             f64(c.logitScaleMin),
                             c.logitScaleMax ? f64(*c.logitScaleMax) : FloatAttr());
}

Value ModelBuilder::swaBlock(StringRef name, Value x) {
  return SwaBlockOp::create(b, loc, activations, b.getStringAttr(name), x,
                            b.getI64IntegerAttr(c.nHead), b.getI64IntegerAttr(c.kvHeads()),
                            b.getI64IntegerAttr(c.swaWindow), b.getI64IntegerAttr(c.swaSinkSize),
                            f64(c.ropeTheta), norm(), f64(c.dropout), logitScale(),
                            c.bias ? b.getUnitAttr() : UnitAttr());
}

Value ModelBuilder::mlaBlock(StringRef name, Value x) {
  return MlaBlockOp::create(b, loc, activations, b.getStringAttr(name), x,
                            b.getI64IntegerAttr(c.nHead), b.getI64IntegerAttr(c.qLoraRank),
                            b.getI64IntegerAttr(c.kvLoraRank), b.getI64IntegerAttr(c.qkNopeHeadDim),
                            b.getI64IntegerAttr(c.qkRopeHeadDim), b.getI64IntegerAttr(c.vHeadDim),
                            f64(c.ropeTheta), f64(c.ropeScalingFactor), f64(c.loraNormEps), norm(),
                            f64(c.dropout), c.bias ? b.getUnitAttr() : UnitAttr());
}

void ModelBuilder::build(StringRef name) {
  auto model = ModelOp::create(b, loc, b.getStringAttr(name));
  auto tokens = RankedTensorType::get({ShapedType::kDynamic, c.blockSize}, b.getI32Type());
  Block *body = b.createBlock(&model.getBody(), {}, {tokens, tokens}, {loc, loc});
  Value x = EmbeddingOp::create(b, loc, activations, b.getStringAttr("wte"), body->getArgument(0),
                                b.getI64IntegerAttr(c.vocabSize), f64(c.dropout));
  for (int64_t layer = 0; layer < c.nLayer; ++layer) {
    std::string prefix = fmt::format("h.{}", layer);
    x = c.isMla(layer) ? mlaBlock(prefix, x) : swaBlock(prefix, x);
  }
  x = NormOp::create(b, loc, activations, b.getStringAttr("ln_f"), x, norm());
  LmLossOp::create(b, loc, x, body->getArgument(1), b.getStringAttr("wte"),
                   b.getI64IntegerAttr(c.vocabSize), f64(c.labelSmoothing));
}

OwningOpRef<ModuleOp> buildModel(const Config &config, StringRef name, MLIRContext &context) {
  context.loadDialect<SwamlaDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
  ModelBuilder(config, builder).build(name);
  return module;
}

} // namespace swamla
