// RUN: swamla-opt %s --swamla-quantize="recipe=delayed" | FileCheck %s --check-prefixes=CHECK,E4M3,FORWARD
// RUN: swamla-opt %s --swamla-quantize="recipe=delayed gradients=e5m2" | FileCheck %s --check-prefixes=CHECK,E5M2,FORWARD
// RUN: swamla-opt %s --swamla-quantize="recipe=tensorwise forward=false" | FileCheck %s --check-prefixes=CHECK,BF16
// RUN: swamla-opt %s --swamla-quantize="recipe=rowwise forward=false" | FileCheck %s --check-prefixes=CHECK,ROW

// Tests the format of cotangents, and a forward whose products stay bf16 while the backward's are fp8.

// E4M3: module attributes {swamla.scaling = {cotangents = f8E4M3FN, cotangents_from = 2 : i64,
// E5M2: module attributes {swamla.scaling = {cotangents = f8E5M2, cotangents_from = 2 : i64,
swamla.param @w : tensor<64x32xf32> init normal 0.02 decay

// CHECK-LABEL: func.func @micro_step
// CHECK-SAME: (%[[X:.*]]: tensor<16x32xbf16>
// BF16: swamla.tensor_scale %{{.*}} for f8E4M3FN
// BF16: swamla.quantize %[[X]] scale %{{.*}} transposed : {{.*}} -> tensor<32x16xf8E4M3FN>
// CHECK: %[[DY:.*]] = swamla.add
// E4M3-DAG: swamla.quantize %[[DY]] scale %{{.*}} -> tensor<16x64xf8E4M3FN>
// E5M2-DAG: swamla.quantize %[[DY]] scale %{{.*}} -> tensor<16x64xf8E5M2>
// BF16-NOT: -> tensor<16x32xf8E4M3FN>
// ROW-NOT: swamla.quantize %[[X]]
// FORWARD: swamla.matmul {{.*}} fast_accum : tensor<16x32xf8E4M3FN>
// BF16: %[[W:.*]] = swamla.get_param @w : tensor<64x32xbf16>
// BF16: swamla.matmul %[[X]], %[[W]] transpose_b : tensor<16x32xbf16>
// ROW: %[[W:.*]] = swamla.get_param @w : tensor<64x32xbf16>
// ROW: swamla.matmul %[[X]], %[[W]] transpose_b : tensor<16x32xbf16>
// E4M3: swamla.matmul {{.*}} : tensor<64x16xf8E4M3FN>, tensor<32x16xf8E4M3FN>, {{.*}} -> tensor<64x32xf32>
// E5M2: swamla.matmul {{.*}} : tensor<64x16xf8E5M2>, tensor<32x16xf8E4M3FN>, {{.*}} -> tensor<64x32xf32>
// BF16: swamla.matmul {{.*}} : tensor<64x16xf8E4M3FN>, tensor<32x16xf8E4M3FN>, {{.*}} -> tensor<64x32xf32>
// ROW: swamla.matmul %[[DY]], %[[X]] transpose_a : {{.*}} -> tensor<64x32xf32>
// CHECK: swamla.get_param @w transposed : tensor<32x64xf8E4M3FN>
// E5M2: swamla.matmul {{.*}} : tensor<16x64xf8E5M2>, tensor<32x64xf8E4M3FN>
// BF16: swamla.matmul {{.*}} : tensor<16x64xf8E4M3FN>, tensor<32x64xf8E4M3FN>
// ROW: swamla.matmul {{.*}} : tensor<16x64xf8E4M3FN>, tensor<32x64xf8E4M3FN>
func.func @micro_step(%x: tensor<16x32xbf16>, %dz: tensor<16x64xbf16>) -> (tensor<16x64xbf16>, tensor<16x32xbf16>) {
  %dy = swamla.add %dz, %dz : tensor<16x64xbf16>
  %w = swamla.get_param @w : tensor<64x32xbf16>
  %y = swamla.matmul %x, %w transpose_b : tensor<16x32xbf16>, tensor<64x32xbf16> -> tensor<16x64xbf16>
  %dw = swamla.matmul %dy, %x transpose_a : tensor<16x64xbf16>, tensor<16x32xbf16> -> tensor<64x32xf32>
  swamla.add_grad @w, %dw : tensor<64x32xf32>
  %dx = swamla.matmul %dy, %w : tensor<16x64xbf16>, tensor<64x32xbf16> -> tensor<16x32xbf16>
  return %y, %dx : tensor<16x64xbf16>, tensor<16x32xbf16>
}

// CHECK-LABEL: func.func @eval
// FORWARD: swamla.matmul {{.*}} scales
// BF16-NOT: scales
// ROW-NOT: scales
func.func @eval(%x: tensor<16x32xbf16>) -> tensor<16x64xbf16> {
  %w = swamla.get_param @w : tensor<64x32xbf16>
  %y = swamla.matmul %x, %w transpose_b : tensor<16x32xbf16>, tensor<64x32xbf16> -> tensor<16x64xbf16>
  return %y : tensor<16x64xbf16>
}
