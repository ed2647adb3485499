// RUN: swamla-opt %s --verify-roundtrip | FileCheck %s

// CHECK:      swamla.param @h.0.q.weight : tensor<4x8xf32> init normal 2.000000e-02 decay offset 64
swamla.param @"h.0.q.weight" : tensor<4x8xf32> init normal 2.0e-2 decay offset 64
// CHECK-NEXT: swamla.param @h.0.k.weight : tensor<2x8xf32> init normal 2.000000e-02 decay offset 96 {note = 1 : i32}
swamla.param @h.0.k.weight : tensor<2x8xf32> init normal 0.02 decay offset 96 {note = 1 : i32}
// CHECK-NEXT: swamla.param @h.0.norm.weight : tensor<8xf32> init constant 1.000000e+00{{$}}
swamla.param @h.0.norm.weight : tensor<8xf32> init constant 1.0
// CHECK-NEXT: swamla.param @"odd name" : tensor<1xf32> init constant -5.000000e-01 offset 0
swamla.param @"odd name" : tensor<1xf32> init constant -0.5 offset 0
// CHECK-NEXT: swamla.param_group @h.0.qk [@h.0.q.weight, @h.0.k.weight] : tensor<6x8xf32> offset 64
swamla.param_group @h.0.qk [@h.0.q.weight, @h.0.k.weight] : tensor<6x8xf32> offset 64

swamla.param @a.bias : tensor<4xf32> init constant 0.0
swamla.param @b.bias : tensor<3xf32> init constant 0.0
// CHECK:      swamla.param_group @ab.bias [@a.bias, @b.bias] : tensor<7xf32>{{$}}
swamla.param_group @ab.bias [@a.bias, @b.bias] : tensor<7xf32>

// CHECK-LABEL: func.func @uses
func.func @uses() {
  // CHECK-NEXT: %[[P:.*]] = swamla.get_param @h.0.qk : tensor<6x8xf32>
  %p = swamla.get_param @h.0.qk : tensor<6x8xf32>
  // CHECK-NEXT: swamla.add_grad @h.0.qk, %[[P]] : tensor<6x8xf32>
  swamla.add_grad @h.0.qk, %p : tensor<6x8xf32>
  // CHECK-NEXT: %[[G:.*]] = swamla.get_grad @h.0.norm.weight : tensor<8xf32>
  %g = swamla.get_grad @h.0.norm.weight : tensor<8xf32>
  // CHECK-NEXT: swamla.set_grad @h.0.norm.weight, %[[G]] : tensor<8xf32>
  swamla.set_grad @h.0.norm.weight, %g : tensor<8xf32>
  // CHECK-NEXT: %[[F:.*]] = swamla.get_flat "adamw.m" offset 128 : tensor<2x64xf32>
  %f = swamla.get_flat "adamw.m" offset 128 : tensor<2x64xf32>
  // CHECK-NEXT: swamla.set_flat "adamw.m" offset 128, %[[F]] : tensor<2x64xf32>
  swamla.set_flat "adamw.m" offset 128, %f : tensor<2x64xf32>
  // CHECK-NEXT: swamla.scalar "lr" : tensor<1xf32>
  %lr = swamla.scalar "lr" : tensor<1xf32>
  // CHECK-NEXT: swamla.scalar "position" : tensor<1xi32>
  %position = swamla.scalar "position" : tensor<1xi32>
  return
}
