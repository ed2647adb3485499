//===- MlaBlock.cpp - swamla.mla_block to primitives ----------------------===//
#include "compiler/Expand/ProgramBuilder.h"
#include "dialects/Swamla/IR/VerifyUtils.h"

#include <cmath>

using namespace mlir;

namespace swamla {

/// Queries: each head has `nope` plain columns, then `rope` rotated ones.
static Value queries(MlaBlockOp op, Value normed, ProgramBuilder &program) {
  std::string prefix = op.getName().str() + ".attn.";
  int64_t nope = op.getNope(), rope = op.getRope();
  Value q;
  if (op.getQLora() == 0) {
    q = program.linear(prefix + "wq", normed, op.getBias());
  } else {
    Value low = program.linear(prefix + "wq_a", normed, op.getBias());
    low = program.layerNorm(prefix + "q_norm", low, op.getLoraEpsAttr());
    q = program.linear(prefix + "wq_b", low, op.getBias());
  }
  return program.rope(q, op.getHeads(), /*offset=*/nope, rope, op.getThetaAttr(),
                      op.getFactorAttr());
}

/// Causal attention whose keys and values come from one latent; the rotary key is shared by all
/// heads.
static Value attend(MlaBlockOp op, Value normed, ProgramBuilder &program) {
  OpBuilder &b = program.builder();
  std::string prefix = op.getName().str() + ".attn.";
  int64_t heads = op.getHeads(), nope = op.getNope(), rope = op.getRope(), v = op.getV();
  int64_t kvLora = op.getKvLora();
  Value q = queries(op, normed, program);
  Value down = program.linear(prefix + "wkv_a", normed, op.getBias());
  ValueRange latentAndKey = program.split(down, /*heads=*/1, {kvLora, rope});
  Value latent = program.layerNorm(prefix + "kv_norm", latentAndKey[0], op.getLoraEpsAttr());
  Value shared = program.rope(latentAndKey[1], /*heads=*/1, /*offset=*/0, rope, op.getThetaAttr(),
                              op.getFactorAttr());
  Value up = program.linear(prefix + "wkv_b", latent, op.getBias());
  ValueRange keysAndValues = program.split(up, heads, {nope, v});
  int64_t rows = tensorType(q).getDimSize(0);
  auto out = RankedTensorType::get({rows, heads * v}, b.getF32Type());
  auto lse = RankedTensorType::get({heads, rows}, b.getF32Type());
  double scale = 1.0 / std::sqrt(static_cast<double>(nope + rope));
  auto attention = AttentionOp::create(
      b, program.loc(), TypeRange{out, lse}, q, keysAndValues[0], keysAndValues[1], shared,
      b.getI64IntegerAttr(program.seq()), op.getHeadsAttr(), op.getHeadsAttr(),
      b.getF64FloatAttr(scale), /*window=*/IntegerAttr(), b.getI64IntegerAttr(0));
  return program.linear(prefix + "wo", attention.getResult(), op.getBias());
}

Value expandMlaBlock(MlaBlockOp op, Value x, ProgramBuilder &program) {
  program.enter(op.getName() + ".attn", op.getLoc());
  Value normed = program.norm(op.getName() + ".norm1", x, op.getNorm());
  Value y = attend(op, normed, program);
  x = program.add(x, program.dropout(y, op.getDropoutAttr()));
  return program.mlp(op.getName(), x, op.getNorm(), op.getDropoutAttr(), op.getBias());
}

} // namespace swamla
