//===- ParamOps.cpp - parameters, gradients, flat buffers -----------------===//
#include "dialects/Step/IR/ElementTypes.h"
#include "dialects/Swamla/IR/SwamlaDialect.h"
#include "dialects/Swamla/IR/VerifyUtils.h"

#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace swamla;

//===----------------------------------------------------------------------===//
// param: `@NAME : TYPE init normal|constant VALUE [decay] [offset N] [attributes]`
//===----------------------------------------------------------------------===//

ParseResult ParamOp::parse(OpAsmParser &parser, OperationState &state) {
  Builder &builder = parser.getBuilder();
  Properties &properties = state.getOrAddProperties<Properties>();
  Type type;
  StringRef distribution;
  FloatAttr value;
  if (parser.parseSymbolName(properties.sym_name) || parser.parseColonType(type) ||
      parser.parseKeyword("init"))
    return failure();
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseKeyword(&distribution))
    return failure();
  if (distribution != "normal" && distribution != "constant")
    return parser.emitError(loc) << "expected 'normal' or 'constant', found '" << distribution
                                 << "'";
  if (parser.parseAttribute(value, builder.getF64Type()))
    return failure();
  properties.type = TypeAttr::get(type);
  properties.init_normal = builder.getBoolAttr(distribution == "normal");
  properties.init_value = value;
  if (succeeded(parser.parseOptionalKeyword("decay")))
    properties.decay = builder.getUnitAttr();
  if (succeeded(parser.parseOptionalKeyword("offset"))) {
    int64_t offset;
    if (parser.parseInteger(offset))
      return failure();
    properties.offset = builder.getI64IntegerAttr(offset);
  }
  return parser.parseOptionalAttrDict(state.attributes);
}

void ParamOp::print(OpAsmPrinter &printer) {
  printer << ' ';
  printer.printSymbolName(getSymName());
  printer << " : " << getType() << " init " << (getInitNormal() ? "normal " : "constant ");
  printer.printAttributeWithoutType(getInitValueAttr());
  if (getDecay())
    printer << " decay";
  if (getOffset())
    printer << " offset " << static_cast<int64_t>(*getOffset());
  printer.printOptionalAttrDict((*this)->getAttrs(),
                                {getSymNameAttrName(), getTypeAttrName(), getInitNormalAttrName(),
                                 getInitValueAttrName(), getDecayAttrName(), getOffsetAttrName()});
}

LogicalResult ParamOp::verify() {
  /*param_c1*/
  auto type = dyn_cast<RankedTensorType>(getType());
  if (!type || !type.hasStaticShape() || !type.getElementType().isF32())
    return emitOpError() << "expected a static tensor of f32, found " << getType();
  /*param_c2*/
  double value = getInitValue().convertToDouble();
  if (getInitNormal() && !(value >= 0.0))
    return emitOpError() << "init normal: expected a standard deviation >= 0, found " << value;
  /*param_c3*/
  return getOffset() ? expectInt(*this, "offset", static_cast<int64_t>(*getOffset()), 0)
                     : success();
}

//===----------------------------------------------------------------------===//
// param_group
//===----------------------------------------------------------------------===//

/// Checks one member against the group and the members before it; `rows` and `next` carry over.
static LogicalResult verifyMember(ParamGroupOp group, ParamOp member, ParamOp first, int64_t &rows,
                                  std::optional<int64_t> &next) {
  auto groupType = cast<RankedTensorType>(group.getType());
  auto type = cast<RankedTensorType>(member.getType());
  /*param_group_c2*/
  SmallVector<int64_t> shape(groupType.getShape());
  if (type.getRank() > 0 && !shape.empty())
    shape[0] = type.getDimSize(0);
  auto expected = RankedTensorType::get(shape, groupType.getElementType());
  if (type != expected || shape.empty())
    return group.emitOpError() << "member @" << member.getSymName() << ": expected " << expected
                               << ", found " << type;
  rows += type.getDimSize(0);
  /*param_group_c3*/
  if (member.getDecay() != first.getDecay())
    return group.emitOpError() << "expected members of one decay group, found @"
                               << first.getSymName() << (first.getDecay() ? " with" : " without")
                               << " decay and @" << member.getSymName()
                               << (member.getDecay() ? " with" : " without");
  /*param_group_c4*/
  std::optional<int64_t> offset;
  if (member.getOffset())
    offset = static_cast<int64_t>(*member.getOffset());
  if (offset != next) {
    auto text = [](std::optional<int64_t> o) { return o ? std::to_string(*o) : "no offset"; };
    return group.emitOpError() << "member @" << member.getSymName() << ": expected offset "
                               << text(next) << ", found " << text(offset);
  }
  if (next)
    *next += type.getNumElements();
  return success();
}

LogicalResult ParamGroupOp::verifySymbolUses(SymbolTableCollection &symbols) {
  /*param_group_c1*/
  if (getMembers().empty())
    return emitOpError() << "expected at least one member, found none";
  ParamOp first;
  int64_t rows = 0;
  std::optional<int64_t> next;
  if (getOffset())
    next = static_cast<int64_t>(*getOffset());
  for (auto name : getMembers().getAsRange<FlatSymbolRefAttr>()) {
    auto member = symbols.lookupNearestSymbolFrom<ParamOp>(*this, name);
    if (!member)
      return emitOpError() << "expected a swamla.param named " << name << ", found none";
    if (!isa<RankedTensorType>(member.getType()))
      return member.emitOpError() << "expected a static tensor of f32, found " << member.getType();
    if (!first)
      first = member;
    if (failed(verifyMember(*this, member, first, rows, next)))
      return failure();
  }
  /*param_group_c2*/
  int64_t groupRows = cast<RankedTensorType>(getType()).getDimSize(0);
  if (rows != groupRows)
    return emitOpError() << "expected members with " << groupRows << " rows in all, found " << rows;
  return success();
}

