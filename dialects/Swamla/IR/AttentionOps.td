//===- AttentionOps.td - rotary embedding and attention ------*- tablegen -*-===//
#ifndef SWAMLA_ATTENTION_OPS_TD
#define SWAMLA_ATTENTION_OPS_TD

include "dialects/Swamla/IR/PointwiseOps.td"

def Swamla_RopeTableOp : Swamla_RowwiseOp<"rope_table", [Swamla_SetupTime, AllTypesMatch<["cos", "sin"]>]> {
  let summary = "cosines and signed sines of the rotary angles, tensor<T x D> each";
  let description = [{
    With angle(t, k) = (t / factor) * theta^(-2k / D): cos[t, 2k] = cos[t, 2k+1] = cos(angle), sin[t, 2k] = -sin(angle),
    sin[t, 2k+1] = sin(angle), so that the rotation is `x * cos + pair_swap(x) * sin`. Computed in f64, rounded once.
    (C1) the type is tensor<T x D>, D even; (C2) theta > 0, factor > 0.
  }];
  let arguments = (ins F64Attr:$theta, F64Attr:$factor);
  let results = (outs AnyStaticShapeTensor:$cos, AnyStaticShapeTensor:$sin);
  let assemblyFormat = "`theta` $theta `factor` $factor attr-dict `:` type($cos)";
  let hasVerifier = 1;
}

def Swamla_RopeOp : Swamla_RowwiseDiffOp<"rope", [AllTypesMatch<["x", "result"]>, AllTypesMatch<["cos", "sin"]>]> {
  let summary = "rotates the pairs (2k, 2k+1) of columns [offset, offset + D) of every head by the row's position";
  let description = [{
    x is tensor<M x (heads * W)>; cos and sin are tensor<T x D> (see rope_table), D <= W - offset; row m has position m mod T. Columns
    outside the range pass through: the fused form updates x in place. `inverse` rotates back (the gradient).
    (Su et al., arXiv:2104.09864)
    (C1) heads >= 1 divides the columns; (C2) cos is tensor<T x D>, D even; (C3) offset >= 0 and offset + D <= W; (C4) M is a multiple of T.
  }];
  let arguments = (ins AnyStaticShapeTensor:$x, AnyStaticShapeTensor:$cos, AnyStaticShapeTensor:$sin, I64Attr:$heads, I64Attr:$offset,
                       UnitAttr:$inverse);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$x `,` $cos `,` $sin `heads` $heads `offset` $offset (`inverse` $inverse^)? attr-dict `:` type($x) `,` type($cos)";
  let hasVerifier = 1;
}

def Swamla_LogitScaleTableOp : Swamla_RowwiseOp<"logit_scale_table", [Swamla_SetupTime]> {
  let summary = "log-n scaling of queries by position: clamp(log(base + floor((t + offset) / window)) / log(base), min, max), tensor<T>";
  let description = "(C1) the type is tensor<T>; (C2) base > 1, window >= 1; (C3) min <= max.";
  let arguments = (ins F64Attr:$base, I64Attr:$window, I64Attr:$offset, F64Attr:$min, OptionalAttr<F64Attr>:$max);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "`base` $base `window` $window `offset` $offset `min` $min (`max` $max^)? attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Swamla_ScaleRowsOp : Swamla_RowwiseDiffOp<"scale_rows", [AllTypesMatch<["x", "result"]>, Swamla_CheapToRecompute]> {
  let summary = "x[m, c] * scale[m mod T], scale a table without a gradient";
  let description = "(C1) x is tensor<M x C>, scale tensor<T>; (C2) M is a multiple of T.";
  let arguments = (ins AnyStaticShapeTensor:$x, AnyStaticShapeTensor:$scale);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$x `,` $scale attr-dict `:` type($x) `,` type($scale)";
  let hasVerifier = 1;
}

