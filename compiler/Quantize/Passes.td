//===- Passes.td - the quantize phase ------------------------*- tablegen -*-===//
#ifndef SWAMLA_QUANTIZE_PASSES_TD
#define SWAMLA_QUANTIZE_PASSES_TD

include "mlir/Pass/PassBase.td"

def QuantizePass : Pass<"swamla-quantize", "::mlir::ModuleOp"> {
  let summary = "the products of linear layers multiply fp8 numbers";
  let description = [{
    Asks `QuantizableOpInterface` for the products of linear layers, forward and backward. Activations and weights become f8E4M3FN, cotangents
    what `gradients` says. Without `forward` the forward's products stay bf16.
    A value is quantised once for each orientation, next to the op that makes it, so that both can become one pass over memory; what the backward
    computes again takes the scale that the forward has found.

    * `tensorwise`: `row_amax` of the value, `tensor_scale` of that; quantising comes in a second pass over the value.
    * `delayed`: the scale is read from the buffer `scale`; in @micro_step the amaxes of rows go to the buffer `amax`, from which @apply computes the
      scales of the next step.
    * `rowwise`: `row_scale` of `row_amax`; the scales of a weight's rows, which dx = dy W sums over, go into dy before that is quantised; dW = dy^T x stays bf16.

    Weights are read as fp8 copies, straight and transposed, which the optimizer makes; with `weights-once` there are only straight ones, which the backward
    transposes, each right before the product that reads it. A layer whose m, n or k is no multiple of 16 stays bf16, with a
    remark; so does the head, without `head`.

    ```mlir
    %w = swamla.get_param @w : tensor<64x32xbf16>
    %y = swamla.matmul %x, %w transpose_b : tensor<16x32xbf16>, tensor<64x32xbf16> -> tensor<16x64xbf16>
    ```
    ==> (tensorwise)
    ```mlir
    %rows = swamla.row_amax %x : tensor<16x32xbf16> -> tensor<16xf32>
    %sx = swamla.tensor_scale %rows for f8E4M3FN : tensor<16xf32> -> tensor<1xf32>
    %q = swamla.quantize %x scale %sx : tensor<16x32xbf16>, tensor<1xf32> -> tensor<16x32xf8E4M3FN>
    %w = swamla.get_param @w : tensor<64x32xf8E4M3FN>
    %sw = swamla.get_scaling "scale" offset 0 : tensor<1xf32>
    %y = swamla.matmul %q, %w scales %sx, %sw transpose_b fast_accum : ... -> tensor<16x64xbf16>
    ```
    The module's attribute `swamla.scaling` says what the scaling state is; the attribute `scale_site` of a parameter or group where its scale lies in it.
  }];
  let options = [
    Option<"recipe", "recipe", "::swamla::Recipe", /*default=*/"::swamla::Recipe::Tensorwise", "where scales come from",
           [{::llvm::cl::values(clEnumValN(::swamla::Recipe::Tensorwise, "tensorwise", "from the tensor"),
                                clEnumValN(::swamla::Recipe::Delayed, "delayed", "from earlier steps"),
                                clEnumValN(::swamla::Recipe::Rowwise, "rowwise", "from each row"))}]>,
    Option<"gradients", "gradients", "::swamla::GradientFormat", /*default=*/"::swamla::GradientFormat::E4M3", "the format of cotangents",
           [{::llvm::cl::values(clEnumValN(::swamla::GradientFormat::E4M3, "e4m3", "f8E4M3FN"),
                                clEnumValN(::swamla::GradientFormat::E5M2, "e5m2", "f8E5M2"))}]>,
    Option<"forward", "forward", "bool", /*default=*/"true", "the products of the forward, too">,
    Option<"head", "head", "bool", /*default=*/"false", "the products of the head, too">,
    Option<"weightsOnce", "weights-once", "bool", /*default=*/"false", "only the straight fp8 copies of weights are kept; the backward transposes them">
  ];
  let dependentDialects = ["::swamla::SwamlaDialect", "::mlir::arith::ArithDialect"];
  let statistics = [
    Statistic<"numQuantized", "quantized", "products of fp8 operands">,
    Statistic<"numCopies", "copies", "fp8 copies of activations and cotangents">
  ];
}

def SaveF8Pass : Pass<"swamla-save-f8", "::mlir::func::FuncOp"> {
  let summary = "the backward reads results of fp8 products that it can do with in eight bits as f8E4M3FN";
  let description = [{
    An op with the trait ReadsSavedF8 (`swiglu`, `swiglu_grad`) in the backward, whose operand is the result of an fp8 product of the forward or a part of it, reads that
    rounded to f8E4M3FN, with a scale for each row. What lives from the forward to the backward is then half as large. The forward itself reads the value as it is.

    Where the product is computed again (`--checkpoint=mlp`), its result is rounded there, so that checkpoint modes have the same bits.

    ```mlir
    %y = swamla.matmul %x, %w scales %sx, %sw transpose_b fast_accum : ... -> tensor<16x128xbf16>
    %v, %g = swamla.split %y heads 1 : ...
    // backward
    %dv, %dg = swamla.swiglu_grad %v, %g, %dh {backward} : tensor<16x64xbf16>
    ```
    ==> (and the same for %g)
    ```mlir
    %rows = swamla.row_amax %v : tensor<16x64xbf16> -> tensor<16xf32>
    %s = swamla.row_scale %rows for f8E4M3FN columns 64 : tensor<16xf32>
    %q = swamla.quantize %v scale %s : tensor<16x64xbf16>, tensor<16xf32> -> tensor<16x64xf8E4M3FN>
    // backward
    %v2 = swamla.dequantize %q scale %s {backward} : tensor<16x64xf8E4M3FN>, tensor<16xf32> -> tensor<16x64xbf16>
    %dv, %dg = swamla.swiglu_grad %v2, %g2, %dh {backward} : tensor<16x64xbf16>
    ```
  }];
  let dependentDialects = ["::swamla::SwamlaDialect"];
  let statistics = [Statistic<"numRounded", "rounded", "values that the backward reads as fp8">];
}

def BuildScalingPass : Pass<"swamla-build-scaling", "::mlir::ModuleOp"> {
  let summary = "the programs that make scales and the fp8 copies of weights";
  let description = [{
    Does nothing to a module without fp8 products. Otherwise:

    * @apply first turns the amaxes of all sites into scales, in one op (`update_scales`), and last makes the fp8 copies of the weights, straight and
      transposed, in one pass over each. For the recipes `tensorwise` and `delayed` the scale of a weight is that of its value before the update; its amaxes
      are stored for the next. For `rowwise` it is that of each new row.
    * @cast makes the copies from the parameters alone, each with the scale that the matrix has now.
    * @recast (`tensorwise`, `delayed`) makes them from parameters and scales: what a run that goes on from a checkpoint had.
    * @calibrate (`delayed`) turns the amaxes that a micro step has seen into scales, and clears the gradients.
  }];
  let dependentDialects = ["::swamla::SwamlaDialect", "::mlir::arith::ArithDialect"];
}

#endif
