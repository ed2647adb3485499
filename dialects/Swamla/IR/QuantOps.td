//===- QuantOps.td - fp8 numbers and their scales ------------*- tablegen -*-===//
//
// A scale is a power of two and dequantises: real = q * scale. The largest number of a tensor (or row) decides it:
// scale = 2^ceil(log2(amax / max)), max = 448 (f8E4M3FN) or 57344 (f8E5M2). So x / scale is exact, and a number is rounded
// once, to nearest even, saturating at +-max. A scale is 1 where amax is 0, and NaN where amax is not finite.
//
//===----------------------------------------------------------------------===//
#ifndef SWAMLA_QUANT_OPS_TD
#define SWAMLA_QUANT_OPS_TD

include "dialects/Swamla/IR/PointwiseOps.td"

def Swamla_QuantizeOp : Swamla_RowwiseOp<"quantize"> {
  let summary = "x[m, c] / scale as fp8, or its transpose";
  let description = [{
    ```mlir
    %q = swamla.quantize %x scale %s : tensor<32x64xbf16>, tensor<1xf32> -> tensor<32x64xf8E4M3FN>
    %t = swamla.quantize %x scale %s transposed : tensor<32x64xbf16>, tensor<1xf32> -> tensor<64x32xf8E4M3FN>
    ```
    (C1) x is tensor<M x C> of f32 or bf16; (C2) scale is tensor<1xf32>, or tensor<Mxf32> with one for each row of x;
    (C3) the result is tensor<M x C>, transposed tensor<C x M>, of f8E4M3FN or f8E5M2.
  }];
  let arguments = (ins AnyStaticShapeTensor:$x, AnyStaticShapeTensor:$scale, UnitAttr:$transposed);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$x `scale` $scale (`transposed` $transposed^)? attr-dict `:` type($x) `,` type($scale) `->` type($result)";
  let hasVerifier = 1;
}

def Swamla_DequantizeOp : Swamla_RowwiseOp<"dequantize"> {
  let summary = "q[m, c] * scale: the numbers that fp8 codes stand for";
  let description = [{
    ```mlir
    %x = swamla.dequantize %q scale %s : tensor<32x64xf8E4M3FN>, tensor<32xf32> -> tensor<32x64xbf16>
    ```
    (C1) q is tensor<M x C> of f8E4M3FN or f8E5M2; (C2) scale is tensor<1xf32>, or tensor<Mxf32> with one for each row of q;
    (C3) the result is tensor<M x C> of f32 or bf16.
  }];
  let arguments = (ins AnyStaticShapeTensor:$q, AnyStaticShapeTensor:$scale);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$q `scale` $scale attr-dict `:` type($q) `,` type($scale) `->` type($result)";
  let hasVerifier = 1;
}

def Swamla_TransposeOp : Swamla_RowwiseOp<"transpose"> {
  let summary = "the transpose of an fp8 matrix: products want both operands contiguous along the dim that they sum over";
  let description = [{
    ```mlir
    %t = swamla.transpose %w : tensor<64x32xf8E4M3FN> -> tensor<32x64xf8E4M3FN>
    ```
    (C1) x is tensor<M x C> of f8E4M3FN or f8E5M2; (C2) the result is tensor<C x M> of the same.
  }];
  let arguments = (ins AnyStaticShapeTensor:$x);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
}

def Swamla_RowAmaxOp : Swamla_RowwiseOp<"row_amax"> {
  let summary = "max_c |x[m, c]|, and init[m] where that is larger: tensor<M x C> -> tensor<M>";
  let description = "A NaN in the row gives NaN. (C1) x is tensor<M x C> of f32 or bf16; (C2) init and the result are tensor<Mxf32>.";
  let arguments = (ins AnyStaticShapeTensor:$x, Optional<AnyStaticShapeTensor>:$init);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$x (`init` $init^)? attr-dict `:` type(operands) `->` type($result)";
  let hasVerifier = 1;
}

def Swamla_TensorScaleOp : Swamla_RowwiseOp<"tensor_scale"> {
  let summary = "the scale of a tensor whose rows have these amaxes: tensor<M> -> tensor<1>";
  let description = "(C1) rows are tensor<Mxf32>, the result tensor<1xf32>; (C2) the format is f8E4M3FN or f8E5M2.";
  let arguments = (ins AnyStaticShapeTensor:$rows, TypeAttr:$format);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$rows `for` $format attr-dict `:` type($rows) `->` type($result)";
  let hasVerifier = 1;
}

