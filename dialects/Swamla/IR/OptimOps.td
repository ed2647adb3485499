//===- OptimOps.td - optimizers over flat buffers ------------*- tablegen -*-===//
#ifndef SWAMLA_OPTIM_OPS_TD
#define SWAMLA_OPTIM_OPS_TD

include "dialects/Swamla/IR/PointwiseOps.td"

def Swamla_SquareSumOp : Swamla_RowwiseOp<"square_sum"> {
  let summary = "sum of squares of each row: tensor<R x W> -> tensor<R>";
  let description = "(C1) x is tensor<R x W>, the result tensor<R>.";
  let arguments = (ins AnyStaticShapeTensor:$x);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
}

def Swamla_ClipFactorOp : Swamla_RowwiseOp<"clip_factor", [AllTypesMatch<["square_sum", "grad_scale", "clip", "norm", "factor"]>]> {
  let summary = "norm = grad_scale * sqrt(square_sum); factor = grad_scale * min(1, clip / (norm + 1e-6)), all tensor<1>";
  let description = [{
    As torch.nn.utils.clip_grad_norm_; clip <= 0 means no clipping.
    (C1) all are tensor<1>.
  }];
  let arguments = (ins AnyStaticShapeTensor:$square_sum, AnyStaticShapeTensor:$grad_scale, AnyStaticShapeTensor:$clip);
  let results = (outs AnyStaticShapeTensor:$norm, AnyStaticShapeTensor:$factor);
  let assemblyFormat = "$square_sum `,` $grad_scale `,` $clip attr-dict `:` type($norm)";
  let hasVerifier = 1;
}

def Swamla_AdamwOp : Swamla_RowwiseOp<"adamw", [AllTypesMatch<["p", "g", "m", "v"]>]> {
  let summary = "one AdamW step on a range of the flat buffers, in place; the gradient is left zero, or as it is";
  let description = [{
    g' = factor * g; m = beta1 m + (1 - beta1) g'; v = beta2 v + (1 - beta2) g'^2;
    p = p (1 - lr * wd) - lr * (m / bias_correction1) / (sqrt(v / bias_correction2) + eps), wd = weight_decay if `decay`, else 0.
    (Loshchilov and Hutter, arXiv:1711.05101; as torch.optim.AdamW.) `scalars`: factor, lr, beta1, beta2, eps, weight_decay,
    bias_correction1, bias_correction2. Results: p, g (zero; may be left out), m, v.
    (C1) eight scalars of tensor<1>; (C2) results have the types of p, g, m, v.
  }];
  let arguments = (ins AnyStaticShapeTensor:$p, AnyStaticShapeTensor:$g, AnyStaticShapeTensor:$m, AnyStaticShapeTensor:$v,
                       Variadic<AnyStaticShapeTensor>:$scalars, UnitAttr:$decay);
  let results = (outs AnyStaticShapeTensor:$new_p, Optional<AnyStaticShapeTensor>:$new_g, AnyStaticShapeTensor:$new_m,
                      AnyStaticShapeTensor:$new_v);
  let assemblyFormat = "$p `,` $g `,` $m `,` $v `(` $scalars `)` (`decay` $decay^)? attr-dict `:` type(operands) `->` type(results)";
  let hasVerifier = 1;
}

def Swamla_LionOp : Swamla_RowwiseOp<"lion", [AllTypesMatch<["p", "g", "m"]>]> {
  let summary = "one Lion step on a range of the flat buffers, in place; the gradient is left zero, or as it is";
  let description = [{
    g' = factor * g; u = sign(beta1 m + (1 - beta1) g'); m = beta2 m + (1 - beta2) g'; p = p (1 - lr * wd) - lr * u
    (Chen et al., arXiv:2302.06675). `scalars`: factor, lr, beta1, beta2, weight_decay. Results: p, g (zero; may be left
    out), m.
    (C1) five scalars of tensor<1>; (C2) results have the types of p, g, m.
  }];
  let arguments = (ins AnyStaticShapeTensor:$p, AnyStaticShapeTensor:$g, AnyStaticShapeTensor:$m,
                       Variadic<AnyStaticShapeTensor>:$scalars, UnitAttr:$decay);
  let results = (outs AnyStaticShapeTensor:$new_p, Optional<AnyStaticShapeTensor>:$new_g, AnyStaticShapeTensor:$new_m);
  let assemblyFormat = "$p `,` $g `,` $m `(` $scalars `)` (`decay` $decay^)? attr-dict `:` type(operands) `->` type(results)";
  let hasVerifier = 1;
}

#endif
