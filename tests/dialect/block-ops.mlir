// RUN: swamla-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: swamla.model @plain {
// CHECK-NEXT:  ^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
// CHECK-NEXT:    %wte = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
// CHECK-NEXT:    %h.0 = swamla.swa_block "h.0" %wte heads 2 kv_heads 1 window 4 sink 0 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x8x16xf32>
// CHECK-NEXT:    %h.1 = swamla.mla_block "h.1" %h.0 heads 2 kv_lora 6 nope 4 rope 2 v 4 theta 10000.0 lora_eps 1.0e-05 norm rms(eps 1.0e-06) : tensor<?x8x16xf32>
// CHECK-NEXT:    %ln_f = swamla.norm "ln_f" %h.1 norm rms(eps 1.0e-06) : tensor<?x8x16xf32>
// CHECK-NEXT:    swamla.lm_loss %ln_f, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
swamla.model @plain {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 dropout 0.0 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  %1 = swamla.swa_block "h.0" %0 heads 2 kv_heads 1 window 4 sink 0 theta 1.0e+4 norm rms(eps 0.000001) dropout 0.0 : tensor<?x8x16xf32>
  %2 = swamla.mla_block "h.1" %1 heads 2 q_lora 0 kv_lora 6 nope 4 rope 2 v 4 theta 10000.0 factor 1.0 lora_eps 1.0e-5 norm rms(eps 1.0e-6) : tensor<?x8x16xf32>
  %3 = swamla.norm "ln_f" %2 norm rms(eps 1.0e-6) : tensor<?x8x16xf32>
  swamla.lm_loss %3, %targets tied "wte" vocab 32 smoothing 0.0 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// Every optional part, and a static batch.
// CHECK-LABEL: swamla.model @full attributes {note = "kept"} {
// CHECK:         swamla.embedding "wte" %tokens vocab 32 dropout 0.1 : tensor<2x8xi32> -> tensor<2x8x16xf32>
// CHECK-NEXT:    swamla.swa_block "h.0" %{{.*}} norm dyt(alpha 0.5) dropout 0.2 logit_scale <base = 8.0, window = 16, offset = -3, min = 1.0> bias : tensor<2x8x16xf32>
// CHECK-NEXT:    swamla.swa_block "h.1" %{{.*}} logit_scale <base = 8.0, window = 16, offset = 0, min = 0.5, max = 2.5> : tensor<2x8x16xf32>
// CHECK-NEXT:    swamla.mla_block "h.2" %{{.*}} heads 2 q_lora 5 kv_lora 6 nope 4 rope 2 v 4 theta 10000.0 factor 2.0 lora_eps 1.0e-05 norm dyt(alpha -0.25) dropout 0.1 bias : tensor<2x8x16xf32>
// CHECK:         swamla.lm_loss %{{.*}} tied "wte" vocab 32 smoothing 0.1 : tensor<2x8x16xf32>, tensor<2x8xi32>
swamla.model @full attributes {note = "kept"} {
^bb0(%tokens: tensor<2x8xi32>, %targets: tensor<2x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 dropout 0.1 : tensor<2x8xi32> -> tensor<2x8x16xf32>
  %1 = swamla.swa_block "h.0" %0 heads 2 kv_heads 2 window 0 sink 4 theta 500.5 norm dyt(alpha 0.5) dropout 0.2 logit_scale <base = 8.0, window = 16, offset = -3, min = 1.0> bias : tensor<2x8x16xf32>
  %2 = swamla.swa_block "h.1" %1 heads 2 kv_heads 2 window 0 sink 4 theta 500.5 norm dyt(alpha 0.5) logit_scale <base = 8.0, window = 16, offset = 0, min = 0.5, max = 2.5> : tensor<2x8x16xf32>
  %3 = swamla.mla_block "h.2" %2 heads 2 q_lora 5 kv_lora 6 nope 4 rope 2 v 4 theta 10000.0 factor 2.0 lora_eps 1.0e-5 norm dyt(alpha -0.25) dropout 0.1 bias : tensor<2x8x16xf32>
  %4 = swamla.norm "ln_f" %3 norm dyt(alpha 1.0) : tensor<2x8x16xf32>
  swamla.lm_loss %4, %targets tied "wte" vocab 32 smoothing 0.1 : tensor<2x8x16xf32>, tensor<2x8xi32>
}

// The numbers of a model are printed as the shortest decimals that mean the same, and only those.
// CHECK-LABEL: swamla.model @numbers
// CHECK:         theta 1.0e+22 norm rms(eps 1.25e-07)
// CHECK:         theta 0.1 norm rms(eps 0.30000000000000004)
swamla.model @numbers {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  %1 = swamla.swa_block "h.0" %0 heads 2 kv_heads 1 window 4 sink 0 theta 1.0e22 norm rms(eps 1.25e-07) : tensor<?x8x16xf32>
  %2 = swamla.swa_block "h.1" %1 heads 2 kv_heads 1 window 4 sink 0 theta 0.1 norm rms(eps 0.30000000000000004) : tensor<?x8x16xf32>
  swamla.lm_loss %2, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}
