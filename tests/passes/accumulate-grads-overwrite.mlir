// RUN: swamla-opt %s --swamla-accumulate-grads=overwrite --split-input-file --verify-diagnostics | FileCheck %s

// Tests that the first op for a parameter stores, and the ones after it add.
// CHECK-LABEL: func.func @chain
// CHECK: %[[D0:.*]] = swamla.matmul %{{.*}}, %{{.*}} transpose_a :
// CHECK-NEXT: swamla.set_grad @w, %[[D0]]
// CHECK-NEXT: %[[G1:.*]] = swamla.get_grad @w
// CHECK-NEXT: %[[D1:.*]] = swamla.matmul {{.*}} init %[[G1]]
// CHECK-NEXT: swamla.set_grad @w, %[[D1]]
// CHECK-NEXT: %[[G2:.*]] = swamla.get_grad @w
// CHECK-NEXT: %[[D2:.*]] = swamla.matmul {{.*}} init %[[G2]]
// CHECK-NEXT: swamla.set_grad @w, %[[D2]]
// CHECK-NEXT: return
func.func @chain(%dy: tensor<4x2xf32>, %x: tensor<4x8xf32>) {
  %0 = swamla.matmul %dy, %x transpose_a : tensor<4x2xf32>, tensor<4x8xf32> -> tensor<2x8xf32>
  %1 = swamla.matmul %dy, %x init %0 transpose_a : tensor<4x2xf32>, tensor<4x8xf32>, tensor<2x8xf32> -> tensor<2x8xf32>
  swamla.add_grad @w, %1 : tensor<2x8xf32>
  %2 = swamla.matmul %dy, %x transpose_a : tensor<4x2xf32>, tensor<4x8xf32> -> tensor<2x8xf32>
  swamla.add_grad @w, %2 : tensor<2x8xf32>
  return
}
swamla.param @w : tensor<2x8xf32> init normal 0.02

// -----

// Tests that a value that no op adds up is stored as it is.
// CHECK-LABEL: func.func @alone
// CHECK-NEXT: swamla.set_grad @b, %{{.*}}
// CHECK-NEXT: return
func.func @alone(%db: tensor<8xf32>) {
  swamla.add_grad @b, %db : tensor<8xf32>
  return
}
swamla.param @b : tensor<8xf32> init constant 0.0

// -----

// Tests that no gradient is left with what was there before.
func.func @missing(%db: tensor<8xf32>) {
  swamla.add_grad @b, %db : tensor<8xf32>
  return
}
swamla.param @b : tensor<8xf32> init constant 0.0
// expected-error @+1 {{'swamla.param' op has no gradient in @missing; compile with --micro-steps=any}}
swamla.param @c : tensor<8xf32> init constant 0.0

// -----

// Tests that a gradient has one first op.
func.func @twice(%d: tensor<8xf32>, %e: tensor<4xf32>) {
  swamla.add_grad @g, %d : tensor<8xf32>
  // expected-error @+1 {{'swamla.add_grad' op adds to the gradient of @a as @a, and an earlier op as @g; compile with --micro-steps=any}}
  swamla.add_grad @a, %e : tensor<4xf32>
  return
}
swamla.param @a : tensor<4xf32> init constant 0.0
swamla.param @b : tensor<4xf32> init constant 0.0
swamla.param_group @g [@a, @b] : tensor<8xf32>
