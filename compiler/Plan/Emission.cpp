//===- Emission.cpp - from a plan to a step.program -----------------------===//
#include "compiler/Plan/Emission.h"

#include "compiler/Kernels/AttentionShape.h"
#include "compiler/Plan/Addressing.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace swamla {

namespace {
/// Columns of one unit of a scatter-add: a few cache lines of every row, many units a table.
constexpr int64_t kScatterColumns = 64;

Type elementType(Value tensor) { return cast<RankedTensorType>(tensor.getType()).getElementType(); }
TypeAttr elementAttr(Value tensor) { return TypeAttr::get(elementType(tensor)); }

/// From row to row. One row has no pitch of its own, but whoever reads a matrix wants one that
/// holds the row.
int64_t pitch(const Layout &layout) { return std::max(layout.ld, layout.cols); }

class ProgramEmitter {
public:
  ProgramEmitter(const ProgramPlan &plan, KernelOutliner &outliner, OpBuilder &builder, bool tf32)
      : plan(plan), outliner(outliner), tf32(tf32), attrs(builder.getContext()),
        body(builder.getContext()) {
    auto program = step::ProgramOp::create(builder, func::FuncOp(plan.func).getLoc(),
                                           func::FuncOp(plan.func).getSymName());
    body.setInsertionPointToStart(&program.getBody().emplaceBlock());
  }

  void emit(const Step &step);
  /// Zeroes bytes [begin, end) of the gradients, which are no parameter's.
  void zeroGrads(int64_t begin, int64_t end);
  unsigned copies = 0;

private:
  void emitFused(FusedOp op);
  void emitMatmul(MatmulOp op);
  void emitAttention(AttentionOp op);
  void emitAttentionGrad(AttentionGradOp op);
  void emitScatterAdd(EmbeddingGradOp op);
  void emitCopy(const Step &step);

  /// Where operand i, or result i, of the current op is read or written.
  const Place &in(unsigned i) const { return plan.places[current->places[i]]; }
  const Place &out(unsigned i) const {
    return plan.places[current->places[current->op->getNumOperands() + i]];
  }
  step::ViewAttr view(const Place &place) const;
  step::HeadsAttr heads(const Place &place, int64_t count) const {
    return headsLayout(attrs.getContext(), count, place.layout);
  }
  NamedAttribute number(StringRef name, int64_t value) {
    return attrs.getNamedAttr(name, attrs.getI64IntegerAttr(value));
  }
  template <typename Op> SmallVector<NamedAttribute> attentionAttributes(Op op);
  void launch(StringRef kernel, ArrayRef<const Place *> places, int64_t units);

  const ProgramPlan &plan;
  KernelOutliner &outliner;
  bool tf32;
  Builder attrs;
  OpBuilder body;
  const Step *current = nullptr;
};
} // namespace

step::ViewAttr ProgramEmitter::view(const Place &place) const {
  const Storage &storage = *place.storage;
  auto buffer = FlatSymbolRefAttr::get(attrs.getContext(), storage.buffer);
  int64_t bytes = place.value ? elementBytes(cast<RankedTensorType>(place.value.getType()))
                              : storage.elementBytes;
  return step::ViewAttr::get(attrs.getContext(), buffer,
                             storage.offset + place.layout.offset * bytes,
                             place.layout.extent() * bytes);
}

void ProgramEmitter::launch(StringRef kernel, ArrayRef<const Place *> places, int64_t units) {
  SmallVector<Attribute> views;
  for (const Place *place : places)
    views.push_back(view(*place));
  uint64_t flops = 0, bytes = 0;
  if (auto cost = dyn_cast<CostOpInterface>(current->op); cost && current->kind == StepKind::Op) {
    flops = cost.getFlops();
    bytes = cost.getBytes();
  } else {
    for (const Place *place : places)
      bytes += place->layout.rows * place->layout.cols * place->storage->elementBytes;
  }
  std::string label = labelOf(current->op);
  if (current->kind == StepKind::Copy)
    label = "copy for " + label;
  step::LaunchOp::create(body, current->op->getLoc(), kernel, attrs.getArrayAttr(views), units,
                         label, flops, bytes);
}