//===----------------------------------------------------------------------===//
// get_param, add_grad, get_grad, set_grad
//===----------------------------------------------------------------------===//

/// `name` is a parameter or a parameter group, and `type` its type.
static LogicalResult verifyParamUse(Operation *op, FlatSymbolRefAttr name, Type type,
                                    SymbolTableCollection &symbols) {
  Operation *symbol = symbols.lookupNearestSymbolFrom(op, name);
  /*get_param_c1, add_grad_c1, get_grad_c1, set_grad_c1*/
  Type declared;
  if (auto param = dyn_cast_if_present<ParamOp>(symbol))
    declared = param.getType();
  else if (auto group = dyn_cast_if_present<ParamGroupOp>(symbol))
    declared = group.getType();
  if (!declared) {
    InFlightDiagnostic error = op->emitOpError()
                               << "expected a swamla.param or swamla.param_group named " << name;
    if (!symbol)
      return error << ", found none";
    error << ", found '" << symbol->getName() << "'";
    error.attachNote(symbol->getLoc()) << "declared here";
    return error;
  }
  /*get_param_c2, add_grad_c2, get_grad_c2, set_grad_c2*/
  if (declared == type)
    return success();
  InFlightDiagnostic error = op->emitOpError() << "expected the type of " << name << ", "
                                               << declared << ", found " << type;
  error.attachNote(symbol->getLoc()) << "declared here";
  return error;
}

LogicalResult GetParamOp::verifySymbolUses(SymbolTableCollection &symbols) {
  RankedTensorType type = tensorType(getResult());
  /*get_param_c3*/
  if (getTransposed()) {
    if (type.getRank() != 2 || !isa<Float8E4M3FNType>(type.getElementType()))
      return emitOpError() << "transposed: expected a matrix of f8E4M3FN, found " << type;
    type = type.clone({type.getDimSize(1), type.getDimSize(0)});
  }
  if (type.getElementType().isBF16() || isa<Float8E4M3FNType>(type.getElementType()))
    type = type.clone(Float32Type::get(getContext()));
  return verifyParamUse(*this, getParamAttr(), type, symbols);
}

LogicalResult AddGradOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyParamUse(*this, getParamAttr(), getValue().getType(), symbols);
}

LogicalResult GetGradOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyParamUse(*this, getParamAttr(), getResult().getType(), symbols);
}

LogicalResult SetGradOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyParamUse(*this, getParamAttr(), getValue().getType(), symbols);
}

//===----------------------------------------------------------------------===//
// Flat buffers, scalars
//===----------------------------------------------------------------------===//

ResultPrecision GetGradOp::getResultPrecision(unsigned) { return ResultPrecision::Wide; }
ResultPrecision GetFlatOp::getResultPrecision(unsigned) { return ResultPrecision::Wide; }

/// What get_flat and set_flat have in common.
template <typename Op> static LogicalResult verifyFlat(Op op, RankedTensorType type) {
  /*get_flat_c1, set_flat_c1*/
  if (failed(expectInt(op, "offset", static_cast<int64_t>(op.getOffset()), 0)))
    return failure();
  /*get_flat_c2, set_flat_c2*/
  Type f32 = Float32Type::get(op.getContext()), bf16 = BFloat16Type::get(op.getContext());
  Type element = type.getElementType();
  Type expected = llvm::StringSwitch<Type>(op.getBuffer())
                      .Cases({"params", kGradsBuffer}, f32)
                      .Case(kWorkingBuffer, bf16)
                      .Default({});
  if (expected ? element == expected
               : element == f32 || element == bf16 || isF8(element) || element.isInteger(8))
    return success();
  InFlightDiagnostic error = op.emitOpError() << "expected elements of ";
  if (expected)
    error << expected;
  else
    error << "f32, bf16, f8E4M3FN, f8E5M2 or i8";
  return error << " in buffer \"" << op.getBuffer() << "\", found " << type;
}

LogicalResult GetFlatOp::verify() { return verifyFlat(*this, tensorType(getResult())); }

LogicalResult SetFlatOp::verify() { return verifyFlat(*this, tensorType(getValue())); }

LogicalResult ScalarOp::verify() {
  /*scalar_c1*/
  Type f32 = Float32Type::get(getContext()), i32 = IntegerType::get(getContext(), 32);
  Type element = llvm::StringSwitch<Type>(getName())
                     .Cases({"lr", "beta1", "beta2", "eps", "weight_decay"}, f32)
                     .Cases({"bias_correction1", "bias_correction2", "clip"}, f32)
                     .Cases({"grad_scale", "loss_scale"}, f32)
                     .Cases({"dropout_key", "position"}, i32)
                     .Default({});
  if (!element)
    return emitOpError() << "expected one of lr, beta1, beta2, eps, weight_decay, "
                            "bias_correction1, bias_correction2, clip, grad_scale, loss_scale, "
                            "dropout_key, position, found '"
                         << getName() << "'";
  /*scalar_c2*/
  return expectTensor(*this, "result", tensorType(getResult()), {1}, element);
}
