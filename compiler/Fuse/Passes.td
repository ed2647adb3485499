//===- Passes.td - the phases group and fuse -----------------*- tablegen -*-===//
// In the order of the pipeline: group-matmuls, chunk-loss (phase group); fold-delta (cuda), form-fused, fuse-rowwise, accumulate-grads, split-reductions.
#ifndef SWAMLA_FUSE_PASSES_TD
#define SWAMLA_FUSE_PASSES_TD

include "mlir/Pass/PassBase.td"

def GroupMatmulsPass : Pass<"swamla-group-matmuls", "::mlir::ModuleOp"> {
  let summary = "linear layers that read the same value become one matmul, forward and backward";
  let description = [{
    Matmuls of one value with several parameters (query, key and value; query and latent) become one matmul with a `swamla.param_group`, whose members
    the layout then puts one after the other, and a split. The same set of parameters gets the same group in every function; a function that uses only
    some of a group's members keeps its matmuls as they are.

    ```mlir
    %q = swamla.matmul %x, %wq transpose_b : ...
    %k = swamla.matmul %x, %wk transpose_b : ...
    // backward
    %dwk = swamla.matmul %dk, %x transpose_a : ...
    %dx0 = swamla.matmul %dk, %wk : ...
    swamla.add_grad @wk, %dwk : ...
    %dwq = swamla.matmul %dq, %x transpose_a : ...
    %dx1 = swamla.matmul %dq, %wq : ...
    swamla.add_grad @wq, %dwq : ...
    %dx = swamla.add %dx0, %dx1 : ...
    ```
    ==>
    ```mlir
    swamla.param_group @"wq+wk" [@wq, @wk] : ...
    %w = swamla.get_param @"wq+wk" : ...
    %qk = swamla.matmul %x, %w transpose_b : ...
    %q, %k = swamla.split %qk heads 1 : ...
    // backward
    %d = swamla.join %dq, %dk heads 1 : ...
    %dw = swamla.matmul %d, %x transpose_a : ...
    %dx = swamla.matmul %d, %w : ...
    swamla.add_grad @"wq+wk", %dw : ...
    ```

    The input gradient is joined where the members' contributions are only added up: [dq | dk] [Wq; Wk] = dq Wq + dk Wk. A recomputed input that only the
    joined weight gradient reads moves down to it, so that it is not held longer than before.
  }];
  let dependentDialects = ["::swamla::SwamlaDialect"];
}

def ChunkLossPass : Pass<"swamla-chunk-loss", "::mlir::func::FuncOp"> {
  let summary = "head and cross-entropy run over chunks of rows: the logits never exist all at once";
  let description = [{
    ```mlir
    %loss, %dx, %dw = swamla.linear_cross_entropy_grad %x, %w, %t, %dloss smoothing 0.0 : ...
    ```
    ==> (for each chunk)
    ```mlir
    %weight = swamla.target_weight %t : ...
    %x0 = swamla.slice_rows %x from 0 : ...
    %t0 = swamla.slice_rows %t from 0 : ...
    %logits0 = swamla.matmul %x0, %w transpose_b : ...
    %rows0, %dlogits0 = swamla.cross_entropy_rows_grad %logits0, %t0, %weight, %dloss smoothing 0.0 : ...
    %dw0 = swamla.matmul %dlogits0, %x0 transpose_a : ...
    %dx0 = swamla.matmul %dlogits0, %w : ...
    // %dw1 starts from %dw0, and so on
    %dx = swamla.join_rows %dx0, ... : ...
    %rows = swamla.join_rows %rows0, ... : ...
    %loss = swamla.sum %rows : ...
    ```
    `swamla.linear_cross_entropy` likewise, without the cotangents.
  }];
  let options = [Option<"rows", "rows", "int64_t", /*default=*/"0",
                        "rows of a chunk; 0: as many as make `logits-bytes` of logits, in chunks of nearly equal size">,
                 Option<"logitsBytes", "logits-bytes", "int64_t", /*default=*/"64 << 20", "about what a chunk's logits may occupy">];
  let dependentDialects = ["::swamla::SwamlaDialect"];
}

def FoldDeltaPass : Pass<"swamla-fold-delta", "::mlir::func::FuncOp"> {
  let summary = "attention's gradient computes delta itself";
  let description = [{
    A kernel that has dout in hand computes sum(out * dout) for one more read of out, where a pass of its own reads both. For the target cuda.
    Not where attention has a window and heads of more than 96 columns: there it was slower (docs/gpu-kernels.md).

    ```mlir
    %d = swamla.attention_delta %out, %dout heads 2 : ...
    %dq, %dk, %dv = swamla.attention_grad %q, %k, %v, %dout, %lse, %d seq 4 ... : ...
    ```
    ==>
    ```mlir
    %dq, %dk, %dv, %d = swamla.attention_grad %q, %k, %v, %dout, %lse out %out seq 4 ... : ...
    ```
  }];
}

