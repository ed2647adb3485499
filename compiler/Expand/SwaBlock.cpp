//===- SwaBlock.cpp - swamla.swa_block to primitives ----------------------===//
#include "compiler/Expand/ProgramBuilder.h"
#include "dialects/Swamla/IR/VerifyUtils.h"

#include <cmath>

using namespace mlir;

namespace swamla {

/// Attention over a window and a sink; queries and keys rotated whole, queries optionally scaled by
/// position.
static Value attend(SwaBlockOp op, Value normed, ProgramBuilder &program) {
  OpBuilder &b = program.builder();
  std::string prefix = op.getName().str() + ".attn.";
  int64_t heads = op.getHeads(), kvHeads = op.getKvHeads();
  int64_t width = tensorType(normed).getDimSize(1) / heads;
  Value q = program.linear(prefix + "q_proj", normed, op.getBias());
  Value k = program.linear(prefix + "k_proj", normed, op.getBias());
  Value v = program.linear(prefix + "v_proj", normed, op.getBias());
  // rope_scaling_factor belongs to MLA: positions are not divided here.
  FloatAttr one = b.getF64FloatAttr(1.0);
  q = program.rope(q, heads, /*offset=*/0, width, op.getThetaAttr(), one);
  k = program.rope(k, kvHeads, /*offset=*/0, width, op.getThetaAttr(), one);
  if (op.getLogitScale())
    q = program.scaleRows(q, *op.getLogitScale());
  auto lse = RankedTensorType::get({heads, tensorType(q).getDimSize(0)}, b.getF32Type());
  double scale = 1.0 / std::sqrt(static_cast<double>(width));
  auto attention = AttentionOp::create(
      b, program.loc(), TypeRange{q.getType(), lse}, q, k, v, /*shared=*/Value(),
      b.getI64IntegerAttr(program.seq()), op.getHeadsAttr(), op.getKvHeadsAttr(),
      b.getF64FloatAttr(scale), op.getWindowAttr(), op.getSinkAttr());
  return program.linear(prefix + "o_proj", attention.getResult(), op.getBias());
}

Value expandSwaBlock(SwaBlockOp op, Value x, ProgramBuilder &program) {
  program.enter(op.getName() + ".attn", op.getLoc());
  Value normed = program.norm(op.getName() + ".norm1", x, op.getNorm());
  Value y = attend(op, normed, program);
  x = program.add(x, program.dropout(y, op.getDropoutAttr()));
  return program.mlp(op.getName(), x, op.getNorm(), op.getDropoutAttr(), op.getBias());
}

} // namespace swamla
