// RUN: swamla-opt %s --split-input-file --verify-diagnostics --step-distribute="ranks=2"

// Tests what the pass wants of a module.

// expected-error @+1 {{has no program @micro_step or no buffer @grads; run --swamla-plan before --step-distribute}}
module {
  step.buffer @grads kind "grads" bytes 1024
}

// -----

// expected-error @+1 {{is for many ranks already; expected a plan of one}}
module attributes {step.ranks = 2 : i64} {
  step.buffer @grads kind "grads" bytes 1024
  step.program @micro_step {
    step.fill <@grads, 0, 1024> value 1 label "dw"
  }
}