void ProgramEmitter::emitFused(FusedOp op) {
  SmallVector<const Place *> places;
  SmallVector<Layout> layouts;
  for (unsigned i = 0; i < op.getIns().size(); ++i)
    places.push_back(&in(i));
  for (unsigned i = 0; i < op.getOuts().size(); ++i)
    places.push_back(&out(i));
  for (const Place *place : places)
    layouts.push_back(place->layout);
  step::RowKernelOp kernel = outliner.rowKernel(op, layouts);
  launch(kernel.getSymName(), places, kernel.getUnits());
}

void ProgramEmitter::emitMatmul(MatmulOp op) {
  const Layout &a = in(0).layout, &b = in(1).layout, &c = out(0).layout;
  int64_t k = op.getTransposeA() ? a.rows : a.cols;
  step::ViewAttr aScale, bScale;
  if (op.isScaled()) {
    aScale = view(in(op.getAScaleMutable()[0].getOperandNumber()));
    bScale = view(in(op.getBScaleMutable()[0].getOperandNumber()));
  }
  TypeAttr aType = elementAttr(op.getA()), bType = elementAttr(op.getB());
  auto flag = [&](bool value) { return value ? attrs.getUnitAttr() : UnitAttr(); };
  auto number = [&](int64_t value) { return attrs.getI64IntegerAttr(value); };
  step::MatmulOp::create(body, op.getLoc(), view(in(0)), view(in(1)), view(out(0)), aScale, bScale,
                         number(c.rows), number(c.cols), number(k), number(pitch(a)),
                         number(pitch(b)), number(pitch(c)), op.getTransposeAAttr(),
                         op.getTransposeBAttr(), flag(static_cast<bool>(op.getInit())), aType,
                         aType == bType ? TypeAttr() : bType, elementAttr(op.getResult()),
                         flag(tf32 && aType.getValue().isF32()), op.getFastAccumAttr(),
                         attrs.getStringAttr(labelOf(op)));
}

/// What the forward and backward kernels have in common: sizes, mask, and where q, k, v lie.
template <typename Op> SmallVector<NamedAttribute> ProgramEmitter::attentionAttributes(Op op) {
  int64_t rows = cast<RankedTensorType>(op.getQ().getType()).getDimSize(0);
  auto seq = static_cast<int64_t>(op.getSeq());
  SmallVector<NamedAttribute> list = {attrs.getNamedAttr("element", elementAttr(op.getQ())),
                                      number("batch", rows / seq),
                                      number("seq", seq),
                                      attrs.getNamedAttr("scale", op.getScaleAttr()),
                                      number("sink", static_cast<int64_t>(op.getSink())),
                                      attrs.getNamedAttr("q", heads(in(0), op.getHeads())),
                                      attrs.getNamedAttr("k", heads(in(1), op.getKvHeads())),
                                      attrs.getNamedAttr("v", heads(in(2), op.getKvHeads()))};
  if (op.getWindow())
    list.push_back(number("window", static_cast<int64_t>(*op.getWindow())));
  if (op.getShared())
    list.push_back(attrs.getNamedAttr("shared", heads(in(3), 1)));
  return list;
}

void ProgramEmitter::emitAttention(AttentionOp op) {
  SmallVector<NamedAttribute> list = attentionAttributes(op);
  list.push_back(attrs.getNamedAttr("out", heads(out(0), op.getHeads())));
  list.push_back(number("lse_stride", pitch(out(1).layout)));
  auto kernel = outliner.kernel<step::AttentionKernelOp>("attention", list);
  SmallVector<const Place *> places;
  for (unsigned i = 0; i < op->getNumOperands(); ++i)
    places.push_back(&in(i));
  places.append({&out(0), &out(1)});
  AttentionWidths widths{kernel.getQ().getWidth(), kernel.getV().getWidth()};
  launch(kernel.getSymName(), places,
         attentionUnits(kernel.getBatch(), kernel.getQ().getHeads(), kernel.getSeq(), widths));
}

