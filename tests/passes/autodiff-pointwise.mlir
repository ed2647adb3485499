// RUN: swamla-opt %s --swamla-autodiff=wrt-args --split-input-file | FileCheck %s

// Tests that both operands of add get the cotangent as it is.
// CHECK-LABEL: func.func @add
// CHECK-SAME: %[[DY:[^:, ]*]]: tensor<2x4xf32>) ->
// CHECK: %[[Y:.*]] = swamla.add
// CHECK-NEXT: return %[[Y]], %[[DY]], %[[DY]]
func.func @add(%a: tensor<2x4xf32>, %b: tensor<2x4xf32>) -> tensor<2x4xf32> attributes {swamla.differentiate} {
  %y = swamla.add %a, %b : tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// -----

// Tests that a bias gets the sum over rows.
// CHECK-LABEL: func.func @bias_add
// CHECK-SAME: %[[DY:[^:, ]*]]: tensor<2x4xf32>) ->
// CHECK: %[[Y:.*]] = swamla.bias_add
// CHECK-NEXT: %[[DB:.*]] = swamla.column_sum %[[DY]] {backward} : tensor<2x4xf32> -> tensor<4xf32>
// CHECK-NEXT: return %[[Y]], %[[DY]], %[[DB]]
func.func @bias_add(%x: tensor<2x4xf32>, %b: tensor<4xf32>) -> tensor<2x4xf32> attributes {swamla.differentiate} {
  %y = swamla.bias_add %x, %b : tensor<2x4xf32>, tensor<4xf32>
  return %y : tensor<2x4xf32>
}

// -----

// Tests that swiglu's rule gives the cotangents of value and gate, in this order.
// CHECK-LABEL: func.func @swiglu
// CHECK-SAME: (%[[V:[^:]*]]: tensor<2x4xf32>, %[[G:[^:]*]]: tensor<2x4xf32>, %[[DY:[^:]*]]: tensor<2x4xf32>)
// CHECK: %[[Y:.*]] = swamla.swiglu
// CHECK-NEXT: %[[DV:.*]], %[[DG:.*]] = swamla.swiglu_grad %[[V]], %[[G]], %[[DY]] {backward}
// CHECK-NEXT: return %[[Y]], %[[DV]], %[[DG]]
func.func @swiglu(%v: tensor<2x4xf32>, %g: tensor<2x4xf32>) -> tensor<2x4xf32> attributes {swamla.differentiate} {
  %y = swamla.swiglu %v, %g : tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// -----

// Tests that dropout's gradient is the same mask: same key, probability and site.
// CHECK-LABEL: func.func @dropout
// CHECK-SAME: %[[DY:[^:, ]*]]: tensor<2x4xf32>) ->
// CHECK: %[[KEY:.*]] = swamla.scalar "dropout_key" :
// CHECK-NEXT: %[[Y:.*]] = swamla.dropout
// CHECK-NEXT: %[[DX:.*]] = swamla.dropout %[[DY]], %[[KEY]] p 1.0{{.*}}e-01 site 7 {backward}
// CHECK-NEXT: return %[[Y]], %[[DX]]
func.func @dropout(%x: tensor<2x4xf32>) -> tensor<2x4xf32> attributes {swamla.differentiate} {
  %key = swamla.scalar "dropout_key" : tensor<1xi32>
  %y = swamla.dropout %x, %key p 1.0e-1 site 7 : tensor<2x4xf32>, tensor<1xi32>
  return %y : tensor<2x4xf32>
}
