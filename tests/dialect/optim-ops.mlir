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

// CHECK-LABEL: swamla.state @adamw.m : tensor<16xi8>
swamla.state @adamw.m : tensor<16xi8>

// CHECK-LABEL: func.func @states
func.func @states(%x: tensor<4x8xf32>, %s: tensor<4xf32>, %b: tensor<4x8xbf16>, %f: tensor<4x8xf8E4M3FN>, %i: tensor<4x8xi8>, %n: tensor<1xf32>) {
  // CHECK-NEXT: swamla.load_state bf16 %{{.*}} : tensor<4x8xbf16> -> tensor<4x8xf32>
  %0 = swamla.load_state bf16 %b : tensor<4x8xbf16> -> tensor<4x8xf32>
  // CHECK-NEXT: swamla.load_state fp8 nonnegative %{{.*}} scales %{{.*}} : tensor<4x8xf8E4M3FN>, tensor<4xf32> -> tensor<4x8xf32>
  %1 = swamla.load_state fp8 nonnegative %f scales %s : tensor<4x8xf8E4M3FN>, tensor<4xf32> -> tensor<4x8xf32>
  // CHECK-NEXT: swamla.load_state int4 %{{.*}} scales %{{.*}}, %{{.*}} : tensor<4x8xi8>, tensor<4xf32>, tensor<4xf32> -> tensor<4x8xf32>, tensor<4x8xf32>
  %2:2 = swamla.load_state int4 %i scales %s, %s : tensor<4x8xi8>, tensor<4xf32>, tensor<4xf32> -> tensor<4x8xf32>, tensor<4x8xf32>
  // CHECK-NEXT: swamla.store_state bf16 %{{.*}} over %{{.*}} if_finite %{{.*}} : tensor<4x8xf32>, tensor<4x8xbf16>, tensor<1xf32> -> tensor<4x8xbf16>
  %3 = swamla.store_state bf16 %x over %b if_finite %n : tensor<4x8xf32>, tensor<4x8xbf16>, tensor<1xf32> -> tensor<4x8xbf16>
  // CHECK-NEXT: swamla.store_state int8 nonnegative %{{.*}} over %{{.*}} scales %{{.*}} if_finite %{{.*}} : tensor<4x8xf32>, tensor<4x8xi8>, tensor<4xf32>, tensor<1xf32> -> tensor<4x8xi8>, tensor<4xf32>
  %4:2 = swamla.store_state int8 nonnegative %x over %i scales %s if_finite %n : tensor<4x8xf32>, tensor<4x8xi8>, tensor<4xf32>, tensor<1xf32> -> tensor<4x8xi8>, tensor<4xf32>
  // CHECK-NEXT: swamla.store_state int4 %{{.*}}, %{{.*}} over %{{.*}} scales %{{.*}}, %{{.*}} if_finite %{{.*}}
  %5:3 = swamla.store_state int4 %x, %x over %i scales %s, %s if_finite %n : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xi8>, tensor<4xf32>, tensor<4xf32>, tensor<1xf32> -> tensor<4x8xi8>, tensor<4xf32>, tensor<4xf32>
  return
}
