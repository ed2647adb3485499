//===- EmitAffine.cpp - offset maps as integer arithmetic -----------------===//
#include "compiler/Kernels/EmitAffine.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace swamla {

Value emitAffine(ImplicitLocOpBuilder &builder, AffineExpr expr,
                 function_ref<Value(AffineExpr)> leaf) {
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return leaf(expr);
  Value lhs = emitAffine(builder, binary.getLHS(), leaf);
  Value rhs = emitAffine(builder, binary.getRHS(), leaf);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return builder.createOrFold<arith::AddIOp>(lhs, rhs);
  case AffineExprKind::Mul:
    return builder.createOrFold<arith::MulIOp>(lhs, rhs);
  case AffineExprKind::Mod:
    return builder.createOrFold<arith::RemUIOp>(lhs, rhs);
  default:
    assert(expr.getKind() == AffineExprKind::FloorDiv && "no ceildiv in offsets");
    return builder.createOrFold<arith::DivUIOp>(lhs, rhs);
  }
}

} // namespace swamla
