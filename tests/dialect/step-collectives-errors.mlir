// RUN: swamla-opt %s --split-input-file --verify-diagnostics

// Tests the constraints of step.collective and of what a program may do beside one.

step.buffer @grads kind "grads" bytes 1024
step.program @collective_c1 {
  // expected-error @+1 {{'step.collective' op kind is "broadcast", expected all_reduce_sum, all_reduce_max, reduce_scatter_sum or all_gather}}
  step.collective "broadcast" from <@grads, 0, 512> to <@grads, 0, 512> element f32 ranks 2 label "c"
}

// -----

step.buffer @grads kind "grads" bytes 1024
step.program @collective_c2 {
  // expected-error @+1 {{'step.collective' op has elements of 'bf16', expected f32, or bf16 or an f8 in an all_gather}}
  step.collective "all_reduce_sum" from <@grads, 0, 512> to <@grads, 0, 512> element bf16 ranks 2 label "c"
}

// -----

step.buffer @grads kind "grads" bytes 1024
step.program @collective_c2_gather {
  // expected-error @+1 {{'step.collective' op has elements of 'i32', expected f32, or bf16 or an f8 in an all_gather}}
  step.collective "all_gather" from <@grads, 0, 128> to <@grads, 512, 256> element i32 ranks 2 label "c"
}

// -----

step.buffer @grads kind "grads" bytes 1024
step.program @collective_c3 {
  // expected-error @+1 {{'step.collective' op has 1 ranks, expected two or more}}
  step.collective "all_reduce_sum" from <@grads, 0, 512> to <@grads, 0, 512> element f32 ranks 1 label "c"
}

// -----

step.buffer @grads kind "grads" bytes 1024
step.program @collective_c4 {
  // expected-error @+1 {{'step.collective' op reads #step.view<@grads, 0, 512> and writes #step.view<@grads, 512, 512>, expected one view}}
  step.collective "all_reduce_sum" from <@grads, 0, 512> to <@grads, 512, 512> element f32 ranks 2 label "c"
}

// -----

step.buffer @grads kind "grads" bytes 1024
step.program @collective_c4_apart {
  // expected-error @+1 {{'step.collective' op reads #step.view<@grads, 0, 512> and writes #step.view<@grads, 256, 256>, expected views without a common byte}}
  step.collective "reduce_scatter_sum" from <@grads, 0, 512> to <@grads, 256, 256> element f32 ranks 2 label "c"
}

// -----

step.buffer @grads kind "grads" bytes 1024
step.program @collective_c5 {
  // expected-error @+1 {{'step.collective' op has pieces of 256 bytes and 512 in all, expected 768 for 3 ranks}}
  step.collective "reduce_scatter_sum" from <@grads, 0, 512> to <@grads, 512, 256> element f32 ranks 3 label "c"
}

// -----

step.buffer @grads kind "grads" bytes 1024
step.program @collective_c5_gather {
  // expected-error @+1 {{'step.collective' op has pieces of 512 bytes and 256 in all, expected 1024 for 2 ranks}}
  step.collective "all_gather" from <@grads, 0, 512> to <@grads, 512, 256> element f32 ranks 2 label "c"
}

// -----

step.buffer @grads kind "grads" bytes 1024
step.program @collective_c6 {
  // expected-error @+1 {{'step.collective' op what it reads: expected offset and bytes to be multiples of 4, and some bytes; found offset 2, bytes 512}}
  step.collective "all_reduce_sum" from <@grads, 2, 512> to <@grads, 2, 512> element f32 ranks 2 label "c"
  step.collective_wait 0 label "c"
}

// -----

step.buffer @grads kind "grads" bytes 1024
step.program @outside {
  // expected-error @+1 {{'step.collective' op what it writes covers bytes [512, 1536) of @grads, expected to lie in its 1024 bytes}}
  step.collective "all_gather" from <@grads, 0, 512> to <@grads, 512, 1024> element f32 ranks 2 label "c"
  step.collective_wait 0 label "c"
}

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

// -----

step.buffer @grads kind "grads" bytes 1024
step.program @never_waited_for {
  // expected-error @+1 {{'step.collective' op is never waited for; expected a step.collective_wait behind it in the same program}}
  step.collective "all_reduce_sum" from <@grads, 0, 512> to <@grads, 0, 512> element f32 ranks 2 label "c"
}

// -----

step.program @waits_for_none {
  // expected-error @+1 {{'step.collective_wait' op waits for collective 0, expected one of the 0 before it, that nothing has waited for yet}}
  step.collective_wait 0 label "c"
}

// -----

step.buffer @grads kind "grads" bytes 1024
step.program @waits_twice {
  step.collective "all_reduce_sum" from <@grads, 0, 512> to <@grads, 0, 512> element f32 ranks 2 label "c"
  step.collective_wait 0 label "c"
  // expected-error @+1 {{'step.collective_wait' op waits for collective 0, expected one of the 1 before it, that nothing has waited for yet}}
  step.collective_wait 0 label "c"
}

// -----

step.buffer @grads kind "grads" bytes 1024
step.program @touches {
  step.collective "all_reduce_sum" from <@grads, 0, 512> to <@grads, 0, 512> element f32 ranks 2 label "c"
  // expected-error @+1 {{'step.fill' op touches #step.view<@grads, 508, 8> while the collective "c" works on it; expected it before that or behind its wait}}
  step.fill <@grads, 508, 8> value 0 label "too early"
  step.collective_wait 0 label "c"
}

// -----

step.buffer @grads kind "grads" bytes 1024
step.program @touches_another {
  step.collective "reduce_scatter_sum" from <@grads, 0, 512> to <@grads, 512, 256> element f32 ranks 2 label "c"
  // expected-error @+1 {{'step.collective' op touches #step.view<@grads, 512, 256> while the collective "c" works on it}}
  step.collective "all_reduce_sum" from <@grads, 512, 256> to <@grads, 512, 256> element f32 ranks 2 label "d"
  step.collective_wait 0 label "c"
  step.collective_wait 1 label "d"
}