def Swamla_AttentionOp : Swamla_Op<"attention", [Pure, DeclareOpInterfaceMethods<Swamla_DifferentiableOpInterface>,
    DeclareOpInterfaceMethods<Swamla_CostOpInterface>, DeclareOpInterfaceMethods<Swamla_PrecisionOpInterface>]> {
  let summary = "softmax(scale * q k^T + mask) v for every sequence and head";
  let description = [{
    q: tensor<M x (H * Dqk)>, k: tensor<M x (Hkv * (Dqk - P))>, v: tensor<M x (Hkv * Dv)>, `shared`: tensor<M x P>, P further key columns
    that all heads have in common (the rotary key of MLA), after k's own; query head h reads KV head h / (H / Hkv). T = `seq`.
    Mask: query i sees key j of its sequence if j <= i and, where `window` is given, (i - j <= window or j < sink).
    Results: tensor<M x (H * Dv)> and, for the gradient, the row's log-sum-exp of the scaled scores, tensor<H x M x f32>: head by head, since a
    kernel reads those of consecutive rows of one head.
    (Dao, arXiv:2307.08691; DeepSeek-V2, arXiv:2405.04434)
    (C1) M is a multiple of seq; (C2) H is a multiple of Hkv; (C3) widths agree; (C4) window >= 0, sink >= 0, sink only with window.
  }];
  let arguments = (ins AnyStaticShapeTensor:$q, AnyStaticShapeTensor:$k, AnyStaticShapeTensor:$v, Optional<AnyStaticShapeTensor>:$shared,
                       I64Attr:$seq, I64Attr:$heads, I64Attr:$kv_heads, F64Attr:$scale, OptionalAttr<I64Attr>:$window,
                       DefaultValuedAttr<I64Attr, "0">:$sink);
  let results = (outs AnyStaticShapeTensor:$result, AnyStaticShapeTensor:$lse);
  let assemblyFormat = [{$q `,` $k `,` $v (`shared` $shared^)? `seq` $seq `heads` $heads `kv_heads` $kv_heads `scale` $scale
    (`window` $window^)? (`sink` $sink^)? attr-dict `:` type(operands) `->` type(results)}];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    int64_t getQkWidth();     ///< Dqk
    int64_t getSharedWidth(); ///< P, 0 without shared
    int64_t getVWidth();      ///< Dv
    int64_t getVisiblePairs(); ///< (query, key) pairs that one sequence's mask shows to one head
  }];
}

def Swamla_AttentionDeltaOp : Swamla_RowwiseOp<"attention_delta", [AllTypesMatch<["out", "dout"]>,
    DeclareOpInterfaceMethods<Swamla_PrecisionOpInterface>]> {
  let summary = "sum over a head's columns of out * dout: tensor<M x (H * Dv)> -> tensor<H x M x f32>";
  let description = "(C1) heads >= 1 divides the columns; (C2) the result is tensor<heads x M x f32>.";
  let arguments = (ins AnyStaticShapeTensor:$out, AnyStaticShapeTensor:$dout, I64Attr:$heads);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$out `,` $dout `heads` $heads attr-dict `:` type($out) `->` type($result)";
  let hasVerifier = 1;
}

def Swamla_AttentionGradOp : Swamla_Op<"attention_grad", [Pure, AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<Swamla_CostOpInterface>]> {
  let summary = "cotangents of attention's q, k, v; that of `shared` head by head";
  let description = [{
    Operands as in attention, then dout (the result's cotangent), lse, and delta (attention_delta of the result and dout) or, in its stead, `out`:
    attention's result. Results have the types of q, k, v; with `shared`, a fourth of tensor<M x (H * P)>, to be summed over heads; with `out`, a last
    one, delta, which the op then computes itself: what reads it in a kernel needs memory for it.
    (C1) to (C4) as attention; (C5) dout, out, lse and delta are shaped as attention's results; (C6) results as said, dshared if and only if shared;
    (C7) one of delta and out; a result delta if and only if out.
  }];
  let arguments = (ins AnyStaticShapeTensor:$q, AnyStaticShapeTensor:$k, AnyStaticShapeTensor:$v, Optional<AnyStaticShapeTensor>:$shared,
                       AnyStaticShapeTensor:$dout, AnyStaticShapeTensor:$lse, Optional<AnyStaticShapeTensor>:$delta,
                       Optional<AnyStaticShapeTensor>:$out, I64Attr:$seq, I64Attr:$heads, I64Attr:$kv_heads, F64Attr:$scale, OptionalAttr<I64Attr>:$window,
                       DefaultValuedAttr<I64Attr, "0">:$sink);
  let results = (outs AnyStaticShapeTensor:$dq, AnyStaticShapeTensor:$dk, AnyStaticShapeTensor:$dv, Variadic<AnyStaticShapeTensor>:$others);
  let assemblyFormat = [{$q `,` $k `,` $v (`shared` $shared^)? `,` $dout `,` $lse (`,` $delta^)? (`out` $out^)? `seq` $seq `heads` $heads
    `kv_heads` $kv_heads `scale` $scale (`window` $window^)? (`sink` $sink^)? attr-dict `:` type(operands) `->` type(results)}];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::Value getDshared();  ///< null without `shared`
    ::mlir::Value getNewDelta(); ///< null without `out`
  }];
}

#endif
