// RUN: swamla-opt %s | swamla-opt | FileCheck %s
// RUN: swamla-opt %s --mlir-print-op-generic | swamla-opt | FileCheck %s

// Tests that collectives round-trip, and that ops may stand between a collective and its wait where they touch nothing of it.

step.buffer @grads kind "grads" bytes 1024
step.buffer @params kind "params" bytes 1024
step.buffer @working kind "working" bytes 512

// CHECK-LABEL: step.program @micro_step {
step.program @micro_step {
  // CHECK-NEXT: step.collective "all_reduce_sum" from <@grads, 512, 512> to <@grads, 512, 512> element f32 ranks 4 label "gradients.0"
  step.collective "all_reduce_sum" from <@grads, 512, 512> to <@grads, 512, 512> element f32 ranks 4 label "gradients.0"
  // CHECK-NEXT: step.fill <@grads, 0, 512>
  step.fill <@grads, 0, 512> value 0 label "apart"
  // CHECK-NEXT: step.collective "reduce_scatter_sum" from <@grads, 0, 512> to <@params, 0, 128> element f32 ranks 4 label "shard"
  step.collective "reduce_scatter_sum" from <@grads, 0, 512> to <@params, 0, 128> element f32 ranks 4 label "shard"
  // CHECK-NEXT: step.collective_wait 1 label "shard"
  step.collective_wait 1 label "shard"
  // CHECK-NEXT: step.fill <@params, 0, 128>
  step.fill <@params, 0, 128> value 0 label "behind the wait"
  // CHECK-NEXT: step.collective_wait 0 label "gradients.0"
  step.collective_wait 0 label "gradients.0"
  // CHECK-NEXT: step.collective "all_reduce_max" from <@grads, 0, 4> to <@grads, 0, 4> element f32 ranks 4 label "amax"
  step.collective "all_reduce_max" from <@grads, 0, 4> to <@grads, 0, 4> element f32 ranks 4 label "amax"
  // CHECK-NEXT: step.collective "all_gather" from <@params, 2, 64> to <@working, 0, 256> element bf16 ranks 4 label "weights"
  step.collective "all_gather" from <@params, 2, 64> to <@working, 0, 256> element bf16 ranks 4 label "weights"
  // CHECK-NEXT: step.collective "all_gather" from <@params, 101, 63> to <@working, 256, 252> element f8E4M3FN ranks 4 label "weights.e4m3"
  step.collective "all_gather" from <@params, 101, 63> to <@working, 256, 252> element f8E4M3FN ranks 4 label "weights.e4m3"
  step.collective_wait 2 label "amax"
  step.collective_wait 3 label "weights"
  step.collective_wait 4 label "weights.e4m3"
}
