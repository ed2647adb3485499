//===- Passes.td - the precision phase -----------------------*- tablegen -*-===//
#ifndef SWAMLA_PRECISION_PASSES_TD
#define SWAMLA_PRECISION_PASSES_TD

include "mlir/Pass/PassBase.td"

def SetPrecisionPass : Pass<"swamla-set-precision", "::mlir::func::FuncOp"> {
  let summary = "gives activations, their cotangents and the weights of matmuls a narrower element type";
  let description = [{
    With `precision=bf16` every matrix of floats becomes bf16: activations, cotangents of activations, and what `get_param` reads, which then is the
    working copy. The formulas do not change: arithmetic is f32 inside every op, and each op rounds its results once.

    What stays f32:
    * vectors and single numbers: norm weights, biases, the loss and its rows, scalars;
    * tables (ops of SetupTime), and results that PrecisionOpInterface calls wide: statistics (log-sum-exp, delta), gradients of parameters;
    * results that it calls as-used, products of matrices, where all that reads them is `add_grad` or a return: they are summed in f32 anyway.

    Arguments and results of the function keep their types: a `swamla.cast` stands between where one is needed. `precision=fp32` changes nothing.

    ```mlir
    %w = swamla.get_param @w : tensor<8x4xf32>
    %y = swamla.matmul %x, %w transpose_b : tensor<16x4xf32>, tensor<8x4xf32> -> tensor<16x8xf32>
    ...
    %dw = swamla.matmul %dy, %x transpose_a : tensor<16x8xf32>, tensor<16x4xf32> -> tensor<8x4xf32>
    swamla.add_grad @w, %dw : tensor<8x4xf32>
    ```
    ==>
    ```mlir
    %w = swamla.get_param @w : tensor<8x4xbf16>
    %y = swamla.matmul %x, %w transpose_b : tensor<16x4xbf16>, tensor<8x4xbf16> -> tensor<16x8xbf16>
    ...
    %dw = swamla.matmul %dy, %x transpose_a : tensor<16x8xbf16>, tensor<16x4xbf16> -> tensor<8x4xf32>
    swamla.add_grad @w, %dw : tensor<8x4xf32>
    ```
    Comes after `swamla-remat`, which is about which values exist, and before any `swamla.fused`, whose region has its types written out.
  }];
  let options = [
    Option<"precision", "precision", "::swamla::Precision", /*default=*/"::swamla::Precision::Fp32", "element type of activations and working weights",
           [{::llvm::cl::values(clEnumValN(::swamla::Precision::Fp32, "fp32", "f32: nothing changes"),
                                clEnumValN(::swamla::Precision::Bf16, "bf16", "bf16, with f32 masters, gradients and statistics"))}]>
  ];
  let dependentDialects = ["::swamla::SwamlaDialect"];
  let statistics = [
    Statistic<"numNarrowed", "narrowed", "values that have become narrower">,
    Statistic<"numCasts", "casts", "casts inserted">
  ];
}

#endif
