//===- MatmulOps.td - matrix products, embedding -------------*- tablegen -*-===//
#ifndef SWAMLA_MATMUL_OPS_TD
#define SWAMLA_MATMUL_OPS_TD

include "dialects/Swamla/IR/PointwiseOps.td"

def Swamla_MatmulOp : Swamla_Op<"matmul", [Pure, DeclareOpInterfaceMethods<Swamla_DifferentiableOpInterface>,
    DeclareOpInterfaceMethods<Swamla_CostOpInterface>, DeclareOpInterfaceMethods<Swamla_PrecisionOpInterface>]> {
  let summary = "op(a) op(b) + init, op(x) = x or its transpose";
  let description = [{
    A linear layer is `swamla.matmul %x, %w transpose_b`. With `init` the product is added to it, and its buffer taken over.
    The gradient with respect to a parameter's matmul is `swamla.matmul %dy, %x transpose_a`.
    Products are summed in f32 and rounded once; bf16 operands may give an f32 result (a parameter's gradient).
    (C1) operands and result are matrices; (C2) the shared dimensions agree; (C3) the result is [m, n]; (C4) init has the result's type;
    (C5) a and b have one element type, and the result has that or f32.
  }];
  let arguments = (ins AnyStaticShapeTensor:$a, AnyStaticShapeTensor:$b, Optional<AnyStaticShapeTensor>:$init,
                       UnitAttr:$transpose_a, UnitAttr:$transpose_b);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = [{$a `,` $b (`init` $init^)? (`transpose_a` $transpose_a^)? (`transpose_b` $transpose_b^)? attr-dict
    `:` type(operands) `->` type($result)}];
  let hasVerifier = 1;
}

def Swamla_EmbeddingLookupOp : Swamla_RowwiseDiffOp<"embedding_lookup"> {
  let summary = "row tokens[m] of a table: tensor<M xi32>, tensor<V x C> -> tensor<M x C>";
  let description = [{
    Tokens are valid by contract: whoever feeds them has checked 0 <= token < V.
    (C1) tokens are tensor<M xi32>; (C2) the result is tensor<M x C>.
  }];
  let arguments = (ins AnyStaticShapeTensor:$tokens, AnyStaticShapeTensor:$table);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$tokens `,` $table attr-dict `:` type($tokens) `,` type($table) `->` type($result)";
  let hasVerifier = 1;
}

def Swamla_EmbeddingGradOp : Swamla_Op<"embedding_grad", [Pure, DeclareOpInterfaceMethods<Swamla_CostOpInterface, ["getBytes"]>,
    DeclareOpInterfaceMethods<Swamla_PrecisionOpInterface>]> {
  let summary = "init with dy[m] added to row tokens[m], in order of m: tensor<V x C>";
  let description = "(C1) tokens are tensor<M xi32>, dy tensor<M x C>; (C2) the result is tensor<V x C> of dy's element type or f32, and init has its type.";
  let arguments = (ins AnyStaticShapeTensor:$tokens, AnyStaticShapeTensor:$dy, Optional<AnyStaticShapeTensor>:$init);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$tokens `,` $dy (`init` $init^)? attr-dict `:` type(operands) `->` type($result)";
  let hasVerifier = 1;
}

def Swamla_SelectRowOp : Swamla_RowwiseOp<"select_row"> {
  let summary = "row index[0] of x: tensor<M x C>, tensor<1xi32> -> tensor<1 x C>";
  let description = "(C1) index is tensor<1xi32>; (C2) the result is tensor<1 x C>.";
  let arguments = (ins AnyStaticShapeTensor:$x, AnyStaticShapeTensor:$index);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$x `,` $index attr-dict `:` type($x) `,` type($index) `->` type($result)";
  let hasVerifier = 1;
}

#endif
