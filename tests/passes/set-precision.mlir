// RUN: swamla-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(swamla-set-precision{precision=bf16}))' | FileCheck %s
// RUN: swamla-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(swamla-set-precision{precision=fp32}))' | FileCheck %s --check-prefix=FP32
// FP32-NOT: bf16

// Tests a linear layer forward and backward: activations, cotangents and the weight are bf16; bias, norm weight and every gradient of a parameter stay f32.

// CHECK: swamla.param @w : tensor<8x4xf32>
swamla.param @w : tensor<8x4xf32> init normal 0.02 decay
swamla.param @b : tensor<8xf32> init constant 0.0
swamla.param @n : tensor<4xf32> init constant 1.0
swamla.param @e : tensor<16x4xf32> init normal 0.02
// CHECK-LABEL: func.func @linear
// CHECK-NEXT: %[[E:.*]] = swamla.get_param @e : tensor<16x4xbf16>
// CHECK-NEXT: %[[X:.*]] = swamla.embedding_lookup %{{.*}}, %[[E]] : tensor<6xi32>, tensor<16x4xbf16> -> tensor<6x4xbf16>
// CHECK-NEXT: %[[N:.*]] = swamla.get_param @n : tensor<4xf32>
// CHECK-NEXT: %[[XN:.*]] = swamla.rms_norm %[[X]], %[[N]] eps {{.*}} : tensor<6x4xbf16>, tensor<4xf32>
// CHECK-NEXT: %[[W:.*]] = swamla.get_param @w : tensor<8x4xbf16>
// CHECK-NEXT: %[[Y:.*]] = swamla.matmul %[[XN]], %[[W]] transpose_b : tensor<6x4xbf16>, tensor<8x4xbf16> -> tensor<6x8xbf16>
// CHECK-NEXT: %[[B:.*]] = swamla.get_param @b : tensor<8xf32>
// CHECK-NEXT: %[[DY:.*]] = swamla.bias_add %[[Y]], %[[B]] : tensor<6x8xbf16>, tensor<8xf32>
// CHECK-NEXT: %[[DB:.*]] = swamla.column_sum %[[DY]] : tensor<6x8xbf16> -> tensor<8xf32>
// CHECK-NEXT: swamla.add_grad @b, %[[DB]] : tensor<8xf32>
// CHECK-NEXT: %[[DW:.*]] = swamla.matmul %[[DY]], %[[XN]] transpose_a : tensor<6x8xbf16>, tensor<6x4xbf16> -> tensor<8x4xf32>
// CHECK-NEXT: swamla.add_grad @w, %[[DW]] : tensor<8x4xf32>
// CHECK-NEXT: %[[DXN:.*]] = swamla.matmul %[[DY]], %[[W]] : tensor<6x8xbf16>, tensor<8x4xbf16> -> tensor<6x4xbf16>
// CHECK-NEXT: %[[DX:.*]], %[[DN:.*]] = swamla.rms_norm_grad %[[X]], %[[N]], %[[DXN]] eps {{.*}} : tensor<6x4xbf16>, tensor<4xf32>
// CHECK-NEXT: swamla.add_grad @n, %[[DN]] : tensor<4xf32>
// CHECK-NEXT: %[[DE:.*]] = swamla.embedding_grad %{{.*}}, %[[DX]] : tensor<6xi32>, tensor<6x4xbf16> -> tensor<16x4xf32>
// CHECK-NEXT: swamla.add_grad @e, %[[DE]] : tensor<16x4xf32>
func.func @linear(%tokens: tensor<6xi32>) {
  %e = swamla.get_param @e : tensor<16x4xf32>
  %x = swamla.embedding_lookup %tokens, %e : tensor<6xi32>, tensor<16x4xf32> -> tensor<6x4xf32>
  %n = swamla.get_param @n : tensor<4xf32>
  %xn = swamla.rms_norm %x, %n eps 1.0e-6 : tensor<6x4xf32>, tensor<4xf32>
  %w = swamla.get_param @w : tensor<8x4xf32>
  %y = swamla.matmul %xn, %w transpose_b : tensor<6x4xf32>, tensor<8x4xf32> -> tensor<6x8xf32>
  %b = swamla.get_param @b : tensor<8xf32>
  %dy = swamla.bias_add %y, %b : tensor<6x8xf32>, tensor<8xf32>
  %db = swamla.column_sum %dy : tensor<6x8xf32> -> tensor<8xf32>
  swamla.add_grad @b, %db : tensor<8xf32>
  %dw = swamla.matmul %dy, %xn transpose_a : tensor<6x8xf32>, tensor<6x4xf32> -> tensor<8x4xf32>
  swamla.add_grad @w, %dw : tensor<8x4xf32>
  %dxn = swamla.matmul %dy, %w : tensor<6x8xf32>, tensor<8x4xf32> -> tensor<6x4xf32>
  %dx, %dn = swamla.rms_norm_grad %x, %n, %dxn eps 1.0e-6 : tensor<6x4xf32>, tensor<4xf32>
  swamla.add_grad @n, %dn : tensor<4xf32>
  %de = swamla.embedding_grad %tokens, %dx : tensor<6xi32>, tensor<6x4xf32> -> tensor<16x4xf32>
  swamla.add_grad @e, %de : tensor<16x4xf32>
  return
}