def Swamla_RowScaleOp : Swamla_RowwiseOp<"row_scale", [AllTypesMatch<["rows", "result"]>]> {
  let summary = "the scale of each row from its amax";
  let description = [{
    `columns` is the width of the rows: it makes the op part of the pass over memory that finds their amaxes.
    (C1) rows are tensor<Mxf32>; (C2) the format is f8E4M3FN or f8E5M2; (C3) columns >= 1.
  }];
  let arguments = (ins AnyStaticShapeTensor:$rows, TypeAttr:$format, I64Attr:$columns);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$rows `for` $format `columns` $columns attr-dict `:` type($rows)";
  let hasVerifier = 1;
}

def Swamla_ScaleColumnsOp : Swamla_RowwiseOp<"scale_columns", [AllTypesMatch<["x", "result"]>]> {
  let summary = "x[m, c] * scale[c]";
  let description = [{
    Moves the scales of a matrix along the dim that a product sums over to its other operand, where scales are powers of two and nothing is rounded.
    (C1) x is tensor<M x C>, scale tensor<Cxf32>.
  }];
  let arguments = (ins AnyStaticShapeTensor:$x, AnyStaticShapeTensor:$scale);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$x `by` $scale attr-dict `:` type($x) `,` type($scale)";
  let hasVerifier = 1;
}

def Swamla_UpdateScalesOp : Swamla_RowwiseOp<"update_scales", [AllTypesMatch<["amax", "new_amax"]>,
    AllTypesMatch<["scale", "new_scale"]>]> {
  let summary = "scales of all sites from the amaxes that they have seen, in place; the amaxes are left zero";
  let description = [{
    Row s of `amax` holds the amaxes of the rows of site s. With a history, newest first, the largest of them becomes its first entry, the others move
    on by one, and the largest of all decides the scale; what is not finite does not enter, and a site that has seen nothing yet keeps its
    first scale. Without one, the largest decides. Sites from `cotangents_from` on are cotangents, of the given format, and small: their first scale is
    2^-18 (f8E4M3FN) or 2^-24 (f8E5M2). The others are f8E4M3FN, and their first scale is 2^-4.
    (C1) amax is tensor<S x R x f32>; (C2) scale and each entry of the history are tensor<Sxf32>, and there is a result for each entry; (C3) 0 <= cotangents_from <= S;
    (C4) the format is f8E4M3FN or f8E5M2.
  }];
  let arguments = (ins AnyStaticShapeTensor:$amax, AnyStaticShapeTensor:$scale, Variadic<AnyStaticShapeTensor>:$history, I64Attr:$cotangents_from,
    TypeAttr:$format);
  let results = (outs AnyStaticShapeTensor:$new_amax, AnyStaticShapeTensor:$new_scale, Variadic<AnyStaticShapeTensor>:$new_history);
  let assemblyFormat = [{$amax `,` $scale (`history` `(` $history^ `)`)? `cotangents_from` $cotangents_from `as` $format attr-dict `:` type(operands) `->` type(results)}];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// The scaling state: buffers that outlive a step
//===----------------------------------------------------------------------===//

def Swamla_GetScalingOp : Swamla_Op<"get_scaling", [MemoryEffects<[MemRead]>]> {
  let summary = "a range of a buffer of the scaling state: `scale`, `amax` or `amax_history`";
  let description = [{
    ```mlir
    %s = swamla.get_scaling "scale" offset 12 : tensor<1xf32>
    %all = swamla.get_scaling "scale" offset 0 stride 4 : tensor<50xf32>
    ```
    Elements of a vector lie `stride` apart: products want scales at addresses of their own (kScaleStride).
    (C1) offset >= 0, in elements; (C2) elements are f32; (C3) the buffer is one of the three; (C4) stride >= 1, and 1 but for vectors.
  }];
  let arguments = (ins StrAttr:$buffer, I64Attr:$offset, DefaultValuedAttr<I64Attr, "1">:$stride);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$buffer `offset` $offset (`stride` $stride^)? attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Swamla_SetScalingOp : Swamla_Op<"set_scaling"> {
  let summary = "stores a range of a buffer of the scaling state";
  let description = [{
    (C1) offset >= 0, in elements; (C2) elements are f32; (C3) the buffer is `scale`, `amax` or `amax_history`; (C4) stride >= 1, and 1 but for vectors.
  }];
  let arguments = (ins StrAttr:$buffer, I64Attr:$offset, AnyStaticShapeTensor:$value, DefaultValuedAttr<I64Attr, "1">:$stride);
  let assemblyFormat = "$buffer `offset` $offset (`stride` $stride^)? `,` $value attr-dict `:` type($value)";
  let hasVerifier = 1;
}

#endif
