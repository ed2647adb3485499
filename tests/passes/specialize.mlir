// RUN: swamla-opt %s --swamla-specialize=batch=3 | FileCheck %s

// CHECK-LABEL: swamla.model @m
// CHECK-NOT:   ?
// CHECK:       ^bb0(%tokens: tensor<3x8xi32>, %targets: tensor<3x8xi32>):
// CHECK-NEXT:    %wte = swamla.embedding "wte" %tokens vocab 32 : tensor<3x8xi32> -> tensor<3x8x16xf32>
// CHECK-NEXT:    %h.0 = swamla.swa_block "h.0" %wte {{.*}} : tensor<3x8x16xf32>
// CHECK-NEXT:    %ln_f = swamla.norm "ln_f" %h.0 {{.*}} : tensor<3x8x16xf32>
// CHECK-NEXT:    swamla.lm_loss %ln_f, %targets tied "wte" vocab 32 : tensor<3x8x16xf32>, tensor<3x8xi32>
swamla.model @m {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  %1 = swamla.swa_block "h.0" %0 heads 2 kv_heads 1 window 4 sink 0 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x8x16xf32>
  %2 = swamla.norm "ln_f" %1 norm rms(eps 1.0e-06) : tensor<?x8x16xf32>
  swamla.lm_loss %2, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// The batch that a model has already.
// CHECK-LABEL: swamla.model @static
// CHECK:         swamla.embedding "wte" %tokens vocab 32 : tensor<3x8xi32> -> tensor<3x8x16xf32>
swamla.model @static {
^bb0(%tokens: tensor<3x8xi32>, %targets: tensor<3x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<3x8xi32> -> tensor<3x8x16xf32>
  swamla.lm_loss %0, %targets tied "wte" vocab 32 : tensor<3x8x16xf32>, tensor<3x8xi32>
}
