// RUN: swamla-opt %s --swamla-autodiff=wrt-args --split-input-file | FileCheck %s

// Tests that the cotangents of a value with three uses are added, latest use first.
// CHECK-LABEL: func.func @fan_out
// CHECK-SAME: (%[[X:[^:]*]]: tensor<2x2xf32>, %[[A:[^:]*]]: tensor<2x2xf32>, %[[B:[^:]*]]: tensor<2x2xf32>, %[[DY:[^:]*]]: tensor<2x2xf32>)
// CHECK: %[[XB:.*]] = swamla.matmul %[[X]], %[[B]] :
// CHECK: %[[FROM_B:.*]] = swamla.matmul %[[DY]], %[[B]] transpose_b {backward}
// CHECK: %[[SUM0:.*]] = swamla.add %[[DY]], %[[FROM_B]] {backward}
// CHECK: %[[FROM_A:.*]] = swamla.matmul %[[DY]], %[[A]] transpose_b {backward}
// CHECK: %[[SUM1:.*]] = swamla.add %[[SUM0]], %[[FROM_A]] {backward}
// CHECK: return %{{[^,]*}}, %[[SUM1]],
func.func @fan_out(%x: tensor<2x2xf32>, %a: tensor<2x2xf32>, %b: tensor<2x2xf32>) -> tensor<2x2xf32> attributes {swamla.differentiate} {
  %0 = swamla.matmul %x, %a : tensor<2x2xf32>, tensor<2x2xf32> -> tensor<2x2xf32>
  %1 = swamla.matmul %x, %b : tensor<2x2xf32>, tensor<2x2xf32> -> tensor<2x2xf32>
  %2 = swamla.add %0, %1 : tensor<2x2xf32>
  %3 = swamla.add %x, %2 : tensor<2x2xf32>
  return %3 : tensor<2x2xf32>
}

// -----

// Tests that a value used twice by one op gets both cotangents.
// CHECK-LABEL: func.func @twice
// CHECK-SAME: %[[DY:[^:, ]*]]: tensor<2x2xf32>) ->
// CHECK: %[[Y:.*]] = swamla.add
// CHECK: %[[DX:.*]] = swamla.add %[[DY]], %[[DY]] {backward}
// CHECK: return %[[Y]], %[[DX]]
func.func @twice(%x: tensor<2x2xf32>) -> tensor<2x2xf32> attributes {swamla.differentiate} {
  %0 = swamla.add %x, %x : tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}

// -----

// Tests that an argument that nothing depends on has the cotangent zero, and that dead forward code is dropped.
// CHECK-LABEL: func.func @unused
// CHECK-SAME: tensor<2x2xf32> {swamla.name = "d_x"}, tensor<2x2xf32> {swamla.name = "d_z"})
// CHECK-NOT: swamla.add
// CHECK: %[[ZERO:.*]] = arith.constant {backward} dense<0.0{{.*}}>
// CHECK: return %{{.*}}, %{{.*}}, %[[ZERO]]
func.func @unused(%x: tensor<2x2xf32> {swamla.name = "x"}, %z: tensor<2x2xf32> {swamla.name = "z"}) -> tensor<2x2xf32> attributes {swamla.differentiate} {
  %0 = swamla.add %z, %z : tensor<2x2xf32>
  return %x : tensor<2x2xf32>
}
