//===- Passes.td - the optimizer phase -----------------------*- tablegen -*-===//
#ifndef SWAMLA_OPTIMIZER_PASSES_TD
#define SWAMLA_OPTIMIZER_PASSES_TD

include "mlir/Pass/PassBase.td"

def LayoutParamsPass : Pass<"swamla-layout-params", "::mlir::ModuleOp"> {
  let summary = "gives every parameter its place in the flat buffers";
  let description = [{
    Parameters with weight decay come first, then the others, each in the order of declaration; a group's members lie together at the place of the
    first, without gaps. A parameter outside a group, and a group, starts at a multiple of 64 elements; each of the two ranges is padded to a multiple
    of 1024. The padding is zero and stays zero under every optimizer.

    ```mlir
    swamla.param @a : tensor<100xf32> init constant 1.0
    swamla.param @b : tensor<3x64xf32> init normal 0.02 decay
    ```
    ==>
    ```mlir
    module attributes {swamla.flat_decay = 1024 : i64, swamla.flat_total = 2048 : i64} {
      swamla.param @a : tensor<100xf32> init constant 1.0 offset 1024
      swamla.param @b : tensor<3x64xf32> init normal 0.02 decay offset 0
    }
    ```
  }];
  let dependentDialects = ["::swamla::SwamlaDialect"];
}

def BuildOptimizerPass : Pass<"swamla-build-optimizer", "::mlir::ModuleOp"> {
  let summary = "adds @apply: gradient norm, clipping, and the update of all parameters; @cast: their working copies";
  let description = [{
    Works on ranges of the flat buffers, whatever the parameters in them: one update for those with weight decay, one for the others. The gradient is
    left zero for the next micro steps. Where a function reads parameters of a range as bf16, the update also writes their working copies, and @cast
    makes those from the parameters as they are. The module attribute `swamla.optimizer` records the kind.

    States that are not f32 are read by swamla.load_state and written by swamla.store_state, all around the same update; rows are blocks then, and
    swamla.state declares buffers of another shape than that of `params`. Two halves of a range share the bytes of int4: element e of the first half has the
    low four bits of byte e, that of the second half the high four. The module attribute `swamla.optimizer_state` records the format.

    ```mlir
    module attributes {swamla.flat_decay = 2048 : i64, swamla.flat_total = 2048 : i64} {}
    ```
    ==>
    ```mlir
    func.func @apply() -> (tensor<1xf32> {swamla.name = "grad_norm"}) {
      %all = swamla.get_flat "grads" offset 0 : tensor<2x1024xf32>
      %rows = swamla.square_sum %all : tensor<2x1024xf32> -> tensor<2xf32>
      %sum = swamla.sum %rows : tensor<2xf32> -> tensor<1xf32>
      %norm, %factor = swamla.clip_factor %sum, %grad_scale, %clip : tensor<1xf32>
      %p = swamla.get_flat "params" offset 0 : tensor<2x1024xf32>
      ...
      %p1, %g1, %m1, %v1 = swamla.adamw %p, %g, %m, %v (%factor, %lr, ...) decay : ...
      swamla.set_flat "params" offset 0, %p1 : tensor<2x1024xf32>
      ...
      return %norm : tensor<1xf32>
    }
    ```
  }];
  let options = [
    Option<"kind", "kind", "::swamla::OptimizerKind", /*default=*/"::swamla::OptimizerKind::Adamw", "how parameters are updated",
           [{::llvm::cl::values(clEnumValN(::swamla::OptimizerKind::Adamw, "adamw", "AdamW, arXiv:1711.05101"),
                                clEnumValN(::swamla::OptimizerKind::Lion, "lion", "Lion, arXiv:2302.06675"))}]>,
    Option<"keepGrads", "keep-grads", "bool", /*default=*/"false", "do not leave the gradients zero: the next micro step overwrites them">,
    Option<"state", "state", "::swamla::OptimizerState", /*default=*/"::swamla::OptimizerState::Fp32", "how the optimizer's states are kept",
           [{::llvm::cl::values(clEnumValN(::swamla::OptimizerState::Fp32, "fp32", "as they are computed"),
                                clEnumValN(::swamla::OptimizerState::Bf16, "bf16", "rounded to bf16"),
                                clEnumValN(::swamla::OptimizerState::Fp8, "fp8", "f8E4M3FN, a scale for each block of 256"),
                                clEnumValN(::swamla::OptimizerState::Int8, "int8", "dynamic maps of 8 bits, a scale for each block of 256"),
                                clEnumValN(::swamla::OptimizerState::Int4, "int4", "4 bits, a scale for each block of 128"))}]>
  ];
  let dependentDialects = ["::swamla::SwamlaDialect", "::mlir::func::FuncDialect"];
}

#endif
