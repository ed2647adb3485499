// RUN: swamla-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func.func @pointwise
func.func @pointwise(%x: tensor<4x12xf32>, %b: tensor<12xf32>, %key: tensor<1xi32>) {
  // CHECK-NEXT: swamla.add %{{.*}}, %{{.*}} {scope = "h.0.mlp"} : tensor<4x12xf32>
  %0 = swamla.add %x, %x {scope = "h.0.mlp"} : tensor<4x12xf32>
  // CHECK-NEXT: swamla.bias_add %{{.*}}, %{{.*}} : tensor<4x12xf32>, tensor<12xf32>
  %1 = swamla.bias_add %0, %b : tensor<4x12xf32>, tensor<12xf32>
  // CHECK-NEXT: swamla.column_sum %{{.*}} : tensor<4x12xf32> -> tensor<12xf32>
  %2 = swamla.column_sum %1 : tensor<4x12xf32> -> tensor<12xf32>
  // CHECK-NEXT: swamla.sum %{{.*}} : tensor<12xf32> -> tensor<1xf32>
  %3 = swamla.sum %2 : tensor<12xf32> -> tensor<1xf32>
  // CHECK-NEXT: swamla.head_sum %{{.*}} heads 3 : tensor<4x12xf32> -> tensor<4x4xf32>
  %4 = swamla.head_sum %1 heads 3 : tensor<4x12xf32> -> tensor<4x4xf32>
  // CHECK-NEXT: swamla.swiglu %{{.*}}, %{{.*}} : tensor<4x12xf32>
  %5 = swamla.swiglu %0, %1 : tensor<4x12xf32>
  // CHECK-NEXT: %{{.*}}, %{{.*}} = swamla.swiglu_grad %{{.*}}, %{{.*}}, %{{.*}} : tensor<4x12xf32>
  %6, %7 = swamla.swiglu_grad %0, %1, %5 : tensor<4x12xf32>
  // CHECK-NEXT: swamla.dropout %{{.*}}, %{{.*}} p 1.000000e-01 site 3 : tensor<4x12xf32>, tensor<1xi32>
  %8 = swamla.dropout %7, %key p 0.1 site 3 : tensor<4x12xf32>, tensor<1xi32>
  // CHECK-NEXT: %[[N:.*]] = swamla.cast %{{.*}} : tensor<4x12xf32> -> tensor<4x12xbf16>
  %9 = swamla.cast %8 : tensor<4x12xf32> -> tensor<4x12xbf16>
  // CHECK-NEXT: swamla.bias_add %[[N]], %{{.*}} : tensor<4x12xbf16>, tensor<12xf32>
  %10 = swamla.bias_add %9, %b : tensor<4x12xbf16>, tensor<12xf32>
  // CHECK-NEXT: swamla.column_sum %{{.*}} : tensor<4x12xbf16> -> tensor<12xf32>
  %11 = swamla.column_sum %10 : tensor<4x12xbf16> -> tensor<12xf32>
  return
}
