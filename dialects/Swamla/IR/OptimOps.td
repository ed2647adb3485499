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
    (Loshchilov and Hutter, arXiv:1711.05101; as torch.optim.AdamW.) `scalars`: factor, norm, lr, beta1, beta2, eps,
    weight_decay, bias_correction1, bias_correction2. Results: p, g (zero; may be left out), m, v.
    Where norm, that of all gradients, is not finite, p, m and v stay as they are.
    (C1) nine scalars of tensor<1>; (C2) results have the types of p, g, m, v.
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
    (Chen et al., arXiv:2302.06675). `scalars`: factor, norm, lr, beta1, beta2, weight_decay. Results: p, g (zero; may
    be left out), m. Where norm, that of all gradients, is not finite, p and m stay as they are.
    (C1) six scalars of tensor<1>; (C2) results have the types of p, g, m.
  }];
  let arguments = (ins AnyStaticShapeTensor:$p, AnyStaticShapeTensor:$g, AnyStaticShapeTensor:$m,
                       Variadic<AnyStaticShapeTensor>:$scalars, UnitAttr:$decay);
  let results = (outs AnyStaticShapeTensor:$new_p, Optional<AnyStaticShapeTensor>:$new_g, AnyStaticShapeTensor:$new_m);
  let assemblyFormat = "$p `,` $g `,` $m `(` $scalars `)` (`decay` $decay^)? attr-dict `:` type(operands) `->` type(results)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Narrow optimizer states
//===----------------------------------------------------------------------===//

def Swamla_StateFormat : I32EnumAttr<"StateFormat", "how an optimizer state is kept where it is not f32", [
    I32EnumAttrCase<"bf16", 0>, I32EnumAttrCase<"fp8", 1>, I32EnumAttrCase<"int8", 2>, I32EnumAttrCase<"int4", 3>]> {
  let cppNamespace = "::swamla";
}

def Swamla_StateOp : Swamla_Op<"state", [Symbol]> {
  let summary = "declares an optimizer state's buffer that has a shape of its own, not that of `params`";
  let description = [{
    For the state `adamw.m` in eight bits, and the scales of its blocks:
    ```mlir
    swamla.state @adamw.m : tensor<524288xi8>
    swamla.state @adamw.m.scale : tensor<2048xf32>
    ```
    swamla.get_flat and set_flat count its elements.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<AnyStaticShapeTensor>:$type);
  let assemblyFormat = "$sym_name `:` $type attr-dict";
}

class Swamla_NarrowStateOp<string mnemonic, list<Trait> traits = []> : Swamla_RowwiseOp<mnemonic, traits> {
  code formats = [{
    A row is a block. `bf16` has no scales. `fp8` is f8E4M3FN times the block's scale, its largest magnitude over 448. `int8` is the number of a magnitude, with
    a sign unless the state is `nonnegative`, times the block's largest; `int4` two of those in a byte, the low four bits for the first of two tensors, each
    with scales of its own. The numbers' magnitudes are those of compiler/Fuse/Rowwise/StateCodes.h.
    (C1) codes are tensor<R x C> of bf16, f8E4M3FN or i8, as the format has it; (C2) values are one tensor<R x C x f32>, two for int4; (C3) scales are
    one tensor<R x f32> for each of them, none for bf16}];
}

def Swamla_LoadStateOp : Swamla_NarrowStateOp<"load_state"> {
  let summary = "an optimizer state as f32";
  let description = !strconcat(formats, ".");
  let arguments = (ins Swamla_StateFormat:$format, UnitAttr:$nonnegative, AnyStaticShapeTensor:$codes, Variadic<AnyStaticShapeTensor>:$scales);
  let results = (outs Variadic<AnyStaticShapeTensor>:$values);
  let assemblyFormat = "$format (`nonnegative` $nonnegative^)? $codes (`scales` $scales^)? attr-dict `:` type(operands) `->` type($values)";
  let hasVerifier = 1;
}

def Swamla_StoreStateOp : Swamla_NarrowStateOp<"store_state", [AttrSizedOperandSegments]> {
  let summary = "an optimizer state in its format, over the old one; where the norm of the gradients is not finite the old one stays, to the bit";
  let description = !strconcat(formats, [{;
    (C4) norm is tensor<1xf32>; (C5) results have the types of codes and scales.
    A value is rounded once, to the nearest code. A `nonnegative` state's values never become zero where they were not: a step divides by it.
  }]);
  let arguments = (ins Swamla_StateFormat:$format, UnitAttr:$nonnegative, Variadic<AnyStaticShapeTensor>:$values, AnyStaticShapeTensor:$codes,
                       Variadic<AnyStaticShapeTensor>:$scales, AnyStaticShapeTensor:$norm);
  let results = (outs AnyStaticShapeTensor:$new_codes, Variadic<AnyStaticShapeTensor>:$new_scales);
  let assemblyFormat = [{$format (`nonnegative` $nonnegative^)? $values `over` $codes (`scales` $scales^)? `if_finite` $norm attr-dict
    `:` type(operands) `->` type(results)}];
  let hasVerifier = 1;
}

#endif
