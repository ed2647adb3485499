//===- FusedOps.cpp - row-wise computations as regions --------------------===//
// Syntax and cost of swamla.fused; its constraints are in FusedVerify.cpp.
//===----------------------------------------------------------------------===//
#include "dialects/Swamla/IR/SwamlaDialect.h"
#include "dialects/Swamla/IR/VerifyUtils.h"

#include "llvm/ADT/SetVector.h"

#include <algorithm>

using namespace mlir;
using namespace swamla;

void YieldOp::build(OpBuilder &, OperationState &) {}

//===----------------------------------------------------------------------===//
// Syntax
//===----------------------------------------------------------------------===//

/// `[rows, ... | columns, ...]`
static ParseResult parseDomain(OpAsmParser &parser, SmallVectorImpl<int64_t> &extents,
                               int64_t &rowDims) {
  auto parseExtent = [&] { return parser.parseInteger(extents.emplace_back()); };
  if (parser.parseLSquare() || parseExtent())
    return failure();
  while (succeeded(parser.parseOptionalComma()))
    if (parseExtent())
      return failure();
  rowDims = static_cast<int64_t>(extents.size());
  if (parser.parseVerticalBar() || parseExtent())
    return failure();
  while (succeeded(parser.parseOptionalComma()))
    if (parseExtent())
      return failure();
  return parser.parseRSquare();
}

/// `KEYWORD(%a, %b : type, type)`, or nothing.
static ParseResult parseOperandList(OpAsmParser &parser, StringRef keyword,
                                    SmallVectorImpl<OpAsmParser::UnresolvedOperand> &operands,
                                    SmallVectorImpl<Type> &types, SMLoc &loc) {
  loc = parser.getCurrentLocation();
  if (failed(parser.parseOptionalKeyword(keyword)))
    return success();
  return failure(parser.parseLParen() || parser.parseOperandList(operands) ||
                 parser.parseColonTypeList(types) || parser.parseRParen());
}

ParseResult FusedOp::parse(OpAsmParser &parser, OperationState &state) {
  Builder &builder = parser.getBuilder();
  Properties &properties = state.getOrAddProperties<Properties>();
  SmallVector<int64_t> extents;
  int64_t rowDims = 0;
  SmallVector<OpAsmParser::UnresolvedOperand> ins, outs;
  SmallVector<Type> inTypes, outTypes;
  SMLoc insLoc, outsLoc;
  if (parseDomain(parser, extents, rowDims) ||
      parseOperandList(parser, "ins", ins, inTypes, insLoc) ||
      parseOperandList(parser, "outs", outs, outTypes, outsLoc))
    return failure();
  properties.domain = builder.getDenseI64ArrayAttr(extents);
  properties.row_dims = builder.getI64IntegerAttr(rowDims);

  if (succeeded(parser.parseOptionalKeyword("gather"))) {
    auto gather = dyn_cast_if_present<DenseI64ArrayAttr>(DenseI64ArrayAttr::parse(parser, Type()));
    if (!gather)
      return failure();
    properties.gather = gather;
  }
  if (succeeded(parser.parseOptionalKeyword("label"))) {
    StringAttr label;
    if (parser.parseAttribute(label))
      return failure();
    properties.label = label;
  }
  ArrayAttr maps;
  if (parser.parseKeyword("maps") || parser.parseAttribute(maps) ||
      parser.parseOptionalAttrDictWithKeyword(state.attributes))
    return failure();
  properties.maps = maps;
  properties.operandSegmentSizes = {static_cast<int>(ins.size()), static_cast<int>(outs.size())};

  Region *body = state.addRegion();
  if (parser.parseRegion(*body))
    return failure();
  ensureTerminator(*body, builder, state.location);
  if (succeeded(parser.parseOptionalArrow()) && parser.parseTypeList(state.types))
    return failure();
  return failure(parser.resolveOperands(ins, inTypes, insLoc, state.operands) ||
                 parser.resolveOperands(outs, outTypes, outsLoc, state.operands));
}

void FusedOp::print(OpAsmPrinter &printer) {
  ArrayRef<int64_t> extents = getDomain();
  size_t rowDims = std::min<size_t>(getRowDims(), extents.size());
  printer << " [";
  llvm::interleaveComma(extents.take_front(rowDims), printer);
  printer << " | ";
  llvm::interleaveComma(extents.drop_front(rowDims), printer);
  printer << ']';
  auto printOperands = [&](StringRef keyword, OperandRange operands) {
    if (!operands.empty())
      printer << ' ' << keyword << '(' << operands << " : " << operands.getTypes() << ')';
  };
  printOperands("ins", getIns());
  printOperands("outs", getOuts());
  if (getGatherAttr()) {
    printer << " gather ";
    getGatherAttr().print(printer);
  }
  if (getLabelAttr())
    printer << " label " << getLabelAttr();
  printer << " maps " << getMaps();
  printer.printOptionalAttrDictWithKeyword((*this)->getAttrs(),
                                           {getOperandSegmentSizesAttrName(), getDomainAttrName(),
                                            getRowDimsAttrName(), getMapsAttrName(),
                                            getGatherAttrName(), getLabelAttrName()});
  printer << ' ';
  printer.printRegion(getBody());
  if (!getResultTypes().empty())
    printer << " -> " << getResultTypes();
}

//===----------------------------------------------------------------------===//
// Cost
//===----------------------------------------------------------------------===//

uint64_t FusedOp::getFlops() {
  uint64_t points = 1, perPoint = 0;
  for (int64_t extent : getDomain())
    points *= extent;
  for (Operation &op : getBody().front().without_terminator()) {
    bool isFloat = op.getNumResults() == 1 && isa<FloatType>(op.getResult(0).getType());
    if (isFloat && op.getNumOperands() > 0 &&
        !isa<PairSwapOp, arith::SelectOp, arith::ExtFOp, arith::TruncFOp>(op))
      ++perPoint;
  }
  return points * perPoint;
}

/// Adds the dims that operand `map` varies with, through its gather symbol too.
static void collectDims(FusedOp op, unsigned in, llvm::SmallBitVector &dims) {
  AffineMap map = op.getInMap(in);
  for (unsigned d = 0; d < map.getNumDims(); ++d)
    if (map.isFunctionOfDim(d))
      dims.set(d);
  if (int64_t source = op.getGatherOf(in); source >= 0)
    collectDims(op, static_cast<unsigned>(source), dims);
}

static uint64_t elementBytes(Value value) {
  return (tensorType(value).getElementTypeBitWidth() + 7) / 8;
}

uint64_t FusedOp::getBytes() {
  // An in counts the elements that its maps can reach, at most its size, however often it appears.
  llvm::MapVector<Value, uint64_t> read;
  for (auto [i, in] : llvm::enumerate(getIns())) {
    llvm::SmallBitVector dims(getDomain().size());
    collectDims(*this, i, dims);
    uint64_t elements = 1;
    for (unsigned d : dims.set_bits())
      elements *= getDomain()[d];
    uint64_t &count = read[in];
    count = std::min<uint64_t>(count + elements, tensorType(in).getNumElements());
  }
  uint64_t bytes = 0;
  for (auto [in, count] : read)
    bytes += count * elementBytes(in);
  // An out is written once, and read where the region uses its initial value or adds to it.
  Block &body = getBody().front();
  for (auto [i, out] : llvm::enumerate(getOuts())) {
    uint64_t size = tensorType(out).getNumElements() * elementBytes(out);
    bool isRead = !body.getArgument(getIns().size() + i).use_empty();
    bytes += isRead ? 2 * size : size;
  }
  return bytes;
}
