// RUN: swamla-opt %s --swamla-autodiff=wrt-args --split-input-file | FileCheck %s

// Tests that split's gradient is a join of the parts' cotangents.
// CHECK-LABEL: func.func @split
// CHECK-SAME: %[[D0:[^:, ]*]]: tensor<2x6xf32>, %[[D1:[^:]*]]: tensor<2x3xf32>) ->
// CHECK: swamla.split
// CHECK-NEXT: %[[DX:.*]] = swamla.join %[[D0]], %[[D1]] heads 3 {backward} : tensor<2x6xf32>, tensor<2x3xf32> -> tensor<2x9xf32>
// CHECK-NEXT: return %{{.*}}, %{{.*}}, %[[DX]]
func.func @split(%x: tensor<2x9xf32>) -> (tensor<2x6xf32>, tensor<2x3xf32>) attributes {swamla.differentiate} {
  %a, %b = swamla.split %x heads 3 : tensor<2x9xf32> -> tensor<2x6xf32>, tensor<2x3xf32>
  return %a, %b : tensor<2x6xf32>, tensor<2x3xf32>
}

// -----

// Tests that a part that nothing depends on has the cotangent zero.
// CHECK-LABEL: func.func @split_unused
// CHECK-SAME: %[[D1:[^:, ]*]]: tensor<2x3xf32>) ->
// CHECK: %[[ZERO:.*]] = arith.constant {backward} dense<0.0{{.*}}> : tensor<2x6xf32>
// CHECK: swamla.join %[[ZERO]], %[[D1]] heads 3 {backward}
func.func @split_unused(%x: tensor<2x9xf32>) -> tensor<2x3xf32> attributes {swamla.differentiate} {
  %a, %b = swamla.split %x heads 3 : tensor<2x9xf32> -> tensor<2x6xf32>, tensor<2x3xf32>
  return %b : tensor<2x3xf32>
}

// -----

// Tests that join's gradient is a split.
// CHECK-LABEL: func.func @join
// CHECK-SAME: %[[DY:[^:, ]*]]: tensor<2x9xf32>) ->
// CHECK: swamla.join
// CHECK-NEXT: %[[D:.*]]:2 = swamla.split %[[DY]] heads 3 {backward} : tensor<2x9xf32> -> tensor<2x6xf32>, tensor<2x3xf32>
// CHECK-NEXT: return %{{.*}}, %[[D]]#0, %[[D]]#1
func.func @join(%a: tensor<2x6xf32>, %b: tensor<2x3xf32>) -> tensor<2x9xf32> attributes {swamla.differentiate} {
  %y = swamla.join %a, %b heads 3 : tensor<2x6xf32>, tensor<2x3xf32> -> tensor<2x9xf32>
  return %y : tensor<2x9xf32>
}
