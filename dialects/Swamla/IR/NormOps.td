//===- NormOps.td - normalisations and their gradients -------*- tablegen -*-===//
#ifndef SWAMLA_NORM_OPS_TD
#define SWAMLA_NORM_OPS_TD

include "dialects/Swamla/IR/PointwiseOps.td"

def Swamla_RmsNormOp : Swamla_RowwiseDiffOp<"rms_norm", [AllTypesMatch<["x", "result"]>, Swamla_CheapToRecompute]> {
  let summary = "weight[c] * x[m, c] * rsqrt(mean_c(x[m]^2) + eps) (Zhang and Sennrich, arXiv:1910.07467)";
  let description = "(C1) x is tensor<M x C>, weight tensor<C> of its element type or f32; (C2) eps > 0.";
  let arguments = (ins AnyStaticShapeTensor:$x, AnyStaticShapeTensor:$weight, F64Attr:$eps);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$x `,` $weight `eps` $eps attr-dict `:` type($x) `,` type($weight)";
  let hasVerifier = 1;
}

def Swamla_RmsNormGradOp : Swamla_RowwiseOp<"rms_norm_grad", [AllTypesMatch<["x", "dy", "dx"]>, AllTypesMatch<["weight", "dweight"]>]> {
  let summary = "cotangents of rms_norm's x and weight; the row statistics are recomputed from x";
  let description = "(C1) x is tensor<M x C>, weight tensor<C> of its element type or f32; (C2) eps > 0.";
  let arguments = (ins AnyStaticShapeTensor:$x, AnyStaticShapeTensor:$weight, AnyStaticShapeTensor:$dy, F64Attr:$eps);
  let results = (outs AnyStaticShapeTensor:$dx, AnyStaticShapeTensor:$dweight);
  let assemblyFormat = "$x `,` $weight `,` $dy `eps` $eps attr-dict `:` type($x) `,` type($weight)";
  let hasVerifier = 1;
}

def Swamla_LayerNormOp : Swamla_RowwiseDiffOp<"layer_norm", [AllTypesMatch<["x", "result"]>, AllTypesMatch<["weight", "bias"]>,
    Swamla_CheapToRecompute]> {
  let summary = "weight * (x - mean) * rsqrt(var + eps) + bias, var the biased variance (Ba et al., arXiv:1607.06450)";
  let description = "(C1) x is tensor<M x C>, weight tensor<C> of its element type or f32; (C2) eps > 0.";
  let arguments = (ins AnyStaticShapeTensor:$x, AnyStaticShapeTensor:$weight, AnyStaticShapeTensor:$bias, F64Attr:$eps);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$x `,` $weight `,` $bias `eps` $eps attr-dict `:` type($x) `,` type($weight)";
  let hasVerifier = 1;
}

def Swamla_LayerNormGradOp : Swamla_RowwiseOp<"layer_norm_grad", [AllTypesMatch<["x", "dy", "dx"]>,
    AllTypesMatch<["weight", "dweight", "dbias"]>]> {
  let summary = "cotangents of layer_norm's x, weight and bias";
  let description = "(C1) x is tensor<M x C>, weight tensor<C> of its element type or f32; (C2) eps > 0.";
  let arguments = (ins AnyStaticShapeTensor:$x, AnyStaticShapeTensor:$weight, AnyStaticShapeTensor:$dy, F64Attr:$eps);
  let results = (outs AnyStaticShapeTensor:$dx, AnyStaticShapeTensor:$dweight, AnyStaticShapeTensor:$dbias);
  let assemblyFormat = "$x `,` $weight `,` $dy `eps` $eps attr-dict `:` type($x) `,` type($weight)";
  let hasVerifier = 1;
}

def Swamla_DytOp : Swamla_RowwiseDiffOp<"dyt", [AllTypesMatch<["x", "result"]>, AllTypesMatch<["weight", "bias"]>,
    Swamla_CheapToRecompute]> {
  let summary = "tanh(alpha * x) * weight + bias (DynamicTanh, Zhu et al., arXiv:2503.10622); alpha: tensor<1>";
  let description = "(C1) x is tensor<M x C>, weight tensor<C> of its element type or f32; (C2) alpha is tensor<1>.";
  let arguments = (ins AnyStaticShapeTensor:$x, AnyStaticShapeTensor:$alpha, AnyStaticShapeTensor:$weight, AnyStaticShapeTensor:$bias);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$x `,` $alpha `,` $weight `,` $bias attr-dict `:` type($x) `,` type($alpha) `,` type($weight)";
  let hasVerifier = 1;
}

def Swamla_DytGradOp : Swamla_RowwiseOp<"dyt_grad", [AllTypesMatch<["x", "dy", "dx"]>, AllTypesMatch<["weight", "dweight", "dbias"]>]> {
  let summary = "cotangents of dyt; that of alpha as one partial sum for each row";
  let description = "(C1) x is tensor<M x C>, weight tensor<C> of its element type or f32; (C2) alpha is tensor<1>; (C3) dalpha_rows is tensor<M>.";
  let arguments = (ins AnyStaticShapeTensor:$x, AnyStaticShapeTensor:$alpha, AnyStaticShapeTensor:$weight, AnyStaticShapeTensor:$dy);
  let results = (outs AnyStaticShapeTensor:$dx, AnyStaticShapeTensor:$dalpha_rows, AnyStaticShapeTensor:$dweight,
                      AnyStaticShapeTensor:$dbias);
  let assemblyFormat = "$x `,` $alpha `,` $weight `,` $dy attr-dict `:` type($x) `,` type($alpha) `,` type($weight) `->` type($dalpha_rows)";
  let hasVerifier = 1;
}

#endif
