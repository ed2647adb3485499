// RUN: swamla-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func.func @head
func.func @head(%x: tensor<4x6xf32>, %w: tensor<9x6xf32>, %t: tensor<4xi32>, %one: tensor<1xf32>) {
  // CHECK-NEXT: swamla.linear_cross_entropy %{{.*}}, %{{.*}}, %{{.*}} smoothing 1.000000e-01 : tensor<4x6xf32>, tensor<9x6xf32>, tensor<4xi32> -> tensor<1xf32>
  %0 = swamla.linear_cross_entropy %x, %w, %t smoothing 0.1 : tensor<4x6xf32>, tensor<9x6xf32>, tensor<4xi32> -> tensor<1xf32>
  // CHECK-NEXT: swamla.linear_cross_entropy_grad %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} smoothing 0.000000e+00 : tensor<4x6xf32>, tensor<9x6xf32>, tensor<4xi32>, tensor<1xf32> -> tensor<1xf32>, tensor<4x6xf32>, tensor<9x6xf32>
  %1, %2, %3 = swamla.linear_cross_entropy_grad %x, %w, %t, %one smoothing 0.0 : tensor<4x6xf32>, tensor<9x6xf32>, tensor<4xi32>, tensor<1xf32> -> tensor<1xf32>, tensor<4x6xf32>, tensor<9x6xf32>
  // CHECK-NEXT: swamla.linear_cross_entropy_grad %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} init %{{.*}} smoothing 0.000000e+00 : {{.*}} -> tensor<1xf32>, tensor<4x6xf32>, tensor<9x6xf32>
  %4, %5, %6 = swamla.linear_cross_entropy_grad %x, %w, %t, %one init %3 smoothing 0.0 : tensor<4x6xf32>, tensor<9x6xf32>, tensor<4xi32>, tensor<1xf32>, tensor<9x6xf32> -> tensor<1xf32>, tensor<4x6xf32>, tensor<9x6xf32>
  return
}

// CHECK-LABEL: func.func @rows
func.func @rows(%x: tensor<4x9xf32>, %t: tensor<4xi32>, %one: tensor<1xf32>) {
  // CHECK-NEXT: swamla.target_weight %{{.*}} : tensor<4xi32> -> tensor<1xf32>
  %0 = swamla.target_weight %t : tensor<4xi32> -> tensor<1xf32>
  // CHECK-NEXT: swamla.cross_entropy_rows %{{.*}}, %{{.*}}, %{{.*}} smoothing 0.000000e+00 : tensor<4x9xf32>, tensor<4xi32>, tensor<1xf32> -> tensor<4xf32>
  %1 = swamla.cross_entropy_rows %x, %t, %0 smoothing 0.0 : tensor<4x9xf32>, tensor<4xi32>, tensor<1xf32> -> tensor<4xf32>
  // CHECK-NEXT: swamla.cross_entropy_rows_grad %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} smoothing 1.000000e-01 : tensor<4x9xf32>, tensor<4xi32>, tensor<1xf32>, tensor<1xf32> -> tensor<4xf32>, tensor<4x9xf32>
  %2, %3 = swamla.cross_entropy_rows_grad %x, %t, %0, %one smoothing 0.1 : tensor<4x9xf32>, tensor<4xi32>, tensor<1xf32>, tensor<1xf32> -> tensor<4xf32>, tensor<4x9xf32>
  return
}