def FormFusedPass : Pass<"swamla-form-fused", "::mlir::func::FuncOp"> {
  let summary = "every row-wise primitive becomes a swamla.fused";
  let description = [{
    Asks `RowwiseOpInterface` for domain, maps and arithmetic. An out that starts from an operand takes that operand, any other a `tensor.empty`.
    The label is the op's scope and name. An op that is computed once at load (SetupTime) leaves the unit attribute `setup` on its fused form; so does
    a constant tensor of one value, which becomes a fused op without ins.

    ```mlir
    %y = swamla.add %a, %b {scope = "h.0.mlp"} : tensor<4x8xf32>
    ```
    ==>
    ```mlir
    %e = tensor.empty() : tensor<4x8xf32>
    %y = swamla.fused [4 | 8] ins(%a, %b : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) label "h.0.mlp.add"
        maps [affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (m, c)>] {
    ^bb0(%x: f32, %z: f32, %init: f32):
      %s = arith.addf %x, %z : f32
      swamla.yield %s : f32
    } -> tensor<4x8xf32>
    ```
  }];
  let dependentDialects = ["::swamla::SwamlaDialect", "::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::tensor::TensorDialect"];
}

def FuseRowwisePass : Pass<"swamla-fuse-rowwise", "::mlir::func::FuncOp"> {
  let summary = "merges swamla.fused ops that pass values element by element, or read the same elements";
  let description = [{
    For each fused op, first to last, its neighbours above are tried, nearest first. Two ops of one domain merge where
      * one reads a result of the other with the map that it was stored with (residual add and norm; norm gradient and residual gradient), or
      * both read one tensor with one map (SwiGLU's gradient and its recomputed product; the rotations of query and key), and
      * no value between them would have to be computed from one and for the other.
    A reduction over rows is not complete before its op ends, so nothing that reads it merges with it. A result that is no longer used is dropped.

    Merging happens at the place of the later op; what lies between and reads the earlier op's results moves below. To keep lifetimes as they are the two
    are at most 64 ops apart, at most 8 ops move, and an op of the forward never merges with one that is recomputed for the backward.

    ```mlir
    %y = swamla.fused [4 | 8] ins(%a, %b : ...) outs(%e0 : ...) label "h.0.attn.add" ...
    %n = swamla.fused [4 | 8] ins(%y, %w : ...) outs(%e1 : ...) label "h.0.mlp.rms_norm" ...
    ```
    ==>
    ```mlir
    %y, %n = swamla.fused [4 | 8] ins(%a, %b, %w : ...) outs(%e0, %e1 : ...) label "h.0.attn.add+h.0.mlp.rms_norm" ...
    ```
  }];
  let dependentDialects = ["::swamla::SwamlaDialect"];
}

def AccumulateGradsPass : Pass<"swamla-accumulate-grads", "::mlir::func::FuncOp"> {
  let summary = "ops that compute a gradient add to the gradient buffer themselves";
  let description = [{
    After this pass no `swamla.add_grad` is left. A matmul or embedding gradient, or an out of a fused op, whose only use is an `add_grad` starts from
    `swamla.get_grad`, and its result goes to `swamla.set_grad`; a chain of matmuls, each starting from the one before, becomes one such pair for each.
    Any other value is added by a fused op of its own.

    ```mlir
    %dw = swamla.matmul %dy, %x transpose_a : ...
    swamla.add_grad @w, %dw : ...
    ```
    ==>
    ```mlir
    %g = swamla.get_grad @w : ...
    %dw = swamla.matmul %dy, %x init %g transpose_a : ...
    swamla.set_grad @w, %dw : ...
    ```

    With `overwrite` the first op for each parameter stores its result instead of adding it: the gradients need not be zero before.
  }];
  let options = [Option<"overwrite", "overwrite", "bool", /*default=*/"false",
                        "store the gradients of this micro step; do not add them to those of an earlier one">];
  let dependentDialects = ["::swamla::SwamlaDialect", "::mlir::arith::ArithDialect"];
}

def SplitReductionsPass : Pass<"swamla-split-reductions", "::mlir::func::FuncOp"> {
  let summary = "reductions over all rows become partial sums, one for each unit of work, and a second op that adds them up";
  let description = [{
    The number of units depends on the shapes alone, never on threads: the same input gives the same bits everywhere.

    ```mlir
    %dx, %dw = swamla.fused [2048 | 128] ins(...) outs(%e, %g : tensor<2048x128xf32>, tensor<128xf32>)
        maps [..., affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (c)>] ...
    ```
    ==>
    ```mlir
    %p = tensor.empty() : tensor<64x128xf32>
    %dx, %dw0 = swamla.fused [2048 | 128] ins(...) outs(%e, %p : tensor<2048x128xf32>, tensor<64x128xf32>)
        maps [..., affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (m floordiv 32, c)>] ...
    %dw = swamla.fused [64 | 128] ins(%dw0 : tensor<64x128xf32>) outs(%g : tensor<128xf32>)
        maps [affine_map<(k, c) -> (k, c)>, affine_map<(k, c) -> (c)>] ...
    ```
  }];
  let options = [Option<"maxUnits", "max-units", "int64_t", /*default=*/"64", "at most so many partial sums">,
                 Option<"minRows", "min-rows", "int64_t", /*default=*/"16", "at least so many rows in each">];
  let dependentDialects = ["::swamla::SwamlaDialect", "::mlir::tensor::TensorDialect"];
}

#endif
