// RUN: swamla-opt %s --swamla-save-f8 | FileCheck %s

// Tests that value and gate of a gated MLP, which an fp8 product makes, are read rounded by the backward, each op with numbers of its own, and as they are by the forward;
// the cotangent dh, also from an fp8 product, is not touched.
// CHECK-LABEL: func.func @saved
// CHECK: %[[Y:.*]] = swamla.matmul %{{.*}} scales {{.*}} fast_accum {scope = "h.0.mlp"}
// CHECK-NEXT: %[[P:.*]]:2 = swamla.split %[[Y]]
// CHECK-NEXT: %[[VROWS:.*]] = swamla.row_amax %[[P]]#0 {scope = "h.0.mlp"} : tensor<16x64xbf16> -> tensor<16xf32>
// CHECK-NEXT: %[[VS:.*]] = swamla.row_scale %[[VROWS]] for f8E4M3FN columns 64 {scope = "h.0.mlp"}
// CHECK-NEXT: %[[VQ:.*]] = swamla.quantize %[[P]]#0 scale %[[VS]] {scope = "h.0.mlp"} : {{.*}} -> tensor<16x64xf8E4M3FN>
// CHECK-NEXT: %[[GROWS:.*]] = swamla.row_amax %[[P]]#1
// CHECK-NEXT: %[[GS:.*]] = swamla.row_scale %[[GROWS]]
// CHECK-NEXT: %[[GQ:.*]] = swamla.quantize %[[P]]#1 scale %[[GS]]
// CHECK-NEXT: swamla.swiglu %[[P]]#0, %[[P]]#1 {scope
// CHECK-NEXT: %[[V1:.*]] = swamla.dequantize %[[VQ]] scale %[[VS]] {recompute} : {{.*}} -> tensor<16x64xbf16>
// CHECK-NEXT: %[[G1:.*]] = swamla.dequantize %[[GQ]] scale %[[GS]] {recompute}
// CHECK-NEXT: swamla.swiglu %[[V1]], %[[G1]] {recompute}
// CHECK-NEXT: %[[DH:.*]] = swamla.matmul
// CHECK-NEXT: %[[V2:.*]] = swamla.dequantize %[[VQ]] scale %[[VS]] {backward}
// CHECK-NEXT: %[[G2:.*]] = swamla.dequantize %[[GQ]] scale %[[GS]] {backward}
// CHECK-NEXT: swamla.swiglu_grad %[[V2]], %[[G2]], %[[DH]] {backward}
func.func @saved(%x: tensor<16x32xf8E4M3FN>, %w: tensor<128x32xf8E4M3FN>, %dy: tensor<16x32xf8E5M2>, %wt: tensor<64x32xf8E4M3FN>, %s: tensor<1xf32>)
    -> (tensor<16x64xbf16>, tensor<16x64xbf16>, tensor<16x64xbf16>, tensor<16x64xbf16>) {
  %y = swamla.matmul %x, %w scales %s, %s transpose_b fast_accum {scope = "h.0.mlp"} : tensor<16x32xf8E4M3FN>, tensor<128x32xf8E4M3FN>, tensor<1xf32>, tensor<1xf32> -> tensor<16x128xbf16>
  %v, %g = swamla.split %y heads 1 {scope = "h.0.mlp"} : tensor<16x128xbf16> -> tensor<16x64xbf16>, tensor<16x64xbf16>
  %h = swamla.swiglu %v, %g {scope = "h.0.mlp"} : tensor<16x64xbf16>
  %h2 = swamla.swiglu %v, %g {recompute} : tensor<16x64xbf16>
  %dh = swamla.matmul %dy, %wt scales %s, %s transpose_b {backward} : tensor<16x32xf8E5M2>, tensor<64x32xf8E4M3FN>, tensor<1xf32>, tensor<1xf32> -> tensor<16x64xbf16>
  %dv, %dg = swamla.swiglu_grad %v, %g, %dh {backward} : tensor<16x64xbf16>
  return %h, %h2, %dv, %dg : tensor<16x64xbf16>, tensor<16x64xbf16>, tensor<16x64xbf16>, tensor<16x64xbf16>
}

// Tests that a product which is computed again is rounded where that is done: checkpoint modes have the same bits.
// CHECK-LABEL: func.func @again
// CHECK: %[[Y:.*]] = swamla.matmul {{.*}} {recompute}
// CHECK-NEXT: swamla.row_amax %[[Y]] {recompute}
// CHECK-NEXT: swamla.row_scale
// CHECK-NEXT: %[[Q:.*]] = swamla.quantize %[[Y]] scale %[[S:.*]] {recompute}
// CHECK-NEXT: %[[D:.*]] = swamla.dequantize %[[Q]] scale %[[S]] {backward}
// CHECK-NEXT: swamla.swiglu_grad %[[D]], %{{.*}}, %{{.*}} {backward}
func.func @again(%x: tensor<16x32xf8E4M3FN>, %w: tensor<64x32xf8E4M3FN>, %g: tensor<16x64xbf16>, %dh: tensor<16x64xbf16>, %s: tensor<1xf32>) -> (tensor<16x64xbf16>, tensor<16x64xbf16>) {
  %y = swamla.matmul %x, %w scales %s, %s transpose_b fast_accum {recompute} : tensor<16x32xf8E4M3FN>, tensor<64x32xf8E4M3FN>, tensor<1xf32>, tensor<1xf32> -> tensor<16x64xbf16>
  %dv, %dg = swamla.swiglu_grad %y, %g, %dh {backward} : tensor<16x64xbf16>
  return %dv, %dg : tensor<16x64xbf16>, tensor<16x64xbf16>
}

// Tests that results of bf16 products stay what they are.
// CHECK-LABEL: func.func @wide
// CHECK-NOT: quantize
// CHECK: return
func.func @wide(%x: tensor<16x32xbf16>, %w: tensor<128x32xbf16>, %dh: tensor<16x64xbf16>) -> (tensor<16x64xbf16>, tensor<16x64xbf16>) {
  %y = swamla.matmul %x, %w transpose_b : tensor<16x32xbf16>, tensor<128x32xbf16> -> tensor<16x128xbf16>
  %v, %g = swamla.split %y heads 1 : tensor<16x128xbf16> -> tensor<16x64xbf16>, tensor<16x64xbf16>
  %dv, %dg = swamla.swiglu_grad %v, %g, %dh {backward} : tensor<16x64xbf16>
  return %dv, %dg : tensor<16x64xbf16>, tensor<16x64xbf16>
}
