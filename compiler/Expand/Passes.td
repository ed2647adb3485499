//===- Passes.td - the expand phase --------------------------*- tablegen -*-===//
#ifndef SWAMLA_EXPAND_PASSES_TD
#define SWAMLA_EXPAND_PASSES_TD

include "mlir/Pass/PassBase.td"

def SpecializePass : Pass<"swamla-specialize", "::mlir::ModuleOp"> {
  let summary = "gives the model its batch: `?` becomes a number";
  let description = [{
    Every tensor of a `swamla.model` has the batch as its leading dim. A model that has one already keeps it; asking for another is an
    error.

    ```mlir
    %wte = swamla.embedding "wte" %tokens vocab 256 : tensor<?x256xi32> -> tensor<?x256x192xf32>
    ```
    ==> batch=8
    ```mlir
    %wte = swamla.embedding "wte" %tokens vocab 256 : tensor<8x256xi32> -> tensor<8x256x192xf32>
    ```
  }];
  let options = [Option<"batch", "batch", "int64_t", /*default=*/"0", "sequences in a batch; 0 keeps the model's own">];
}

def ExpandPass : Pass<"swamla-expand", "::mlir::ModuleOp"> {
  let summary = "blocks to primitives: the model becomes its parameters and the functions @loss, @eval and @logits";
  let description = [{
    The module's one `swamla.model`, which must have a static batch, is replaced by a `swamla.param` for each parameter, named and
    shaped as in the reference, and by

    * `@loss(tokens, targets)`: the mean cross-entropy, with dropout (sites are numbered in order);
    * `@eval(tokens, targets)`: the same without dropout;
    * `@logits(tokens)`: for one sequence, without dropout, the logits after the row `swamla.scalar "position"`; rows that follow
      are computed and not used.

    Activations lose their sequence dim: `tensor<B x T x C>` becomes `tensor<(B * T) x C>`. Each op has the part of the model that it
    comes from as its attribute `scope`: `embed`, `NAME.attn` and `NAME.mlp` of a block, `head`, or `setup` for tables.
    The module's attribute `swamla.model_info` keeps what is known of the model as a whole.

    ```mlir
    swamla.model @m {
    ^bb0(%tokens: tensor<2x8xi32>, %targets: tensor<2x8xi32>):
      %wte = swamla.embedding "wte" %tokens vocab 32 : tensor<2x8xi32> -> tensor<2x8x16xf32>
      swamla.lm_loss %wte, %targets tied "wte" vocab 32 : tensor<2x8x16xf32>, tensor<2x8xi32>
    }
    ```
    ==>
    ```mlir
    swamla.param @wte.weight : tensor<32x16xf32> init normal 2.000000e-02
    func.func @loss(%arg0: tensor<16xi32> {swamla.name = "tokens"}, %arg1: tensor<16xi32> {swamla.name = "targets"})
        -> (tensor<1xf32> {swamla.name = "loss"}) {
      %0 = swamla.get_param @wte.weight {scope = "embed"} : tensor<32x16xf32>
      %1 = swamla.embedding_lookup %arg0, %0 {scope = "embed"} : tensor<16xi32>, tensor<32x16xf32> -> tensor<16x16xf32>
      %2 = swamla.get_param @wte.weight {scope = "head"} : tensor<32x16xf32>
      %3 = swamla.linear_cross_entropy %1, %2, %arg1 smoothing 0.000000e+00 {scope = "head"} : ...
      return %3 : tensor<1xf32>
    }
    ...
    ```
  }];
  let dependentDialects = ["::swamla::SwamlaDialect", "::mlir::func::FuncDialect"];
}

#endif
