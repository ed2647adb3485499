//===- LossOps.td - head and cross-entropy -------------------*- tablegen -*-===//
#ifndef SWAMLA_LOSS_OPS_TD
#define SWAMLA_LOSS_OPS_TD

include "dialects/Swamla/IR/PointwiseOps.td"

def Swamla_LinearCrossEntropyOp : Swamla_Op<"linear_cross_entropy", [Pure, DeclareOpInterfaceMethods<Swamla_DifferentiableOpInterface>]> {
  let summary = "mean cross-entropy of the logits x weight^T over the targets that are not -100";
  let description = [{
    x: tensor<M x C>, weight: tensor<V x C>, targets: tensor<M xi32>, result: tensor<1>. With smoothing s, the wrong classes share s equally,
    s / (V - 1) each, and the right one keeps 1 - s. A batch with no target gives 0. The logits never exist all at once: `--swamla-chunk-loss` cuts the rows into chunks.
    (C1) shapes agree, and x and weight have one element type; (C2) targets are i32; (C3) the loss is tensor<1> of that type or f32; (C4) 0 <= smoothing < 1, and V >= 2.
  }];
  let arguments = (ins AnyStaticShapeTensor:$x, AnyStaticShapeTensor:$weight, AnyStaticShapeTensor:$targets, F64Attr:$smoothing);
  let results = (outs AnyStaticShapeTensor:$loss);
  let assemblyFormat = "$x `,` $weight `,` $targets `smoothing` $smoothing attr-dict `:` type(operands) `->` type($loss)";
  let hasVerifier = 1;
}

def Swamla_LinearCrossEntropyGradOp : Swamla_Op<"linear_cross_entropy_grad", [Pure, DeclareOpInterfaceMethods<Swamla_PrecisionOpInterface>]> {
  let summary = "loss and cotangents of linear_cross_entropy together; replaces the forward op";
  let description = [{
    dloss: tensor<1>, the loss's cotangent. dweight starts from `init` (the gradient so far) where given.
    (C1) to (C4) as linear_cross_entropy; (C5) dloss is tensor<1>; (C6) dx has x's type, dweight and init have weight's, or f32 for its elements.
  }];
  let arguments = (ins AnyStaticShapeTensor:$x, AnyStaticShapeTensor:$weight, AnyStaticShapeTensor:$targets, AnyStaticShapeTensor:$dloss,
                       Optional<AnyStaticShapeTensor>:$init, F64Attr:$smoothing);
  let results = (outs AnyStaticShapeTensor:$loss, AnyStaticShapeTensor:$dx, AnyStaticShapeTensor:$dweight);
  let assemblyFormat = [{$x `,` $weight `,` $targets `,` $dloss (`init` $init^)? `smoothing` $smoothing attr-dict
    `:` type(operands) `->` type(results)}];
  let hasVerifier = 1;
}

def Swamla_TargetWeightOp : Swamla_RowwiseOp<"target_weight"> {
  let summary = "1 / max(1, number of targets that are not -100): tensor<M xi32> -> tensor<1>";
  let description = "(C1) targets are tensor<M xi32>; (C2) the result is tensor<1>.";
  let arguments = (ins AnyStaticShapeTensor:$targets);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$targets attr-dict `:` type($targets) `->` type($result)";
  let hasVerifier = 1;
}

def Swamla_CrossEntropyRowsOp : Swamla_RowwiseOp<"cross_entropy_rows"> {
  let summary = "each row's cross-entropy times `weight`, 0 where the target is -100: tensor<R x V> -> tensor<R>";
  let description = "(C1) logits are tensor<R x V>, V >= 2; (C2) targets are tensor<R xi32>; (C3) weight is tensor<1>; (C4) loss_rows are tensor<R>; (C5) 0 <= smoothing < 1.";
  let arguments = (ins AnyStaticShapeTensor:$logits, AnyStaticShapeTensor:$targets, AnyStaticShapeTensor:$weight, F64Attr:$smoothing);
  let results = (outs AnyStaticShapeTensor:$loss_rows);
  let assemblyFormat = "$logits `,` $targets `,` $weight `smoothing` $smoothing attr-dict `:` type(operands) `->` type($loss_rows)";
  let hasVerifier = 1;
}

def Swamla_CrossEntropyRowsGradOp : Swamla_RowwiseOp<"cross_entropy_rows_grad", [AllTypesMatch<["logits", "dlogits"]>]> {
  let summary = "cross_entropy_rows together with the logits' cotangent (times dloss), which takes over the logits' buffer";
  let description = "(C1) to (C5) as cross_entropy_rows; (C6) dloss is tensor<1>.";
  let arguments = (ins AnyStaticShapeTensor:$logits, AnyStaticShapeTensor:$targets, AnyStaticShapeTensor:$weight,
                       AnyStaticShapeTensor:$dloss, F64Attr:$smoothing);
  let results = (outs AnyStaticShapeTensor:$loss_rows, AnyStaticShapeTensor:$dlogits);
  let assemblyFormat = "$logits `,` $targets `,` $weight `,` $dloss `smoothing` $smoothing attr-dict `:` type(operands) `->` type(results)";
  let hasVerifier = 1;
}

#endif
