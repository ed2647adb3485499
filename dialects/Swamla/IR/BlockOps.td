//===- BlockOps.td - what a model file is written in ---------*- tablegen -*-===//
#ifndef SWAMLA_BLOCK_OPS_TD
#define SWAMLA_BLOCK_OPS_TD

include "dialects/Swamla/IR/SwamlaDialect.td"
include "dialects/Swamla/IR/SwamlaAttrs.td"
include "dialects/Swamla/IR/SwamlaInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"

def Swamla_ModelOp : Swamla_Op<"model", [Symbol, IsolatedFromAbove, SingleBlock,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmBlockArgumentNames"]>]> {
  let summary = "a language model: tokens and targets in, mean cross-entropy out";
  let description = [{
    One line per block. The batch is `?` until `--batch` (pass `swamla-specialize`) makes it static; the sequence length is static.

    ```mlir
    swamla.model @tiny {
    ^bb0(%tokens: tensor<?x256xi32>, %targets: tensor<?x256xi32>):
      %wte = swamla.embedding "wte" %tokens vocab 256 : tensor<?x256xi32> -> tensor<?x256x128xf32>
      %h.0 = swamla.swa_block "h.0" %wte heads 4 kv_heads 4 window 64 sink 4 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x256x128xf32>
      %h.1 = swamla.mla_block "h.1" %h.0 heads 4 kv_lora 64 nope 32 rope 16 v 32 theta 10000.0 lora_eps 1.0e-05 norm rms(eps 1.0e-06) : tensor<?x256x128xf32>
      %ln_f = swamla.norm "ln_f" %h.1 norm rms(eps 1.0e-06) : tensor<?x256x128xf32>
      swamla.lm_loss %ln_f, %targets tied "wte" vocab 256 : tensor<?x256x128xf32>, tensor<?x256xi32>
    }
    ```
    Constraints:
    (C1) two block arguments, tensor<? or B x T x i32>, of one type; (C2) ends in swamla.lm_loss; (C3) names of blocks are unique;
    (C4) `tied` names the embedding, with its vocabulary.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name attr-dict-with-keyword $body";
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

// A block's result is printed under the block's name: %h.0.
class Swamla_BlockOp<string mnemonic, list<Trait> traits = []> : Swamla_Op<mnemonic, !listconcat([Pure,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>], traits)>;

def Swamla_EmbeddingOp : Swamla_BlockOp<"embedding"> {
  let summary = "token embedding `NAME.weight` [vocab, C], then dropout";
  let description = "(C1) tokens are tensor<B x T x i32>, the result is tensor<B x T x C> of f32; (C2) vocab >= 1; (C3) 0 <= dropout < 1.";
  let arguments = (ins StrAttr:$name, AnyRankedTensor:$tokens, I64Attr:$vocab, DefaultValuedAttr<F64Attr, "0.0">:$dropout);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$name $tokens `vocab` $vocab (`dropout` custom<Number>($dropout)^)? attr-dict `:` type($tokens) `->` type($result)";
  let hasVerifier = 1;
}

def Swamla_SwaBlockOp : Swamla_BlockOp<"swa_block", [AllTypesMatch<["x", "result"]>]> {
  let summary = "x + attention(norm1(x)), then + swiglu_mlp(norm2(.)), sliding-window attention with a sink";
  let description = [{
    Parameters (prefix NAME): norm1, attn.{q,k,v,o}_proj, norm2, mlp.{gate_up,down}_proj; names and shapes as in the oracle.
    Head width D = C / heads. (C1) heads divides C; (C2) kv_heads divides heads; (C3) D is even; (C4) window >= 0, sink >= 0; (C5) 0 <= dropout < 1;
    (C6) norm is rms or dyt; (C7) theta > 0.
    (C8) x is tensor<B x T x C>; (C9) logit_scale has base > 1, window >= 1, min <= max.
  }];
  let arguments = (ins StrAttr:$name, AnyRankedTensor:$x, I64Attr:$heads, I64Attr:$kv_heads, I64Attr:$window, I64Attr:$sink,
                       F64Attr:$theta, AnyAttr:$norm, DefaultValuedAttr<F64Attr, "0.0">:$dropout,
                       OptionalAttr<Swamla_LogitScaleAttr>:$logit_scale, UnitAttr:$bias);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{$name $x `heads` $heads `kv_heads` $kv_heads `window` $window `sink` $sink `theta` custom<Number>($theta)
    `norm` custom<Norm>($norm) (`dropout` custom<Number>($dropout)^)? (`logit_scale` $logit_scale^)? (`bias` $bias^)? attr-dict `:` type($x)}];
  let hasVerifier = 1;
}

def Swamla_MlaBlockOp : Swamla_BlockOp<"mla_block", [AllTypesMatch<["x", "result"]>]> {
  let summary = "as swa_block, with causal multi-head latent attention (DeepSeek-V2, arXiv:2405.04434)";
  let description = [{
    Parameters (prefix NAME): norm1, attn.wq or attn.{wq_a,q_norm,wq_b} (with q_lora), attn.{wkv_a,kv_norm,wkv_b,wo}, norm2, mlp.*.
    (C1) heads, kv_lora, nope, v >= 1, rope even and >= 2; (C2) q_lora >= 0; (C3) 0 <= dropout < 1; (C4) norm is rms or dyt; (C5) theta, factor > 0.
    (C6) x is tensor<B x T x C>; (C7) lora_eps > 0.
  }];
  let arguments = (ins StrAttr:$name, AnyRankedTensor:$x, I64Attr:$heads, DefaultValuedAttr<I64Attr, "0">:$q_lora, I64Attr:$kv_lora, I64Attr:$nope, I64Attr:$rope,
                       I64Attr:$v, F64Attr:$theta, DefaultValuedAttr<F64Attr, "1.0">:$factor, F64Attr:$lora_eps, AnyAttr:$norm,
                       DefaultValuedAttr<F64Attr, "0.0">:$dropout, UnitAttr:$bias);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{$name $x `heads` $heads (`q_lora` $q_lora^)? `kv_lora` $kv_lora `nope` $nope `rope` $rope `v` $v
    `theta` custom<Number>($theta) (`factor` custom<Number>($factor)^)? `lora_eps` custom<Number>($lora_eps) `norm` custom<Norm>($norm)
    (`dropout` custom<Number>($dropout)^)? (`bias` $bias^)? attr-dict `:` type($x)}];
  let hasVerifier = 1;
}

def Swamla_NormOp : Swamla_BlockOp<"norm", [AllTypesMatch<["x", "result"]>]> {
  let summary = "the final norm";
  let description = "(C1) x is tensor<B x T x C>; (C2) norm is rms or dyt.";
  let arguments = (ins StrAttr:$name, AnyRankedTensor:$x, AnyAttr:$norm);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$name $x `norm` custom<Norm>($norm) attr-dict `:` type($x)";
  let hasVerifier = 1;
}

def Swamla_LmLossOp : Swamla_Op<"lm_loss", [Terminator]> {
  let summary = "head tied to the embedding, and cross-entropy over targets that are not -100";
  let description = "(C1) targets are tensor<B x T x i32> of the rows of x, tensor<B x T x C>; (C2) vocab >= 2; (C3) 0 <= smoothing < 1.";
  let arguments = (ins AnyRankedTensor:$x, AnyRankedTensor:$targets, StrAttr:$tied, I64Attr:$vocab,
                       DefaultValuedAttr<F64Attr, "0.0">:$smoothing);
  let assemblyFormat = "$x `,` $targets `tied` $tied `vocab` $vocab (`smoothing` custom<Number>($smoothing)^)? attr-dict `:` type($x) `,` type($targets)";
  let hasVerifier = 1;
}

#endif
