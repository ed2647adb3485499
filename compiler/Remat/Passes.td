//===- Passes.td - the remat phase ---------------------------*- tablegen -*-===//
#ifndef SWAMLA_REMAT_PASSES_TD
#define SWAMLA_REMAT_PASSES_TD

include "mlir/Pass/PassBase.td"

def RematPass : Pass<"swamla-remat", "::mlir::func::FuncOp"> {
  let summary = "decides which forward values the backward of @micro_step keeps and which it recomputes";
  let description = [{
    A value that the forward defines and the backward uses is saved: it occupies memory in between. (The value of an op without
    operands, such as a parameter or a table, is in memory anyway and does not count.) This pass gives the backward its own clones of
    forward ops instead: the same op on the same inputs, so the same bits.

    In every mode an op marked CheapToRecompute (norms, swiglu, ...) is recomputed where all its operands are saved anyway or can be
    recomputed themselves; so is the product of a narrow matrix with a wide one (at most 256 terms, at least 12 times as many columns), such as that of MLA's latent:
    it takes as long as writing its result. `checkpoint` adds whole parts of blocks, found by their `scope`:

    | checkpoint | recomputed besides                           | what a block keeps                                     |
    |------------|----------------------------------------------|--------------------------------------------------------|
    | `none`     | nothing                                      | residual stream, matmul results, attention's operands  |
    | `qkv`      | queries, keys and values of `*.attn`         | the same, less those                           |
    | `mlp`      | scopes `*.mlp`                               | as `none`, less the MLP's hidden layer                 |
    | `attn`     | scopes `*.attn`                              | residual stream and the MLP's hidden layer             |
    | `block`    | both; a block's two scopes are one part      | the residual stream at its entry                       |

    What leaves such a part (the residual stream) is always kept. Only what the backward asks for is recomputed. A value is
    recomputed once; its clones stand immediately before the first backward op that needs them, in the forward's order, and have the
    unit attribute `recompute`. An op that only the backward used is moved instead and becomes `backward`.
    Nothing after this pass may merge equal ops (no CSE): it would undo it.

    ```mlir
    %n = swamla.rms_norm %x, %w eps 1.0e-6 : ...
    %y = swamla.matmul %n, %p transpose_b : ...
    // backward
    %dp = swamla.matmul %dy, %n transpose_a {backward} : ...
    ```
    ==>
    ```mlir
    %n = swamla.rms_norm %x, %w eps 1.0e-6 : ...
    %y = swamla.matmul %n, %p transpose_b : ...
    // backward
    %n2 = swamla.rms_norm %x, %w eps 1.0e-6 {recompute} : ...
    %dp = swamla.matmul %dy, %n2 transpose_a {backward} : ...
    ```
  }];
  let options = [
    Option<"checkpoint", "checkpoint", "::swamla::Checkpoint", /*default=*/"::swamla::Checkpoint::None",
           "what is recomputed besides cheap ops", [{::llvm::cl::values(
             clEnumValN(::swamla::Checkpoint::None, "none", "nothing"),
             clEnumValN(::swamla::Checkpoint::Qkv, "qkv", "queries, keys and values"),
             clEnumValN(::swamla::Checkpoint::Mlp, "mlp", "the MLPs"),
             clEnumValN(::swamla::Checkpoint::Attn, "attn", "the attention parts"),
             clEnumValN(::swamla::Checkpoint::Block, "block", "whole blocks, from the residual stream at their entry"))}]>,
    Option<"remarks", "remarks", "bool", /*default=*/"false",
           "remark on each function how many bytes are saved for its backward, before and after">
  ];
  let dependentDialects = ["::swamla::SwamlaDialect"];
}

#endif
