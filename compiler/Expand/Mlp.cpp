//===- Mlp.cpp - the second half of every block ---------------------------===//
#include "compiler/Expand/ProgramBuilder.h"
#include "dialects/Swamla/IR/VerifyUtils.h"

using namespace mlir;

namespace swamla {

/// x + dropout(down(silu(gate) * value)), value and gate the halves of gate_up(norm2(x)).
Value ProgramBuilder::mlp(StringRef name, Value x, Attribute norm2, FloatAttr p, bool bias) {
  enter(name + ".mlp", location);
  Value normed = norm(name + ".norm2", x, norm2);
  Value both = linear(name + ".mlp.gate_up_proj", normed, bias);
  int64_t half = tensorType(both).getDimSize(1) / 2;
  ValueRange parts = split(both, /*heads=*/1, {half, half});
  Value product = SwigluOp::create(b, location, parts[0].getType(), parts[0], parts[1]);
  Value down = linear(name + ".mlp.down_proj", product, bias);
  return add(x, dropout(down, p));
}

} // namespace swamla
