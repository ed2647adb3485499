// RUN: swamla-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func.func @optimizers
func.func @optimizers(%p: tensor<4x8xf32>, %s: tensor<1xf32>) {
  // CHECK-NEXT: swamla.square_sum %{{.*}} : tensor<4x8xf32> -> tensor<4xf32>
  %0 = swamla.square_sum %p : tensor<4x8xf32> -> tensor<4xf32>
  // CHECK-NEXT: swamla.clip_factor %{{.*}}, %{{.*}}, %{{.*}} : tensor<1xf32>
  %1, %2 = swamla.clip_factor %s, %s, %s : tensor<1xf32>
  // CHECK-NEXT: swamla.adamw %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}({{.*}}) decay : {{.*}} -> tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>
  %3, %4, %5, %6 = swamla.adamw %p, %p, %p, %p (%s, %s, %s, %s, %s, %s, %s, %s, %s) decay : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32> -> tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>
  // CHECK-NEXT: swamla.lion %{{.*}}, %{{.*}}, %{{.*}}({{.*}}) : {{.*}} -> tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>
  %7, %8, %9 = swamla.lion %p, %p, %p (%s, %s, %s, %s, %s, %s) : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32> -> tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>
  return
}
