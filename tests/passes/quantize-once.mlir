// RUN: swamla-opt %s --split-input-file "--swamla-quantize=recipe=delayed weights-once" | FileCheck %s

// Tests that with weights-once the backward transposes the one copy of a weight, right before the product that reads it.
swamla.param @w : tensor<64x32xf32> init normal 0.02 decay

// CHECK-LABEL: func.func @micro_step
// CHECK: swamla.get_param @w : tensor<64x32xf8E4M3FN>
// CHECK: %[[W:.*]] = swamla.get_param @w {backward, scope = "h"} : tensor<64x32xf8E4M3FN>
// CHECK-NEXT: %[[T:.*]] = swamla.transpose %[[W]] {backward, scope = "h"} : tensor<64x32xf8E4M3FN> -> tensor<32x64xf8E4M3FN>
// CHECK-NEXT: swamla.matmul %{{.*}}, %[[T]] scales {{.*}} transpose_b fast_accum {backward, label = "w.dx", scope = "h"}
func.func @micro_step(%x: tensor<16x32xbf16>, %dy: tensor<16x64xbf16>) -> (tensor<16x64xbf16>, tensor<16x32xbf16>) {
  %w = swamla.get_param @w : tensor<64x32xbf16>
  %y = swamla.matmul %x, %w transpose_b : tensor<16x32xbf16>, tensor<64x32xbf16> -> tensor<16x64xbf16>
  %dx = swamla.matmul %dy, %w {backward, scope = "h"} : tensor<16x64xbf16>, tensor<64x32xbf16> -> tensor<16x32xbf16>
  return %y, %dx : tensor<16x64xbf16>, tensor<16x32xbf16>
}

// -----

// Tests that attention's result, which the backward reads anyway, is transposed for its weight's gradient in the backward, and not kept twice from the forward on.
swamla.param @w : tensor<16x32xf32> init normal 0.02 decay

// CHECK-LABEL: func.func @micro_step
// CHECK: %[[O:.*]], %{{.*}} = swamla.attention
// CHECK-NOT: transposed
// CHECK: swamla.matmul {{.*}} fast_accum
// CHECK: %[[T:.*]] = swamla.quantize %[[O]] scale %{{.*}} transposed {backward} : {{.*}} -> tensor<32x16xf8E4M3FN>
// CHECK-NEXT: swamla.matmul %{{.*}}, %[[T]] scales {{.*}} {backward}
// CHECK: swamla.attention_delta %[[O]]
func.func @micro_step(%q: tensor<16x32xbf16>, %dy: tensor<16x16xbf16>, %do: tensor<16x32xbf16>) -> (tensor<16x16xbf16>, tensor<2x16xf32>) {
  %w = swamla.get_param @w : tensor<16x32xbf16>
  %o, %lse = swamla.attention %q, %q, %q seq 16 heads 2 kv_heads 2 scale 0.25 : tensor<16x32xbf16>, tensor<16x32xbf16>, tensor<16x32xbf16> -> tensor<16x32xbf16>, tensor<2x16xf32>
  %y = swamla.matmul %o, %w transpose_b : tensor<16x32xbf16>, tensor<16x32xbf16> -> tensor<16x16xbf16>
  %dw = swamla.matmul %dy, %o transpose_a {backward} : tensor<16x16xbf16>, tensor<16x32xbf16> -> tensor<16x32xf32>
  swamla.add_grad @w, %dw {backward} : tensor<16x32xf32>
  %delta = swamla.attention_delta %o, %do heads 2 {backward} : tensor<16x32xbf16> -> tensor<2x16xf32>
  return %y, %delta : tensor<16x16xbf16>, tensor<2x16xf32>
}
