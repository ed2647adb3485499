// RUN: swamla-opt %s --swamla-autodiff=wrt-args --split-input-file | FileCheck %s

// Tests that rope's gradient is the inverse rotation, and that the tables have no cotangent.
// CHECK-LABEL: func.func @rope
// CHECK-SAME: %[[DY:[^:, ]*]]: tensor<8x12xf32>) -> (tensor<8x12xf32>, tensor<8x12xf32>)
// CHECK: %[[COS:.*]], %[[SIN:.*]] = swamla.rope_table
// CHECK: %[[Y:.*]] = swamla.rope
// CHECK: %[[DX:.*]] = swamla.rope %[[DY]], %[[COS]], %[[SIN]] heads 2 offset 2 inverse {backward}
// CHECK: return %[[Y]], %[[DX]]
func.func @rope(%x: tensor<8x12xf32>) -> tensor<8x12xf32> attributes {swamla.differentiate} {
  %cos, %sin = swamla.rope_table theta 1.0e4 factor 1.0 : tensor<4x4xf32>
  %y = swamla.rope %x, %cos, %sin heads 2 offset 2 : tensor<8x12xf32>, tensor<4x4xf32>
  return %y : tensor<8x12xf32>
}

// -----

// Tests that the gradient of an inverse rotation is the rotation.
// CHECK-LABEL: func.func @rope_inverse
// CHECK-SAME: %[[DY:[^:, ]*]]: tensor<8x12xf32>) ->
// CHECK: swamla.rope %{{.*}} inverse :
// CHECK: swamla.rope %[[DY]], %{{.*}}, %{{.*}} heads 2 offset 2 {backward}
func.func @rope_inverse(%x: tensor<8x12xf32>) -> tensor<8x12xf32> attributes {swamla.differentiate} {
  %cos, %sin = swamla.rope_table theta 1.0e4 factor 1.0 : tensor<4x4xf32>
  %y = swamla.rope %x, %cos, %sin heads 2 offset 2 inverse : tensor<8x12xf32>, tensor<4x4xf32>
  return %y : tensor<8x12xf32>
}

// -----

// Tests that scale_rows scales the cotangent by the same table.
// CHECK-LABEL: func.func @scale_rows
// CHECK-SAME: %[[DY:[^:, ]*]]: tensor<8x12xf32>) ->
// CHECK: %[[S:.*]] = swamla.logit_scale_table
// CHECK: %[[Y:.*]] = swamla.scale_rows
// CHECK: %[[DX:.*]] = swamla.scale_rows %[[DY]], %[[S]] {backward}
// CHECK: return %[[Y]], %[[DX]]
func.func @scale_rows(%x: tensor<8x12xf32>) -> tensor<8x12xf32> attributes {swamla.differentiate} {
  %s = swamla.logit_scale_table base 8.0 window 16 offset 0 min 1.0 : tensor<4xf32>
  %y = swamla.scale_rows %x, %s : tensor<8x12xf32>, tensor<4xf32>
  return %y : tensor<8x12xf32>
}

// -----

// Tests attention's rule with grouped heads, window and sink: delta from the saved result, then all three cotangents.
// CHECK-LABEL: func.func @attention
// CHECK-SAME: (%[[Q:[^:]*]]: tensor<8x16xf32>, %[[K:[^:]*]]: tensor<8x8xf32>, %[[V:[^:]*]]: tensor<8x8xf32>, %[[DY:[^:]*]]: tensor<8x16xf32>)
// CHECK: %[[Y:.*]], %[[LSE:.*]] = swamla.attention %
// CHECK: %[[DELTA:.*]] = swamla.attention_delta %[[Y]], %[[DY]] heads 4 {backward} : tensor<8x16xf32> -> tensor<4x8xf32>
// CHECK: %[[DQ:.*]], %[[DK:.*]], %[[DV:.*]] = swamla.attention_grad %[[Q]], %[[K]], %[[V]], %[[DY]], %[[LSE]], %[[DELTA]]
// CHECK-SAME: seq 4 heads 4 kv_heads 2 scale 5.0{{.*}}e-01 window 2 sink 1 {backward}
// CHECK-SAME: -> tensor<8x16xf32>, tensor<8x8xf32>, tensor<8x8xf32>
// CHECK: return %[[Y]], %[[DQ]], %[[DK]], %[[DV]]
func.func @attention(%q: tensor<8x16xf32>, %k: tensor<8x8xf32>, %v: tensor<8x8xf32>) -> tensor<8x16xf32> attributes {swamla.differentiate} {
  %y, %lse = swamla.attention %q, %k, %v seq 4 heads 4 kv_heads 2 scale 0.5 window 2 sink 1
    : tensor<8x16xf32>, tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x16xf32>, tensor<4x8xf32>
  return %y : tensor<8x16xf32>
}

// -----

// Tests that the cotangent of the key columns that heads share is summed over heads.
// CHECK-LABEL: func.func @attention_shared
// CHECK-SAME: %[[P:[^:, ]*]]: tensor<4x2xf32>, %[[DY:[^:]*]]: tensor<4x6xf32>)
// CHECK: %[[DQ:[^,]*]], %[[DK:[^,]*]], %[[DV:[^,]*]], %[[DP:.*]] = swamla.attention_grad %{{.*}}, %{{.*}}, %{{.*}} shared %[[P]], %[[DY]],
// CHECK-SAME: -> tensor<4x12xf32>, tensor<4x8xf32>, tensor<4x6xf32>, tensor<4x4xf32>
// CHECK: %[[SUM:.*]] = swamla.head_sum %[[DP]] heads 2 {backward} : tensor<4x4xf32> -> tensor<4x2xf32>
// CHECK: return %{{.*}}, %[[DQ]], %[[DK]], %[[DV]], %[[SUM]]
func.func @attention_shared(%q: tensor<4x12xf32>, %k: tensor<4x8xf32>, %v: tensor<4x6xf32>, %p: tensor<4x2xf32>) -> tensor<4x6xf32> attributes {swamla.differentiate} {
  %y, %lse = swamla.attention %q, %k, %v shared %p seq 4 heads 2 kv_heads 2 scale 0.4
    : tensor<4x12xf32>, tensor<4x8xf32>, tensor<4x6xf32>, tensor<4x2xf32> -> tensor<4x6xf32>, tensor<2x4xf32>
  return %y : tensor<4x6xf32>
}
