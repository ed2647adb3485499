// RUN: swamla-opt %s --swamla-chunk-loss="logits-bytes=2048" | FileCheck %s
// RUN: not swamla-opt %s --swamla-chunk-loss="logits-bytes=0" 2>&1 | FileCheck %s --check-prefix=NONE

// Tests that a chunk's logits keep to --logits-bytes: 64 rows of 16 f32 are 4096 bytes, so two chunks of 32.
// CHECK-LABEL: func.func @loss
// CHECK: swamla.matmul {{.*}} -> tensor<32x16xf32>
// CHECK: swamla.matmul {{.*}} -> tensor<32x16xf32>
// CHECK-NOT: swamla.matmul
// NONE: swamla-chunk-loss: expected logits-bytes >= 1, found 0
func.func @loss(%x: tensor<64x8xf32>, %w: tensor<16x8xf32>, %t: tensor<64xi32>) -> tensor<1xf32> {
  %loss = swamla.linear_cross_entropy %x, %w, %t smoothing 0.0 : tensor<64x8xf32>, tensor<16x8xf32>, tensor<64xi32> -> tensor<1xf32>
  return %loss : tensor<1xf32>
}