// -----

// Tests that statistics and tables stay f32, and that arguments and results keep their types: casts stand at the border, one for each.

// CHECK-LABEL: func.func @attention
// CHECK-SAME: (%[[Q:.*]]: tensor<8x12xf32>, %[[UNUSED:.*]]: tensor<8x12xf32>) -> (tensor<8x12xf32>, tensor<4x8xf32>)
// CHECK-NEXT: %[[Q16:.*]] = swamla.cast %[[Q]] : tensor<8x12xf32> -> tensor<8x12xbf16>
// CHECK-NEXT: %[[COS:.*]], %[[SIN:.*]] = swamla.rope_table {{.*}} : tensor<4x2xf32>
// CHECK-NEXT: %[[R:.*]] = swamla.rope %[[Q16]], %[[COS]], %[[SIN]] {{.*}} : tensor<8x12xbf16>, tensor<4x2xf32>
// CHECK-NEXT: %[[O:.*]], %[[LSE:.*]] = swamla.attention %[[R]], %[[R]], %[[R]] {{.*}} -> tensor<8x12xbf16>, tensor<4x8xf32>
// CHECK-NEXT: %[[D:.*]] = swamla.attention_delta %[[O]], %[[R]] heads 4 : tensor<8x12xbf16> -> tensor<4x8xf32>
// CHECK-NEXT: %[[DQ:.*]], %{{.*}}, %{{.*}} = swamla.attention_grad %[[R]], %[[R]], %[[R]], %[[O]], %[[LSE]], %[[D]]
// CHECK-SAME: -> tensor<8x12xbf16>, tensor<8x12xbf16>, tensor<8x12xbf16>
// CHECK-NEXT: %[[DQ32:.*]] = swamla.cast %[[DQ]] : tensor<8x12xbf16> -> tensor<8x12xf32>
// CHECK-NEXT: return %[[DQ32]], %[[LSE]]
func.func @attention(%q: tensor<8x12xf32>, %unused: tensor<8x12xf32>) -> (tensor<8x12xf32>, tensor<4x8xf32>) {
  %cos, %sin = swamla.rope_table theta 10000.0 factor 1.0 : tensor<4x2xf32>
  %r = swamla.rope %q, %cos, %sin heads 4 offset 0 : tensor<8x12xf32>, tensor<4x2xf32>
  %o, %lse = swamla.attention %r, %r, %r seq 4 heads 4 kv_heads 4 scale 0.5 : tensor<8x12xf32>, tensor<8x12xf32>, tensor<8x12xf32> -> tensor<8x12xf32>, tensor<4x8xf32>
  %d = swamla.attention_delta %o, %r heads 4 : tensor<8x12xf32> -> tensor<4x8xf32>
  %dq, %dk, %dv = swamla.attention_grad %r, %r, %r, %o, %lse, %d seq 4 heads 4 kv_heads 4 scale 0.5 : tensor<8x12xf32>, tensor<8x12xf32>, tensor<8x12xf32>, tensor<8x12xf32>, tensor<4x8xf32>, tensor<4x8xf32> -> tensor<8x12xf32>, tensor<8x12xf32>, tensor<8x12xf32>
  return %dq, %lse : tensor<8x12xf32>, tensor<4x8xf32>
}

// -----

// Tests that a product that is only returned is not rounded; one that is also used on is, once, for both; and that a constant follows its users.

