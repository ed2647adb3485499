//===- MatmulOps.td - matrix products, embedding -------------*- tablegen -*-===//
#ifndef SWAMLA_MATMUL_OPS_TD
#define SWAMLA_MATMUL_OPS_TD

include "dialects/Swamla/IR/PointwiseOps.td"

def Swamla_MatmulOp : Swamla_Op<"matmul", [Pure, AttrSizedOperandSegments, DeclareOpInterfaceMethods<Swamla_DifferentiableOpInterface>,
    DeclareOpInterfaceMethods<Swamla_CostOpInterface>, DeclareOpInterfaceMethods<Swamla_PrecisionOpInterface>,
    DeclareOpInterfaceMethods<Swamla_QuantizableOpInterface>]> {
  let summary = "op(a) op(b) + init, op(x) = x or its transpose";
  let description = [{
    A linear layer is `swamla.matmul %x, %w transpose_b`. With `init` the product is added to it, and its buffer taken over.
    The gradient with respect to a parameter's matmul is `swamla.matmul %dy, %x transpose_a`.
    Products are summed in f32 and rounded once; bf16 operands may give an f32 result (a parameter's gradient).

    f8 operands stand for numbers times a scale: `swamla.matmul %a, %b scales %sa, %sb transpose_b` is (sum over k of a[m, k] b[n, k]) * sa[m] * sb[n] + init, with one scale
    for a whole operand or one for each row of op(a) and each column of op(b). That product, with k contiguous in both, is the only one that Hopper has; others
    need a transposed copy. `fast_accum` allows partial sums in what matrix units keep, less than f32.
    (C1) operands and result are matrices; (C2) the shared dimensions agree; (C3) the result is [m, n]; (C4) init has the result's type;
    (C5) a and b have one element type, or f8E4M3FN and f8E5M2, not f8E5M2 both; (C6) the result has that type or f32; that of f8 operands bf16 or f32;
    (C7) scales are there exactly with f8 operands: both tensor<1xf32>, or tensor<m xf32> and tensor<n xf32>; (C8) f8 operands have transpose_b without transpose_a, and m, n
    and k are multiples of 16; (C9) fast_accum is for f8 operands.
  }];
  let arguments = (ins AnyStaticShapeTensor:$a, AnyStaticShapeTensor:$b, Optional<AnyStaticShapeTensor>:$init,
                       Optional<AnyStaticShapeTensor>:$a_scale, Optional<AnyStaticShapeTensor>:$b_scale,
                       UnitAttr:$transpose_a, UnitAttr:$transpose_b, UnitAttr:$fast_accum);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = [{$a `,` $b (`init` $init^)? (`scales` $a_scale^ `,` $b_scale)? (`transpose_a` $transpose_a^)? (`transpose_b` $transpose_b^)?
    (`fast_accum` $fast_accum^)? attr-dict `:` type(operands) `->` type($result)}];
  let builders = [
    /// A product of operands without scales.
    OpBuilder<(ins "::mlir::Type":$result, "::mlir::Value":$a, "::mlir::Value":$b, "::mlir::Value":$init, "bool":$transposeA, "bool":$transposeB), [{
      build($_builder, $_state, result, a, b, init, /*a_scale=*/{}, /*b_scale=*/{}, transposeA, transposeB, /*fast_accum=*/false);
    }]>,
    /// op(a) op(b)^T of f8 operands.
    OpBuilder<(ins "::mlir::Type":$result, "::mlir::Value":$a, "::mlir::Value":$b, "::mlir::Value":$init, "::mlir::Value":$aScale, "::mlir::Value":$bScale,
                   "bool":$fastAccum), [{
      build($_builder, $_state, result, a, b, init, aScale, bScale, /*transpose_a=*/false, /*transpose_b=*/true, fastAccum);
    }]>];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Whether the operands are f8 numbers with scales.
    bool isScaled() { return static_cast<bool>(getAScale()); }
  }];
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
