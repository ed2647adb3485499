// RUN: swamla-opt %s --swamla-quantize | FileCheck %s

// Tests which sums may lose bits: the forward's, whatever their length, and those of at most 4096 terms in gradients of activations; never a weight gradient's.
// CHECK: swamla.matmul {{.*}} fast_accum : tensor<16x4112xf8E4M3FN>, tensor<16x4112xf8E4M3FN>
// CHECK: swamla.matmul {{.*}} fast_accum : tensor<16x16xf8E4M3FN>, tensor<4112x16xf8E4M3FN>
// CHECK: swamla.matmul {{.*}} transpose_b : tensor<16x16xf8E4M3FN>, tensor<4112x16xf8E4M3FN>{{.*}} -> tensor<16x4112xf32>
// CHECK: swamla.matmul {{.*}} transpose_b : tensor<16x4112xf8E4M3FN>, tensor<16x4112xf8E4M3FN>{{.*}} -> tensor<16x16xbf16>
swamla.param @down : tensor<16x4112xf32> init normal 0.02 decay
swamla.param @up : tensor<4112x16xf32> init normal 0.02 decay
func.func @micro_step(%x: tensor<16x4112xbf16>, %dy: tensor<16x16xbf16>, %dz: tensor<16x4112xbf16>)
    -> (tensor<16x16xbf16>, tensor<16x4112xbf16>, tensor<16x16xbf16>) {
  %w = swamla.get_param @down : tensor<16x4112xbf16>
  %y = swamla.matmul %x, %w transpose_b : tensor<16x4112xbf16>, tensor<16x4112xbf16> -> tensor<16x16xbf16>
  %dx = swamla.matmul %dy, %w : tensor<16x16xbf16>, tensor<16x4112xbf16> -> tensor<16x4112xbf16>
  %dw = swamla.matmul %dy, %x transpose_a : tensor<16x16xbf16>, tensor<16x4112xbf16> -> tensor<16x4112xf32>
  swamla.add_grad @down, %dw : tensor<16x4112xf32>
  %u = swamla.get_param @up : tensor<4112x16xbf16>
  %du = swamla.matmul %dz, %u : tensor<16x4112xbf16>, tensor<4112x16xbf16> -> tensor<16x16xbf16>
  return %y, %dx, %du : tensor<16x16xbf16>, tensor<16x4112xbf16>, tensor<16x16xbf16>
}