void ProgramEmitter::emitAttentionGrad(AttentionGradOp op) {
  SmallVector<NamedAttribute> list = attentionAttributes(op);
  unsigned dout = op.getShared() ? 4 : 3;
  list.push_back(attrs.getNamedAttr("dout", heads(in(dout), op.getHeads())));
  list.push_back(number("lse_stride", pitch(in(dout + 1).layout)));
  bool fromOut = static_cast<bool>(op.getOut());
  const Place &delta = fromOut ? out(op->getNumResults() - 1) : in(dout + 2);
  list.push_back(number("delta_stride", pitch(delta.layout)));
  if (fromOut)
    list.push_back(attrs.getNamedAttr("out", heads(in(dout + 2), op.getHeads())));
  list.push_back(attrs.getNamedAttr("dq", heads(out(0), op.getHeads())));
  list.push_back(attrs.getNamedAttr("dk", heads(out(1), op.getKvHeads())));
  list.push_back(attrs.getNamedAttr("dv", heads(out(2), op.getKvHeads())));
  if (op.getDshared())
    list.push_back(attrs.getNamedAttr("dshared", heads(out(3), op.getHeads())));
  auto kernel = outliner.kernel<step::AttentionGradKernelOp>("attention_grad", list);
  SmallVector<const Place *> places;
  for (unsigned i = 0; i < op->getNumOperands(); ++i)
    places.push_back(&in(i));
  for (unsigned i = 0; i < op->getNumResults(); ++i)
    places.push_back(&out(i));
  launch(kernel.getSymName(), places,
         attentionGradUnits(kernel.getBatch(), kernel.getK().getHeads()));
}

void ProgramEmitter::emitScatterAdd(EmbeddingGradOp op) {
  const Layout &dy = in(1).layout, &table = out(0).layout;
  int64_t unitCols = std::min(kScatterColumns, dy.cols);
  auto kernel = outliner.kernel<step::ScatterAddKernelOp>(
      "scatter_add", {number("rows", dy.rows), number("cols", dy.cols), number("vocab", table.rows),
                      number("dy_stride", pitch(dy)), number("unit_cols", unitCols),
                      attrs.getNamedAttr("element", elementAttr(op.getDy()))});
  launch(kernel.getSymName(), {&in(0), &in(1), &out(0)}, (dy.cols + unitCols - 1) / unitCols);
}

void ProgramEmitter::emitCopy(const Step &step) {
  const Place &from = plan.places[step.places[0]], &to = plan.places[step.places[1]];
  Type element = cast<RankedTensorType>((from.value ? from : to).value.getType()).getElementType();
  step::RowKernelOp kernel = outliner.copyKernel(element, from.layout, to.layout);
  launch(kernel.getSymName(), {&from, &to}, kernel.getUnits());
  ++copies;
}

void ProgramEmitter::zeroGrads(int64_t begin, int64_t end) {
  auto buffer = FlatSymbolRefAttr::get(attrs.getContext(), kGradsBuffer);
  auto place = step::ViewAttr::get(attrs.getContext(), buffer, begin, end - begin);
  step::FillOp::create(body, func::FuncOp(plan.func).getLoc(), place, 0, "zero between gradients");
}

void ProgramEmitter::emit(const Step &step) {
  current = &step;
  if (step.kind == StepKind::Copy)
    return emitCopy(step);
  if (step.kind == StepKind::Zero) {
    step::FillOp::create(body, step.op->getLoc(), view(plan.places[step.places[0]]), 0,
                         "zero for " + labelOf(step.op));
    return;
  }
  llvm::TypeSwitch<Operation *>(step.op)
      .Case([&](FusedOp op) { emitFused(op); })
      .Case([&](MatmulOp op) { emitMatmul(op); })
      .Case([&](AttentionOp op) { emitAttention(op); })
      .Case([&](AttentionGradOp op) { emitAttentionGrad(op); })
      .Case([&](EmbeddingGradOp op) { emitScatterAdd(op); });
}

unsigned emitProgram(const ProgramPlan &plan, KernelOutliner &outliner, OpBuilder &builder,
                     bool tf32) {
  ProgramEmitter emitter(plan, outliner, builder, tf32);
  for (const Step &step : plan.steps)
    emitter.emit(step);
  for (auto [begin, end] : plan.zeroedGrads)
    emitter.zeroGrads(begin, end);
  return emitter.copies;
}

} // namespace swamla
