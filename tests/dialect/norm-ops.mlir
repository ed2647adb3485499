// RUN: swamla-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func.func @norms
func.func @norms(%x: tensor<4x8xf32>, %w: tensor<8xf32>, %b: tensor<8xf32>, %a: tensor<1xf32>) {
  // CHECK-NEXT: swamla.rms_norm %{{.*}}, %{{.*}} eps 1.000000e-05 : tensor<4x8xf32>, tensor<8xf32>
  %0 = swamla.rms_norm %x, %w eps 1.0e-5 : tensor<4x8xf32>, tensor<8xf32>
  // CHECK-NEXT: %{{.*}}, %{{.*}} = swamla.rms_norm_grad %{{.*}}, %{{.*}}, %{{.*}} eps 1.000000e-05 : tensor<4x8xf32>, tensor<8xf32>
  %1, %2 = swamla.rms_norm_grad %x, %w, %0 eps 1.0e-5 : tensor<4x8xf32>, tensor<8xf32>
  // CHECK-NEXT: swamla.layer_norm %{{.*}}, %{{.*}}, %{{.*}} eps 1.000000e-05 : tensor<4x8xf32>, tensor<8xf32>
  %3 = swamla.layer_norm %x, %w, %b eps 1.0e-5 : tensor<4x8xf32>, tensor<8xf32>
  // CHECK-NEXT: %{{.*}}, %{{.*}}, %{{.*}} = swamla.layer_norm_grad %{{.*}}, %{{.*}}, %{{.*}} eps 1.000000e-05 : tensor<4x8xf32>, tensor<8xf32>
  %4, %5, %6 = swamla.layer_norm_grad %x, %w, %3 eps 1.0e-5 : tensor<4x8xf32>, tensor<8xf32>
  // CHECK-NEXT: swamla.dyt %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : tensor<4x8xf32>, tensor<1xf32>, tensor<8xf32>
  %7 = swamla.dyt %x, %a, %w, %b : tensor<4x8xf32>, tensor<1xf32>, tensor<8xf32>
  // CHECK-NEXT: swamla.dyt_grad %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : tensor<4x8xf32>, tensor<1xf32>, tensor<8xf32> -> tensor<4xf32>
  %8, %9, %10, %11 = swamla.dyt_grad %x, %a, %w, %7 : tensor<4x8xf32>, tensor<1xf32>, tensor<8xf32> -> tensor<4xf32>
  return
}
