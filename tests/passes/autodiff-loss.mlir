// RUN: swamla-opt %s --swamla-autodiff=wrt-args --split-input-file | FileCheck %s

// Tests that loss and gradient come from one op, seeded by the loss scale, and that the forward op is gone.
// CHECK-LABEL: func.func @head
// CHECK-SAME: (%[[X:[^:]*]]: tensor<2x4xf32>, %[[W:[^:]*]]: tensor<7x4xf32>, %[[T:[^:]*]]: tensor<2xi32>)
// CHECK-NEXT: %[[SEED:.*]] = swamla.scalar "loss_scale" {backward} : tensor<1xf32>
// CHECK-NEXT: %[[LOSS:.*]], %[[DX:.*]], %[[DW:.*]] = swamla.linear_cross_entropy_grad %[[X]], %[[W]], %[[T]], %[[SEED]] smoothing 1.0{{.*}}e-01 {backward}
// CHECK-SAME: -> tensor<1xf32>, tensor<2x4xf32>, tensor<7x4xf32>
// CHECK-NEXT: return %[[LOSS]], %[[DX]], %[[DW]]
func.func @head(%x: tensor<2x4xf32>, %w: tensor<7x4xf32>, %t: tensor<2xi32>) -> tensor<1xf32> attributes {swamla.differentiate} {
  %loss = swamla.linear_cross_entropy %x, %w, %t smoothing 0.1 : tensor<2x4xf32>, tensor<7x4xf32>, tensor<2xi32> -> tensor<1xf32>
  return %loss : tensor<1xf32>
}

// -----

// Tests that the forward op stays for a use that comes before the gradient (here the sum of two losses).
// CHECK-LABEL: func.func @two_heads
// CHECK: %[[L0:.*]] = swamla.linear_cross_entropy %
// CHECK: %[[L1:.*]] = swamla.linear_cross_entropy %
// CHECK: %[[SUM:.*]] = swamla.add %[[L0]], %[[L1]]
// CHECK: swamla.linear_cross_entropy_grad
// CHECK: swamla.linear_cross_entropy_grad
// CHECK: return %[[SUM]]
func.func @two_heads(%x: tensor<2x4xf32>, %w: tensor<7x4xf32>, %t: tensor<2xi32>, %u: tensor<2xi32>) -> tensor<1xf32> attributes {swamla.differentiate} {
  %0 = swamla.linear_cross_entropy %x, %w, %t smoothing 0.0 : tensor<2x4xf32>, tensor<7x4xf32>, tensor<2xi32> -> tensor<1xf32>
  %1 = swamla.linear_cross_entropy %x, %w, %u smoothing 0.0 : tensor<2x4xf32>, tensor<7x4xf32>, tensor<2xi32> -> tensor<1xf32>
  %2 = swamla.add %0, %1 : tensor<1xf32>
  return %2 : tensor<1xf32>
}
