//===- PointwiseOps.td - elementwise and small row-wise ops --*- tablegen -*-===//
#ifndef SWAMLA_POINTWISE_OPS_TD
#define SWAMLA_POINTWISE_OPS_TD

include "dialects/Swamla/IR/SwamlaDialect.td"
include "dialects/Swamla/IR/SwamlaInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"

// A primitive that becomes a swamla.fused.
class Swamla_RowwiseOp<string mnemonic, list<Trait> traits = []> : Swamla_Op<mnemonic, !listconcat([Pure,
    DeclareOpInterfaceMethods<Swamla_RowwiseOpInterface>], traits)>;
// ... and has a gradient rule.
class Swamla_RowwiseDiffOp<string mnemonic, list<Trait> traits = []> : Swamla_RowwiseOp<mnemonic, !listconcat([
    DeclareOpInterfaceMethods<Swamla_DifferentiableOpInterface>], traits)>;

def Swamla_AddOp : Swamla_RowwiseDiffOp<"add", [SameOperandsAndResultType, DeclareOpInterfaceMethods<Swamla_PrecisionOpInterface>]> {
  let summary = "lhs + rhs";
  let arguments = (ins AnyStaticShapeTensor:$lhs, AnyStaticShapeTensor:$rhs);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($result)";
}

def Swamla_BiasAddOp : Swamla_RowwiseDiffOp<"bias_add", [Swamla_CheapToRecompute, AllTypesMatch<["x", "result"]>]> {
  let summary = "x[m, c] + bias[c]";
  let description = "(C1) x is tensor<M x C>, bias tensor<C> of its element type or f32.";
  let arguments = (ins AnyStaticShapeTensor:$x, AnyStaticShapeTensor:$bias);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$x `,` $bias attr-dict `:` type($x) `,` type($bias)";
  let hasVerifier = 1;
}

def Swamla_ColumnSumOp : Swamla_RowwiseOp<"column_sum"> {
  let summary = "sum over rows: tensor<M x C> -> tensor<C> (bias gradients)";
  let description = "(C1) x is tensor<M x C>, the result tensor<C> of its element type or f32.";
  let arguments = (ins AnyStaticShapeTensor:$x);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
}

def Swamla_SumOp : Swamla_RowwiseOp<"sum"> {
  let summary = "sum of a vector: tensor<N> -> tensor<1>";
  let description = "(C1) x is tensor<N>, the result tensor<1>, of one element type.";
  let arguments = (ins AnyStaticShapeTensor:$x);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
}

def Swamla_HeadSumOp : Swamla_RowwiseOp<"head_sum"> {
  let summary = "sum over heads: tensor<M x (H * D)> -> tensor<M x D>";
  let description = "(C1) heads >= 1 and the widths agree.";
  let arguments = (ins AnyStaticShapeTensor:$x, I64Attr:$heads);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$x `heads` $heads attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
}

def Swamla_CastOp : Swamla_RowwiseOp<"cast"> {
  let summary = "the same numbers in another float type, rounded to nearest, ties to even, where it is narrower";
  let description = "(C1) x and the result have one shape and float elements.";
  let arguments = (ins AnyStaticShapeTensor:$x);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
}

def Swamla_SwigluOp : Swamla_RowwiseDiffOp<"swiglu", [SameOperandsAndResultType, Swamla_CheapToRecompute, Swamla_ReadsSavedF8]> {
  let summary = "silu(gate) * value (Shazeer, arXiv:2002.05202)";
  let arguments = (ins AnyStaticShapeTensor:$value, AnyStaticShapeTensor:$gate);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$value `,` $gate attr-dict `:` type($result)";
}

def Swamla_SwigluGradOp : Swamla_RowwiseOp<"swiglu_grad", [AllTypesMatch<["value", "gate", "dy", "dvalue", "dgate"]>,
    Swamla_ReadsSavedF8]> {
  let summary = "cotangents of swiglu's value and gate";
  let arguments = (ins AnyStaticShapeTensor:$value, AnyStaticShapeTensor:$gate, AnyStaticShapeTensor:$dy);
  let results = (outs AnyStaticShapeTensor:$dvalue, AnyStaticShapeTensor:$dgate);
  let assemblyFormat = "$value `,` $gate `,` $dy attr-dict `:` type($value)";
}

def Swamla_DropoutOp : Swamla_RowwiseDiffOp<"dropout", [AllTypesMatch<["x", "result"]>, Swamla_CheapToRecompute]> {
  let summary = "x / (1 - p) where random_uniform(key, site) >= p, else 0";
  let description = [{
    The mask is a function of key, site and position (see random_uniform): the gradient is the same op on the cotangent.
    (C1) 0 < p < 1; (C2) key is tensor<1xi32>; (C3) site >= 0.
  }];
  let arguments = (ins AnyStaticShapeTensor:$x, AnyStaticShapeTensor:$key, F64Attr:$p, I32Attr:$site);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$x `,` $key `p` $p `site` $site attr-dict `:` type($x) `,` type($key)";
  let hasVerifier = 1;
}

#endif
