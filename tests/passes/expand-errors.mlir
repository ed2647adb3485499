// RUN: swamla-opt %s --swamla-expand -split-input-file -verify-diagnostics

// expected-error @+1 {{expected a static batch, found 'tensor<?x8xi32>'; run --swamla-specialize=batch=N first}}
swamla.model @dynamic {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  swamla.lm_loss %0, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

// expected-error @+1 {{expected one swamla.model, found 0}}
module {
  func.func @something() { return }
}

// -----

swamla.model @beside {
^bb0(%tokens: tensor<2x8xi32>, %targets: tensor<2x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<2x8xi32> -> tensor<2x8x16xf32>
  swamla.lm_loss %0, %targets tied "wte" vocab 32 : tensor<2x8x16xf32>, tensor<2x8xi32>
}
// expected-error @+1 {{expected nothing beside the swamla.model, found 'func.func'}}
func.func @loss() { return }

// -----

swamla.model @same_parameter {
^bb0(%tokens: tensor<2x8xi32>, %targets: tensor<2x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<2x8xi32> -> tensor<2x8x16xf32>
  // expected-note @+1 {{by this block}}
  %1 = swamla.swa_block "h" %0 heads 2 kv_heads 1 window 4 sink 0 theta 10000.0 norm rms(eps 1.0e-06) : tensor<2x8x16xf32>
  // expected-error @+1 {{expected a parameter name of its own, found 'h.norm1.weight' taken; rename the block}}
  %2 = swamla.norm "h.norm1" %1 norm rms(eps 1.0e-06) : tensor<2x8x16xf32>
  swamla.lm_loss %2, %targets tied "wte" vocab 32 : tensor<2x8x16xf32>, tensor<2x8xi32>
}

// -----

swamla.model @unknown_block {
^bb0(%tokens: tensor<2x8xi32>, %targets: tensor<2x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<2x8xi32> -> tensor<2x8x16xf32>
  // expected-error @+1 {{has no expansion; add one to compiler/Expand/Expand.cpp}}
  %1 = arith.negf %0 {name = "negate"} : tensor<2x8x16xf32>
  swamla.lm_loss %1, %targets tied "wte" vocab 32 : tensor<2x8x16xf32>, tensor<2x8xi32>
}

// -----

// @logits has no targets to embed.
swamla.model @targets {
^bb0(%tokens: tensor<2x8xi32>, %targets: tensor<2x8xi32>):
  // expected-error @+1 {{reads the targets, which @logits does not have; expected swamla.lm_loss alone to read them}}
  %0 = swamla.embedding "wte" %targets vocab 32 : tensor<2x8xi32> -> tensor<2x8x16xf32>
  swamla.lm_loss %0, %targets tied "wte" vocab 32 : tensor<2x8x16xf32>, tensor<2x8xi32>
}
