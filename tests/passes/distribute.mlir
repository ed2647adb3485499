// RUN: swamla-opt %s --split-input-file --step-distribute="ranks=4 bucket-bytes=512" | FileCheck %s

// Tests that each bucket is added up behind the last op that touches it, in the order in which the backward finishes: the end of the buffer first. A range
// becomes a bucket as soon as neighbours that are ready have 512 bytes; what nothing touches ([256, 320) here) may join two of them. What is left
// over at the end is a bucket of its own. All are waited for at the end.

// CHECK: module attributes {step.parallel = "ddp", step.ranks = 4 : i64, step.single_micro_step}
module attributes {step.single_micro_step} {
  step.buffer @arena kind "arena" bytes 4096
  step.buffer @params kind "params" bytes 2048
  step.buffer @grads kind "grads" bytes 2048
  // CHECK-LABEL: step.program @micro_step {
  step.program @micro_step {
    // CHECK-NEXT: label "forward"
    step.fill <@arena, 0, 4096> value 0 label "forward"
    // A gradient that is too small alone, and activations in the memory of one that comes later.
    // CHECK-NEXT: label "last"
    step.fill <@grads, 1792, 256> value 1 label "last"
    // CHECK-NEXT: label "activations"
    step.fill <@grads, 0, 256> value 1 label "activations"
    // CHECK-NEXT: label "last but one"
    step.fill <@grads, 1280, 512> value 1 label "last but one"
    // CHECK-NEXT: step.collective "all_reduce_sum" from <@grads, 1280, 768> to <@grads, 1280, 768> element f32 ranks 4 label "gradients.0"
    // CHECK-NEXT: label "second"
    step.fill <@grads, 512, 192> value 1 label "second"
    // CHECK-NEXT: label "first"
    step.fill <@grads, 320, 192> value 1 label "first"
    // Final only now.
    // CHECK-NEXT: label "first again"
    step.fill <@grads, 320, 64> value 1 label "first again"
    // CHECK-NEXT: label "third"
    step.fill <@grads, 704, 256> value 1 label "third"
    // CHECK-NEXT: step.collective "all_reduce_sum" from <@grads, 256, 704> to <@grads, 256, 704> element f32 ranks 4 label "gradients.1"
    // CHECK-NEXT: label "between"
    step.fill <@grads, 960, 320> value 1 label "between"
    // CHECK-NEXT: step.collective "all_reduce_sum" from <@grads, 960, 320> to <@grads, 960, 320> element f32 ranks 4 label "gradients.2"
    // CHECK-NEXT: label "embedding"
    step.fill <@grads, 0, 256> value 1 label "embedding"
    // CHECK-NEXT: step.collective "all_reduce_sum" from <@grads, 0, 256> to <@grads, 0, 256> element f32 ranks 4 label "gradients.3"
    // CHECK-NEXT: label "tail"
    step.fill <@arena, 0, 4096> value 0 label "tail"
    // CHECK-NEXT: step.collective_wait 0 label "gradients.0"
    // CHECK-NEXT: step.collective_wait 1 label "gradients.1"
    // CHECK-NEXT: step.collective_wait 2 label "gradients.2"
    // CHECK-NEXT: step.collective_wait 3 label "gradients.3"
    // CHECK-NEXT: }
  }
  // CHECK-NOT: step.program @last_micro_step
  // CHECK-LABEL: step.program @apply {
  // CHECK-NEXT: label "norm"
  // CHECK-NEXT: }
  step.program @apply {
    step.fill <@grads, 0, 2048> value 0 label "norm"
  }
}

// -----

// Tests that where steps have several micro steps the last one has a program of its own, and the others add up nothing.

// CHECK: module attributes {step.parallel = "ddp", step.ranks = 4 : i64}
module {
  step.buffer @grads kind "grads" bytes 1024
  // CHECK-LABEL: step.program @micro_step {
  // CHECK-NEXT: step.fill <@grads, 0, 1024> value 1 label "dw"
  // CHECK-NEXT: }
  // CHECK-LABEL: step.program @last_micro_step {
  // CHECK-NEXT: step.fill <@grads, 0, 1024> value 1 label "dw"
  // CHECK-NEXT: step.collective "all_reduce_sum" from <@grads, 0, 1024> to <@grads, 0, 1024> element f32 ranks 4 label "gradients.0"
  // CHECK-NEXT: step.collective_wait 0 label "gradients.0"
  // CHECK-NEXT: }
  step.program @micro_step {
    step.fill <@grads, 0, 1024> value 1 label "dw"
  }
}

// -----

// Tests that amaxes which micro steps have seen are compared before scales are made of them, and those that only the update writes are not.

module attributes {step.single_micro_step} {
  step.buffer @grads kind "grads" bytes 1024
  step.buffer @amax kind "scaling" bytes 256
  step.buffer @scale kind "scaling" bytes 64
  step.program @micro_step {
    step.fill <@amax, 0, 4> value 1 label "seen"
    step.fill <@grads, 0, 1024> value 1 label "dw"
  }
  // CHECK-LABEL: step.program @apply {
  // CHECK-NEXT: label "norm"
  // CHECK-NEXT: step.collective "all_reduce_max" from <@amax, 0, 256> to <@amax, 0, 256> element f32 ranks 4 label "amaxes"
  // CHECK-NEXT: step.collective_wait 0 label "amaxes"
  // CHECK-NEXT: label "scales"
  // CHECK-NEXT: label "update"
  // CHECK-NEXT: }
  step.program @apply {
    step.fill <@grads, 0, 4> value 0 label "norm"
    step.fill <@amax, 0, 64> value 0 label "scales"
    step.fill <@amax, 64, 64> value 0 label "update"
  }
  // CHECK-LABEL: step.program @calibrate {
  // CHECK-NEXT: step.collective "all_reduce_max"
  // CHECK-NEXT: step.collective_wait 0
  // CHECK-NEXT: label "scales"
  step.program @calibrate {
    step.fill <@amax, 0, 64> value 0 label "scales"
  }
  // CHECK-LABEL: step.program @cast {
  // CHECK-NEXT: label "weights"
  step.program @cast {
    step.fill <@amax, 0, 64> value 0 label "weights"
  }
}

// -----

module attributes {step.single_micro_step} {
  step.buffer @grads kind "grads" bytes 1024
  step.buffer @amax kind "scaling" bytes 256
  step.program @micro_step {
    step.fill <@grads, 0, 1024> value 1 label "dw"
  }
  // CHECK-LABEL: step.program @apply {
  // CHECK-NEXT: label "scales"
  step.program @apply {
    step.fill <@amax, 0, 64> value 0 label "scales"
  }
}
