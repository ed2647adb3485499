//===- Passes.td - one program for many ranks ----------------*- tablegen -*-===//
#ifndef SWAMLA_DISTRIBUTE_PASSES_TD
#define SWAMLA_DISTRIBUTE_PASSES_TD

include "mlir/Pass/PassBase.td"

def DistributePass : Pass<"step-distribute", "::mlir::ModuleOp"> {
  let summary = "gradients are added up over the ranks while the backward runs";
  let description = [{
    Every rank has all parameters and optimizer states, and a part of the data (ddp). Before `apply` the gradients are those of all ranks: the last micro step of
    a step adds them up, in buckets of `bucket-bytes` or a little more. A bucket is a range of the buffer `grads`; its all-reduce starts behind the last op of the
    program that touches one of its bytes. The backward reaches the parameters in reverse order, so the first buckets are the last ones in memory. All are waited
    for at the end of the program: the first thing that `apply` does is the norm of all gradients.

    With fp8 scales that follow from earlier steps (the buffer `amax`, if `micro_step` touches it), `apply` and `calibrate` begin with the largest numbers of all ranks, so
    that the scales are the same everywhere.

    Where steps have several micro steps, only the last one may add up: it gets a program of its own, `last_micro_step`, with the ops of `micro_step` (their kernels
    are the same). Where a step is one micro step (`step.single_micro_step`), `micro_step` is the last.

    ```mlir
    step.program @micro_step {
      step.launch @dw_1 [..., #step.view<@grads, 4096, 4096>] ...
      step.launch @dw_0 [..., #step.view<@grads, 0, 4096>] ...
    }
    ```
    ==> `ranks=2 bucket-bytes=4096`, and single_micro_step
    ```mlir
    step.program @micro_step {
      step.launch @dw_1 [..., #step.view<@grads, 4096, 4096>] ...
      step.collective "all_reduce_sum" from <@grads, 4096, 4096> to <@grads, 4096, 4096> element f32 ranks 2 label "gradients.0"
      step.launch @dw_0 [..., #step.view<@grads, 0, 4096>] ...
      step.collective "all_reduce_sum" from <@grads, 0, 4096> to <@grads, 0, 4096> element f32 ranks 2 label "gradients.1"
      step.collective_wait 0 label "gradients.0"
      step.collective_wait 1 label "gradients.1"
    }
    ```
  }];
  let options = [Option<"ranks", "ranks", "int64_t", /*default=*/"1", "processes that train one model together; 1 changes nothing">,
                 Option<"bucketBytes", "bucket-bytes", "int64_t", /*default=*/"25000000", "gradients that are added up at once">];
  let dependentDialects = ["::swamla::step::StepDialect"];
  let statistics = [Statistic<"numBuckets", "buckets", "collectives of a step">];
}

#endif
