// RUN: swamla-opt %s --swamla-autodiff=wrt-args --split-input-file | FileCheck %s

// Tests that rms_norm's rule gives the cotangents of x and weight.
// CHECK-LABEL: func.func @rms_norm
// CHECK-SAME: (%[[X:.*]]: tensor<4x8xf32>, %[[W:.*]]: tensor<8xf32>, %[[DY:.*]]: tensor<4x8xf32>)
// CHECK-SAME: -> (tensor<4x8xf32>, tensor<4x8xf32>, tensor<8xf32>)
// CHECK: %[[Y:.*]] = swamla.rms_norm %[[X]], %[[W]] eps 5.000000e-01 :
// CHECK: %[[DX:.*]], %[[DW:.*]] = swamla.rms_norm_grad %[[X]], %[[W]], %[[DY]] eps 5.000000e-01 {backward}
// CHECK: return %[[Y]], %[[DX]], %[[DW]]
func.func @rms_norm(%x: tensor<4x8xf32>, %w: tensor<8xf32>) -> tensor<4x8xf32> attributes {swamla.differentiate} {
  %y = swamla.rms_norm %x, %w eps 0.5 : tensor<4x8xf32>, tensor<8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// Tests that layer_norm's rule gives the cotangents of x, weight and bias, without use for the bias itself.
// CHECK-LABEL: func.func @layer_norm
// CHECK-SAME: (%[[X:.*]]: tensor<4x8xf32>, %[[W:.*]]: tensor<8xf32>, %[[B:.*]]: tensor<8xf32>, %[[DY:.*]]: tensor<4x8xf32>)
// CHECK: %[[Y:.*]] = swamla.layer_norm
// CHECK: %[[DX:.*]], %[[DW:.*]], %[[DB:.*]] = swamla.layer_norm_grad %[[X]], %[[W]], %[[DY]] eps 2.500000e-01 {backward}
// CHECK: return %[[Y]], %[[DX]], %[[DW]], %[[DB]]
func.func @layer_norm(%x: tensor<4x8xf32>, %w: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<4x8xf32> attributes {swamla.differentiate} {
  %y = swamla.layer_norm %x, %w, %b eps 0.25 : tensor<4x8xf32>, tensor<8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// Tests that dyt's rule sums alpha's row-wise cotangents.
// CHECK-LABEL: func.func @dyt
// CHECK-SAME: (%[[X:[^:]*]]: tensor<4x8xf32>, %[[A:[^:]*]]: tensor<1xf32>, %[[W:[^:]*]]: tensor<8xf32>, %[[B:[^:]*]]: tensor<8xf32>, %[[DY:[^:]*]]: tensor<4x8xf32>)
// CHECK: %[[Y:.*]] = swamla.dyt %
// CHECK: %[[DX:.*]], %[[ROWS:.*]], %[[DW:.*]], %[[DB:.*]] = swamla.dyt_grad %[[X]], %[[A]], %[[W]], %[[DY]] {backward} : {{.*}} -> tensor<4xf32>
// CHECK: %[[DA:.*]] = swamla.sum %[[ROWS]] {backward} : tensor<4xf32> -> tensor<1xf32>
// CHECK: return %[[Y]], %[[DX]], %[[DA]], %[[DW]], %[[DB]]
func.func @dyt(%x: tensor<4x8xf32>, %a: tensor<1xf32>, %w: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<4x8xf32> attributes {swamla.differentiate} {
  %y = swamla.dyt %x, %a, %w, %b : tensor<4x8xf32>, tensor<1xf32>, tensor<8xf32>
  return %y : tensor<4x8xf32>
}
