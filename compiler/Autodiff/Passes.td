//===- Passes.td - the autodiff phase ------------------------*- tablegen -*-===//
#ifndef SWAMLA_AUTODIFF_PASSES_TD
#define SWAMLA_AUTODIFF_PASSES_TD

include "mlir/Pass/PassBase.td"

def AutodiffPass : Pass<"swamla-autodiff", "::mlir::ModuleOp"> {
  let summary = "reverse-mode differentiation: @loss becomes @micro_step, forward and backward in one function";
  let description = [{
    Visits the ops of `@loss` backwards and asks each for its rule (`DifferentiableOpInterface`). The backward is emitted after the
    forward, in its strict reverse order, so that values saved for it die last in, first out. Where a value has several uses its
    cotangents are added; where a rule has side effects only (`swamla.get_param` adds to a gradient) it is applied to each
    contribution at once, so that no gradient waits in memory for another one. Only ops that parameters reach are differentiated;
    what nobody uses afterwards is dropped. Backward ops have the unit attribute `backward` and the `scope` of their forward op.

    ```mlir
    func.func @loss(%tokens: tensor<4xi32>, %targets: tensor<4xi32>) -> tensor<1xf32> {
      %w = swamla.get_param @"wte.weight" : tensor<8x2xf32>
      %x = swamla.embedding_lookup %tokens, %w : tensor<4xi32>, tensor<8x2xf32> -> tensor<4x2xf32>
      %l = swamla.linear_cross_entropy %x, %w, %targets smoothing 0.0 : ...
      return %l : tensor<1xf32>
    }
    ```
    ==>
    ```mlir
    func.func @micro_step(%tokens: tensor<4xi32>, %targets: tensor<4xi32>) -> tensor<1xf32> {
      %w = swamla.get_param @"wte.weight" : tensor<8x2xf32>
      %x = swamla.embedding_lookup %tokens, %w : tensor<4xi32>, tensor<8x2xf32> -> tensor<4x2xf32>
      %s = swamla.scalar "loss_scale" {backward} : tensor<1xf32>
      %l, %dx, %dw0 = swamla.linear_cross_entropy_grad %x, %w, %targets, %s smoothing 0.0 {backward} : ...
      swamla.add_grad @"wte.weight", %dw0 {backward} : tensor<8x2xf32>
      %dw1 = swamla.embedding_grad %tokens, %dx {backward} : tensor<4xi32>, tensor<4x2xf32> -> tensor<8x2xf32>
      swamla.add_grad @"wte.weight", %dw1 {backward} : tensor<8x2xf32>
      return %l : tensor<1xf32>
    }
    ```

    Functions with the unit attribute `swamla.differentiate` are differentiated too, under their own name. The seed of a function
    whose only result is `tensor<1xf32>` is `swamla.scalar "loss_scale"`; any other function gets one more argument for each float
    result, the result's cotangent: it becomes the vector-Jacobian product.
  }];
  let options = [
    Option<"wrtArgs", "wrt-args", "bool", /*default=*/"false",
           "also differentiate by float arguments: their cotangents become further results">
  ];
  let dependentDialects = ["::swamla::SwamlaDialect", "::mlir::arith::ArithDialect"];
}

#endif