// CHECK-LABEL: func.func @products
// CHECK: %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : tensor<4x4xbf16>
// CHECK: %[[A:.*]] = swamla.matmul {{.*}} -> tensor<4x4xf32>
// CHECK: %[[B:.*]] = swamla.matmul {{.*}} -> tensor<4x4xbf16>
// CHECK: %[[C:.*]] = swamla.add %[[B]], %[[ZERO]] : tensor<4x4xbf16>
// CHECK: %[[B32:.*]] = swamla.cast %[[B]]
// CHECK: %[[C32:.*]] = swamla.cast %[[C]]
// CHECK: return %[[A]], %[[B32]], %[[C32]]
func.func @products(%x: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>) {
  %zero = arith.constant dense<0.0> : tensor<4x4xf32>
  %a = swamla.matmul %x, %x : tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x4xf32>
  %b = swamla.matmul %x, %x transpose_a : tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x4xf32>
  %c = swamla.add %b, %zero : tensor<4x4xf32>
  return %a, %b, %c : tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>
}

// -----

// Tests head and loss: x, weight and their cotangents are bf16, the loss and the weight's gradient are not.

swamla.param @w : tensor<16x4xf32> init normal 0.02
// CHECK-LABEL: func.func @loss
// CHECK: %[[LOSS:.*]], %[[DX:.*]], %[[DW:.*]] = swamla.linear_cross_entropy_grad
// CHECK-SAME: : tensor<6x4xbf16>, tensor<16x4xbf16>, tensor<6xi32>, tensor<1xf32> -> tensor<1xf32>, tensor<6x4xbf16>, tensor<16x4xf32>
// CHECK-NEXT: swamla.add_grad @w, %[[DW]] : tensor<16x4xf32>
func.func @loss(%x: tensor<6x4xf32>, %t: tensor<6xi32>, %d: tensor<1xf32>) -> (tensor<1xf32>, tensor<6x4xf32>) {
  %w = swamla.get_param @w : tensor<16x4xf32>
  %loss, %dx, %dw = swamla.linear_cross_entropy_grad %x, %w, %t, %d smoothing 0.0 : tensor<6x4xf32>, tensor<16x4xf32>, tensor<6xi32>, tensor<1xf32> -> tensor<1xf32>, tensor<6x4xf32>, tensor<16x4xf32>
  swamla.add_grad @w, %dw : tensor<16x4xf32>
  return %loss, %dx : tensor<1xf32>, tensor<6x4xf32>
}

// -----

// Tests that two contributions to one gradient that are wide are added wide, that a wide one meets a narrow one as narrow, and that a product
// is added to an activation by an add of its own.

// CHECK-LABEL: func.func @sums
// CHECK: %[[A:.*]] = swamla.embedding_grad {{.*}} -> tensor<16x4xf32>
// CHECK: %[[B:.*]] = swamla.embedding_grad {{.*}} -> tensor<16x4xf32>
// CHECK: %[[AB:.*]] = swamla.add %[[A]], %[[B]] : tensor<16x4xf32>
// CHECK: %[[P:.*]] = swamla.matmul {{.*}} -> tensor<16x4xbf16>
// CHECK: %[[A16:.*]] = swamla.cast %[[A]] : tensor<16x4xf32> -> tensor<16x4xbf16>
// CHECK: %[[AP:.*]] = swamla.add %[[A16]], %[[P]] : tensor<16x4xbf16>
// CHECK: %[[Q:.*]] = swamla.matmul %{{[^ ]*}}, %{{[^ ]*}} : {{.*}} -> tensor<16x4xbf16>
// CHECK: %[[QAP:.*]] = swamla.add %[[AP]], %[[Q]] : tensor<16x4xbf16>
// CHECK: %[[Q32:.*]] = swamla.cast %[[QAP]]
// CHECK: return %[[AB]], %[[Q32]]
func.func @sums(%tokens: tensor<16xi32>, %x: tensor<16x4xf32>, %y: tensor<16x16xf32>) -> (tensor<16x4xf32>, tensor<16x4xf32>) {
  %a = swamla.embedding_grad %tokens, %x : tensor<16xi32>, tensor<16x4xf32> -> tensor<16x4xf32>
  %b = swamla.embedding_grad %tokens, %x : tensor<16xi32>, tensor<16x4xf32> -> tensor<16x4xf32>
  %ab = swamla.add %a, %b : tensor<16x4xf32>
  %p = swamla.matmul %y, %x : tensor<16x16xf32>, tensor<16x4xf32> -> tensor<16x4xf32>
  %ap = swamla.add %a, %p : tensor<16x4xf32>
  %q = swamla.matmul %y, %x init %ap : tensor<16x16xf32>, tensor<16x4xf32>, tensor<16x4xf32> -> tensor<16x4xf32>
  return %ab, %q : tensor<16x4xf32>, tensor<16x4xf32>
}
