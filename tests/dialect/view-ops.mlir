// RUN: swamla-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func.func @views
func.func @views(%x: tensor<4x12xf32>, %v: tensor<6xi32>) {
  // CHECK-NEXT: %[[S:.*]]:2 = swamla.split %{{.*}} heads 2 : tensor<4x12xf32> -> tensor<4x8xf32>, tensor<4x4xf32>
  %0:2 = swamla.split %x heads 2 : tensor<4x12xf32> -> tensor<4x8xf32>, tensor<4x4xf32>
  // CHECK-NEXT: swamla.join %[[S]]#0, %[[S]]#1 heads 2 : tensor<4x8xf32>, tensor<4x4xf32> -> tensor<4x12xf32>
  %1 = swamla.join %0#0, %0#1 heads 2 : tensor<4x8xf32>, tensor<4x4xf32> -> tensor<4x12xf32>
  // CHECK-NEXT: swamla.slice_rows %{{.*}} from 1 : tensor<4x12xf32> -> tensor<3x12xf32>
  %2 = swamla.slice_rows %x from 1 : tensor<4x12xf32> -> tensor<3x12xf32>
  // CHECK-NEXT: swamla.slice_rows %{{.*}} from 0 : tensor<6xi32> -> tensor<6xi32>
  %3 = swamla.slice_rows %v from 0 : tensor<6xi32> -> tensor<6xi32>
  // CHECK-NEXT: swamla.join_rows %{{.*}}, %{{.*}} : tensor<4x12xf32>, tensor<3x12xf32> -> tensor<7x12xf32>
  %4 = swamla.join_rows %x, %2 : tensor<4x12xf32>, tensor<3x12xf32> -> tensor<7x12xf32>
  return
}
