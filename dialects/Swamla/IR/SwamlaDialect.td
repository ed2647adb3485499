//===- SwamlaDialect.td - the dialect of model mathematics ---*- tablegen -*-===//
#ifndef SWAMLA_DIALECT_TD
#define SWAMLA_DIALECT_TD

include "mlir/IR/OpBase.td"

def Swamla_Dialect : Dialect {
  let name = "swamla";
  let cppNamespace = "::swamla";
  let summary = "The mathematics of SWA-MLA language models on ranked tensors";
  let description = [{
    Where the dialect stands:

    ```
      swamla-gen ──> swamla blocks ──expand──> swamla primitives ──autodiff, remat──>
      forward + backward ──fuse──> swamla.fused, swamla.matmul, swamla.attention ──plan──> step
    ```

    Three layers of operations live here, and each phase leaves fewer of them:

    * *blocks* (`swamla.model`, `swamla.swa_block`, ...) are for people: a model is one line per block;
    * *primitives* (`swamla.rms_norm`, `swamla.rope`, ...) are what differentiation sees: one op, one formula, one gradient rule;
    * *fused* (`swamla.fused`) is a row-wise computation given as a region of scalar `arith`/`math`: what kernels are generated from.

    Activations are two-dimensional after expansion: `tensor<M x C>` with M = batch x sequence rows (token t of sequence b is row
    `b * T + t`). A tensor with heads is `tensor<M x (H * D)>`: head h owns columns `[h * D, (h + 1) * D)`. A tensor of one number is
    `tensor<1xf32>`.

    Parameters are symbols (`swamla.param`); `swamla.get_param` reads one, `swamla.add_grad` adds to its gradient.
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::func::FuncDialect"];
}

class Swamla_Op<string mnemonic, list<Trait> traits = []> : Op<Swamla_Dialect, mnemonic, traits>;

#endif
