// RUN: swamla-opt %s --swamla-expand | FileCheck %s

// Low-rank queries, and no final norm: the row is selected right before the head. Two blocks share their tables.
// CHECK-LABEL: func.func @loss
// CHECK-COUNT-1: swamla.rope_table
// CHECK-NOT:     swamla.rope_table
// CHECK:       %[[LOW:.*]] = swamla.matmul %[[X:.*]], %{{.*}} transpose_b {scope = "h.0.attn"} : tensor<16x16xf32>, tensor<5x16xf32> -> tensor<16x5xf32>
// CHECK:       %[[NORM:.*]] = swamla.layer_norm %[[LOW]], {{.*}} eps 1.000000e-04
// CHECK-NEXT:  %[[W:.*]] = swamla.get_param @h.0.attn.wq_b.weight {{.*}} : tensor<12x5xf32>
// CHECK-NEXT:  %[[Q:.*]] = swamla.matmul %[[NORM]], %[[W]] transpose_b {{.*}} -> tensor<16x12xf32>
// CHECK-NEXT:  swamla.rope %[[Q]], %{{.*}}, %{{.*}} heads 2 offset 4
// CHECK-LABEL: func.func @logits
// CHECK:       %[[ROW:.*]] = swamla.select_row
// CHECK-NEXT:  %[[W:.*]] = swamla.get_param @wte.weight
// CHECK-NEXT:  swamla.matmul %[[ROW]], %[[W]] transpose_b
swamla.model @m {
^bb0(%tokens: tensor<2x8xi32>, %targets: tensor<2x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<2x8xi32> -> tensor<2x8x16xf32>
  %1 = swamla.mla_block "h.0" %0 heads 2 q_lora 5 kv_lora 6 nope 4 rope 2 v 3 theta 500.0 lora_eps 1.0e-4 norm rms(eps 1.0e-06) : tensor<2x8x16xf32>
  %2 = swamla.mla_block "h.1" %1 heads 2 q_lora 5 kv_lora 6 nope 4 rope 2 v 3 theta 500.0 lora_eps 1.0e-4 norm rms(eps 1.0e-06) : tensor<2x8x16xf32>
  swamla.lm_loss %2, %targets tied "wte" vocab 32 : tensor<2x8x16xf32>, tensor<2x8xi32>
}
