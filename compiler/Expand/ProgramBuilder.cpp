//===- ProgramBuilder.cpp - primitives of one function --------------------===//
#include "compiler/Expand/ProgramBuilder.h"

#include "dialects/Swamla/IR/VerifyUtils.h"

#include <fmt/format.h>

using namespace mlir;

namespace swamla {

ProgramBuilder::ProgramBuilder(ModuleOp module, func::FuncOp function, int64_t seq,
                               bool withDropout)
    : symbols(module), function(function), b(function.getContext()), sequence(seq),
      withDropout(withDropout), location(function.getLoc()) {
  b.setInsertionPointToEnd(&function.getBody().front());
  b.setListener(this);
}

void ProgramBuilder::enter(const Twine &newScope, Location newLocation) {
  scope = b.getStringAttr(newScope);
  location = newLocation;
}

void ProgramBuilder::notifyOperationInserted(Operation *op, OpBuilder::InsertPoint) {
  if (scope)
    op->setAttr("scope", scope);
}

//===----------------------------------------------------------------------===//
// Parameters and what uses them
//===----------------------------------------------------------------------===//

Value ProgramBuilder::param(const Twine &name) {
  auto param = symbols.lookup<ParamOp>(name.str());
  assert(param && "the table of parameters and the expansion disagree on a name");
  return GetParamOp::create(b, location, param.getType(), FlatSymbolRefAttr::get(param));
}

Value ProgramBuilder::linear(const Twine &name, Value x, bool bias) {
  std::string prefix = name.str();
  Value weight = param(prefix + ".weight");
  auto type = RankedTensorType::get({tensorType(x).getDimSize(0), tensorType(weight).getDimSize(0)},
                                    b.getF32Type());
  Value y = MatmulOp::create(b, location, type, x, weight, /*init=*/Value(),
                             /*transposeA=*/false, /*transposeB=*/true);
  if (!bias)
    return y;
  return BiasAddOp::create(b, location, type, y, param(prefix + ".bias"));
}

Value ProgramBuilder::norm(const Twine &name, Value x, Attribute norm) {
  std::string prefix = name.str();
  if (auto rms = dyn_cast<RmsAttr>(norm))
    return RmsNormOp::create(b, location, x.getType(), x, param(prefix + ".weight"), rms.getEps());
  Value alpha = param(prefix + ".alpha"), weight = param(prefix + ".weight");
  return DytOp::create(b, location, x.getType(), x, alpha, weight, param(prefix + ".bias"));
}

Value ProgramBuilder::layerNorm(const Twine &name, Value x, FloatAttr eps) {
  std::string prefix = name.str();
  Value weight = param(prefix + ".weight");
  return LayerNormOp::create(b, location, x.getType(), x, weight, param(prefix + ".bias"), eps);
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

SmallVector<Value> ProgramBuilder::table(const std::string &key,
                                         llvm::function_ref<Operation *()> make) {
  Operation *&entry = tables[key];
  if (!entry) {
    OpBuilder::InsertionGuard guard(b);
    StringAttr outer = scope;
    if (lastTable)
      b.setInsertionPointAfter(lastTable);
    else
      b.setInsertionPointToStart(&function.getBody().front());
    scope = b.getStringAttr("setup");
    entry = lastTable = make();
    scope = outer;
  }
  return entry->getResults();
}

Value ProgramBuilder::rope(Value x, int64_t heads, int64_t offset, int64_t width, FloatAttr theta,
                           FloatAttr factor) {
  // The bits of the numbers: the key distinguishes what the tables distinguish.
  std::string key =
      fmt::format("rope {} {} {}", width, theta.getValue().bitcastToAPInt().getZExtValue(),
                  factor.getValue().bitcastToAPInt().getZExtValue());
  SmallVector<Value> cosSin = table(key, [&]() -> Operation * {
    auto type = RankedTensorType::get({sequence, width}, b.getF32Type());
    return RopeTableOp::create(b, location, type, type, theta, factor);
  });
  return RopeOp::create(b, location, x.getType(), x, cosSin[0], cosSin[1],
                        b.getI64IntegerAttr(heads), b.getI64IntegerAttr(offset),
                        /*inverse=*/UnitAttr());
}

Value ProgramBuilder::scaleRows(Value x, LogitScaleAttr scale) {
  std::string key;
  llvm::raw_string_ostream(key) << scale;
  SmallVector<Value> factors = table(key, [&]() -> Operation * {
    auto type = RankedTensorType::get({sequence}, b.getF32Type());
    return LogitScaleTableOp::create(
        b, location, type, scale.getBase(), b.getI64IntegerAttr(scale.getWindow()),
        b.getI64IntegerAttr(scale.getOffset()), scale.getMin(), scale.getMax());
  });
  return ScaleRowsOp::create(b, location, x.getType(), x, factors[0]);
}

//===----------------------------------------------------------------------===//
// The rest
//===----------------------------------------------------------------------===//

ValueRange ProgramBuilder::split(Value x, int64_t heads, ArrayRef<int64_t> widths) {
  SmallVector<Type> types;
  for (int64_t width : widths)
    types.push_back(
        RankedTensorType::get({tensorType(x).getDimSize(0), heads * width}, b.getF32Type()));
  return SplitOp::create(b, location, types, x, b.getI64IntegerAttr(heads)).getParts();
}

Value ProgramBuilder::add(Value lhs, Value rhs) {
  return AddOp::create(b, location, lhs.getType(), lhs, rhs);
}

Value ProgramBuilder::dropout(Value x, FloatAttr p) {
  if (!withDropout || p.getValue().isZero())
    return x;
  if (!dropoutKey) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&function.getBody().front());
    dropoutKey = scalar("dropout_key", b.getI32Type());
  }
  return DropoutOp::create(b, location, x.getType(), x, dropoutKey, p,
                           b.getI32IntegerAttr(nextSite++));
}

Value ProgramBuilder::scalar(StringRef name, Type element) {
  return ScalarOp::create(b, location, RankedTensorType::get({1}, element), b.getStringAttr(name));
}

} // namespace swamla
