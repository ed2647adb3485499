//===- ViewOps.td - parts of tensors, without copies ---------*- tablegen -*-===//
// The planner turns these into offsets and strides: no bytes move unless a value would have to be in two places.
#ifndef SWAMLA_VIEW_OPS_TD
#define SWAMLA_VIEW_OPS_TD

include "dialects/Swamla/IR/SwamlaDialect.td"
include "dialects/Swamla/IR/SwamlaInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Swamla_SplitOp : Swamla_Op<"split", [Pure, DeclareOpInterfaceMethods<Swamla_DifferentiableOpInterface>]> {
  let summary = "splits the columns, or the columns of every head, into parts";
  let description = [{
    With `heads` = H, columns are H groups of width sum(widths); part i is `tensor<M x (H * widths[i])>`.

    ```mlir
    %k, %v = swamla.split %kv heads 16 : tensor<2048x4096xf32> -> tensor<2048x2048xf32>, tensor<2048x2048xf32>
    %q, %kv_a = swamla.split %y heads 1 : tensor<2048x3392xf32> -> tensor<2048x3072xf32>, tensor<2048x320xf32>
    ```
    (C1) at least one part, matrices with the rows and element type of the source; (C2) heads >= 1 divides the widths, which add up to the source's.
  }];
  let arguments = (ins AnyStaticShapeTensor:$source, I64Attr:$heads);
  let results = (outs Variadic<AnyStaticShapeTensor>:$parts);
  let assemblyFormat = "$source `heads` $heads attr-dict `:` type($source) `->` type($parts)";
  let hasVerifier = 1;
}

def Swamla_JoinOp : Swamla_Op<"join", [Pure, DeclareOpInterfaceMethods<Swamla_DifferentiableOpInterface>]> {
  let summary = "the inverse of split: parts side by side, head by head";
  let description = "(C1) at least one part, matrices with the rows and element type of the result; (C2) heads >= 1 divides the widths, which add up to the result's.";
  let arguments = (ins Variadic<AnyStaticShapeTensor>:$parts, I64Attr:$heads);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$parts `heads` $heads attr-dict `:` type($parts) `->` type($result)";
  let hasVerifier = 1;
}

def Swamla_SliceRowsOp : Swamla_Op<"slice_rows", [Pure]> {
  let summary = "rows [begin, begin + n) of a tensor (a vector's elements likewise)";
  let description = "(C1) the rows lie inside the source; (C2) the other dims and the element type agree.";
  let arguments = (ins AnyStaticShapeTensor:$source, I64Attr:$begin);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$source `from` $begin attr-dict `:` type($source) `->` type($result)";
  let hasVerifier = 1;
}

def Swamla_JoinRowsOp : Swamla_Op<"join_rows", [Pure]> {
  let summary = "tensors one below the other (vectors end to end)";
  let description = "(C1) at least one part, and the rows add up to the result's; (C2) the other dims and the element type agree.";
  let arguments = (ins Variadic<AnyStaticShapeTensor>:$parts);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$parts attr-dict `:` type($parts) `->` type($result)";
  let hasVerifier = 1;
}

#endif
