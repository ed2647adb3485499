//===- ParamOps.td - parameters, gradients, flat buffers -----*- tablegen -*-===//
#ifndef SWAMLA_PARAM_OPS_TD
#define SWAMLA_PARAM_OPS_TD

include "dialects/Swamla/IR/SwamlaDialect.td"
include "dialects/Swamla/IR/SwamlaInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/IR/SymbolInterfaces.td"

def Swamla_ParamOp : Swamla_Op<"param", [Symbol]> {
  let summary = "declares a parameter: name as in the oracle, type, initial distribution, decay group";
  let description = [{
    `init` is `normal(std)` or `constant(value)`. `decay` marks the parameters that weight decay applies to.
    `offset` (elements, in the flat buffers) is set by `--swamla-layout-params`.

    ```mlir
    swamla.param @"h.0.attn.q_proj.weight" : tensor<128x128xf32> init normal 2.000000e-02 decay
    ```
    (C1) the type is a tensor of f32; (C2) a normal distribution has a standard deviation >= 0; (C3) offset >= 0.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<AnyStaticShapeTensor>:$type,
                       BoolAttr:$init_normal, F64Attr:$init_value, UnitAttr:$decay, OptionalAttr<I64Attr>:$offset);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

def Swamla_ParamGroupOp : Swamla_Op<"param_group", [Symbol, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "weights that lie one after the other and so can be used as one matrix";
  let description = [{
    Matmuls that share an input become one matmul with the group as its weight: rows of the members, in order, without gaps.

    ```mlir
    swamla.param_group @"h.0.attn.qkv" [@"h.0.attn.q_proj.weight", ...] : tensor<384x128xf32>
    ```
    (C1) members are parameters, at least one; (C2) the type's leading dim is the sum of theirs, the other dims and the element type agree;
    (C3) members are in one decay group; (C4) offsets, once set, follow each other without gaps from the group's own.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, FlatSymbolRefArrayAttr:$members, TypeAttrOf<AnyStaticShapeTensor>:$type,
                       OptionalAttr<I64Attr>:$offset);
  let assemblyFormat = "$sym_name $members `:` $type (`offset` $offset^)? attr-dict";
}

def Swamla_GetParamOp : Swamla_Op<"get_param", [MemoryEffects<[MemRead]>, DeclareOpInterfaceMethods<SymbolUserOpInterface>,
    DeclareOpInterfaceMethods<Swamla_DifferentiableOpInterface>]> {
  let summary = "the value of a parameter or parameter group, or its working copy";
  let description = [{
    With bf16 elements the value is the working copy, rounded from the parameter by whoever changed it last (the optimizer, or the program `cast`).
    With f8E4M3FN elements it is the copy in the buffer `working.e4m3`: the parameter divided by a scale, rounded; `transposed` reads that copy's transpose,
    in `working.e4m3t`.

    ```mlir
    %w = swamla.get_param @"wte.weight" : tensor<256x128xbf16>
    ```
    (C1) names a parameter or parameter group; (C2) the type is its type, whose elements may be bf16 or f8E4M3FN instead;
    (C3) transposed is for matrices of f8E4M3FN, and swaps the dims.
  }];
  let arguments = (ins FlatSymbolRefAttr:$param, UnitAttr:$transposed);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$param (`transposed` $transposed^)? attr-dict `:` type($result)";
}

def Swamla_AddGradOp : Swamla_Op<"add_grad", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "adds a tensor to the gradient of a parameter or group";
  let description = "(C1) names a parameter or parameter group; (C2) the type is its type.";
  let arguments = (ins FlatSymbolRefAttr:$param, AnyStaticShapeTensor:$value);
  let assemblyFormat = "$param `,` $value attr-dict `:` type($value)";
}

def Swamla_GetGradOp : Swamla_Op<"get_grad", [MemoryEffects<[MemRead]>, DeclareOpInterfaceMethods<SymbolUserOpInterface>,
    DeclareOpInterfaceMethods<Swamla_PrecisionOpInterface>]> {
  let summary = "the gradient accumulated so far, as the initial value of an op that adds to it";
  let description = [{
    Always the `init` (or fused `outs`) of exactly one op, whose result goes to `swamla.set_grad` of the same parameter: the op then
    accumulates into the gradient buffer itself.
    (C1) names a parameter or parameter group; (C2) the type is its type.
  }];
  let arguments = (ins FlatSymbolRefAttr:$param);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$param attr-dict `:` type($result)";
}

def Swamla_SetGradOp : Swamla_Op<"set_grad", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "stores the gradient of a parameter";
  let description = "(C1) names a parameter or parameter group; (C2) the type is its type.";
  let arguments = (ins FlatSymbolRefAttr:$param, AnyStaticShapeTensor:$value);
  let assemblyFormat = "$param `,` $value attr-dict `:` type($value)";
}

//===----------------------------------------------------------------------===//
// Flat buffers, for the optimizer
//===----------------------------------------------------------------------===//

def Swamla_GetFlatOp : Swamla_Op<"get_flat", [MemoryEffects<[MemRead]>, DeclareOpInterfaceMethods<Swamla_PrecisionOpInterface>]> {
  let summary = "a range of a flat buffer (`params`, `working`, `grads`, or an optimizer state such as `adamw.m`), as rows";
  let description = [{
    ```mlir
    %p = swamla.get_flat "params" offset 0 : tensor<96x1024xf32>
    ```
    (C1) offset >= 0; (C2) elements are f32 in `params` and `grads`, bf16 in `working`, f32, bf16 or eight-bit floats elsewhere.
  }];
  let arguments = (ins StrAttr:$buffer, I64Attr:$offset);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$buffer `offset` $offset attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Swamla_SetFlatOp : Swamla_Op<"set_flat"> {
  let summary = "stores a range of a flat buffer";
  let description = "(C1) offset >= 0; (C2) elements are f32 in `params` and `grads`, bf16 in `working`, f32, bf16 or eight-bit floats elsewhere.";
  let arguments = (ins StrAttr:$buffer, I64Attr:$offset, AnyStaticShapeTensor:$value);
  let assemblyFormat = "$buffer `offset` $offset `,` $value attr-dict `:` type($value)";
  let hasVerifier = 1;
}

def Swamla_ScalarOp : Swamla_Op<"scalar", [Pure]> {
  let summary = "a number that the runtime supplies for each run of a program";
  let description = [{
    The names are the contract with the runtime: `lr beta1 beta2 eps weight_decay bias_correction1 bias_correction2 clip grad_scale
    loss_scale` (f32), `dropout_key position` (i32). `grad_scale` is 1 / (accumulation steps x ranks).
    (C1) the name is one of these; (C2) the type is tensor<1> of its element type.
  }];
  let arguments = (ins StrAttr:$name);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$name attr-dict `:` type($result)";
  let hasVerifier = 1;
}

#endif
