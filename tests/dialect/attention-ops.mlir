// RUN: swamla-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func.func @positions
func.func @positions(%x: tensor<8x12xf32>) {
  // CHECK-NEXT: %[[COS:.*]], %[[SIN:.*]] = swamla.rope_table theta 1.000000e+04 factor 2.000000e+00 : tensor<4x2xf32>
  %cos, %sin = swamla.rope_table theta 10000.0 factor 2.0 : tensor<4x2xf32>
  // CHECK-NEXT: swamla.rope %{{.*}}, %[[COS]], %[[SIN]] heads 3 offset 2 : tensor<8x12xf32>, tensor<4x2xf32>
  %0 = swamla.rope %x, %cos, %sin heads 3 offset 2 : tensor<8x12xf32>, tensor<4x2xf32>
  // CHECK-NEXT: swamla.rope %{{.*}}, %[[COS]], %[[SIN]] heads 3 offset 0 inverse : tensor<8x12xf32>, tensor<4x2xf32>
  %1 = swamla.rope %x, %cos, %sin heads 3 offset 0 inverse : tensor<8x12xf32>, tensor<4x2xf32>
  // CHECK-NEXT: swamla.logit_scale_table base 8.000000e+00 window 16 offset -1 min 1.000000e+00 : tensor<4xf32>
  %2 = swamla.logit_scale_table base 8.0 window 16 offset -1 min 1.0 : tensor<4xf32>
  // CHECK-NEXT: swamla.logit_scale_table base 8.000000e+00 window 16 offset 0 min 1.000000e+00 max 2.000000e+00 : tensor<4xf32>
  %3 = swamla.logit_scale_table base 8.0 window 16 offset 0 min 1.0 max 2.0 : tensor<4xf32>
  // CHECK-NEXT: swamla.scale_rows %{{.*}}, %{{.*}} : tensor<8x12xf32>, tensor<4xf32>
  %4 = swamla.scale_rows %x, %2 : tensor<8x12xf32>, tensor<4xf32>
  return
}

// Sliding window with a sink, two query heads for each KV head.
// CHECK-LABEL: func.func @swa
func.func @swa(%q: tensor<8x12xf32>, %kv: tensor<8x6xf32>, %lse: tensor<4x8xf32>) {
  // CHECK-NEXT: swamla.attention %{{.*}}, %{{.*}}, %{{.*}} seq 4 heads 4 kv_heads 2 scale 5.000000e-01 window 2 sink 1 : tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32> -> tensor<8x12xf32>, tensor<4x8xf32>
  %o, %l = swamla.attention %q, %kv, %kv seq 4 heads 4 kv_heads 2 scale 0.5 window 2 sink 1 : tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32> -> tensor<8x12xf32>, tensor<4x8xf32>
  // CHECK-NEXT: swamla.attention_delta %{{.*}}, %{{.*}} heads 4 : tensor<8x12xf32> -> tensor<4x8xf32>
  %d = swamla.attention_delta %o, %q heads 4 : tensor<8x12xf32> -> tensor<4x8xf32>
  // CHECK-NEXT: swamla.attention_grad %{{.*}} seq 4 heads 4 kv_heads 2 scale 5.000000e-01 window 2 sink 1 : {{.*}} -> tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32>
  %dq, %dk, %dv = swamla.attention_grad %q, %kv, %kv, %q, %lse, %d seq 4 heads 4 kv_heads 2 scale 0.5 window 2 sink 1 : tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32>, tensor<8x12xf32>, tensor<4x8xf32>, tensor<4x8xf32> -> tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32>
  return
}

// Unequal head widths and a shared key, causal.
// CHECK-LABEL: func.func @mla
func.func @mla(%q: tensor<8x12xf32>, %k: tensor<8x8xf32>, %v: tensor<8x6xf32>, %s: tensor<8x2xf32>, %h: tensor<2x8xf32>) {
  // CHECK-NEXT: swamla.attention %{{.*}}, %{{.*}}, %{{.*}} shared %{{.*}} seq 8 heads 2 kv_heads 2 scale 5.000000e-01 : tensor<8x12xf32>, tensor<8x8xf32>, tensor<8x6xf32>, tensor<8x2xf32> -> tensor<8x6xf32>, tensor<2x8xf32>
  %o, %l = swamla.attention %q, %k, %v shared %s seq 8 heads 2 kv_heads 2 scale 0.5 : tensor<8x12xf32>, tensor<8x8xf32>, tensor<8x6xf32>, tensor<8x2xf32> -> tensor<8x6xf32>, tensor<2x8xf32>
  // CHECK-NEXT: swamla.attention_grad %{{.*}}, %{{.*}}, %{{.*}} shared %{{.*}}, %{{.*}} out %{{.*}} seq 8 heads 2 kv_heads 2 scale 5.000000e-01 : {{.*}} -> tensor<8x12xf32>, tensor<8x8xf32>, tensor<8x6xf32>, tensor<8x4xf32>, tensor<2x8xf32>
  %eq, %ek, %ev, %es, %ed = swamla.attention_grad %q, %k, %v shared %s, %o, %l out %o seq 8 heads 2 kv_heads 2 scale 0.5 : tensor<8x12xf32>, tensor<8x8xf32>, tensor<8x6xf32>, tensor<8x2xf32>, tensor<8x6xf32>, tensor<2x8xf32>, tensor<8x6xf32> -> tensor<8x12xf32>, tensor<8x8xf32>, tensor<8x6xf32>, tensor<8x4xf32>, tensor<2x8xf32>
  // CHECK-NEXT: swamla.attention_grad %{{.*}}, %{{.*}}, %{{.*}} shared %{{.*}}, %{{.*}} seq 8 heads 2 kv_heads 2 scale 5.000000e-01 : {{.*}} -> tensor<8x12xf32>, tensor<8x8xf32>, tensor<8x6xf32>, tensor<8x4xf32>
  %dq, %dk, %dv, %ds = swamla.attention_grad %q, %k, %v shared %s, %o, %l, %h seq 8 heads 2 kv_heads 2 scale 0.5 : tensor<8x12xf32>, tensor<8x8xf32>, tensor<8x6xf32>, tensor<8x2xf32>, tensor<8x6xf32>, tensor<2x8xf32>, tensor<2x8xf32> -> tensor<8x12xf32>, tensor<8x8xf32>, tensor<8x6xf32>, tensor<8x4xf32>
  return
}
