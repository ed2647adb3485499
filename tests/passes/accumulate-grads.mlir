// RUN: swamla-opt %s --swamla-accumulate-grads --split-input-file | FileCheck %s

// Tests that a matmul adds to the gradient itself, and keeps the attributes.
// CHECK-LABEL: func.func @matmul
// CHECK: %[[G:.*]] = swamla.get_grad @w {backward} : tensor<2x8xf32>
// CHECK-NEXT: %[[D:.*]] = swamla.matmul %{{.*}}, %{{.*}} init %[[G]] transpose_a {backward} : tensor<4x2xf32>, tensor<4x8xf32>, tensor<2x8xf32> -> tensor<2x8xf32>
// CHECK-NEXT: swamla.set_grad @w, %[[D]] {backward}
// CHECK-NEXT: swamla.scalar
// CHECK-NOT: add_grad
func.func @matmul(%dy: tensor<4x2xf32>, %x: tensor<4x8xf32>) -> tensor<1xf32> {
  %dw = swamla.matmul %dy, %x transpose_a {backward} : tensor<4x2xf32>, tensor<4x8xf32> -> tensor<2x8xf32>
  %s = swamla.scalar "lr" : tensor<1xf32>
  swamla.add_grad @w, %dw {backward} : tensor<2x8xf32>
  return %s : tensor<1xf32>
}
swamla.param @w : tensor<2x8xf32> init normal 0.02

// -----

// Tests that each op of a chain becomes a pair of its own.
// CHECK-LABEL: func.func @chain
// CHECK: %[[G0:.*]] = swamla.get_grad @w
// CHECK-NEXT: %[[D0:.*]] = swamla.matmul {{.*}} init %[[G0]]
// CHECK-NEXT: swamla.set_grad @w, %[[D0]]
// CHECK-NEXT: %[[G1:.*]] = swamla.get_grad @w
// CHECK-NEXT: %[[D1:.*]] = swamla.matmul {{.*}} init %[[G1]]
// CHECK-NEXT: swamla.set_grad @w, %[[D1]]
// CHECK-NEXT: return
func.func @chain(%dy: tensor<4x2xf32>, %x: tensor<4x8xf32>) {
  %0 = swamla.matmul %dy, %x transpose_a : tensor<4x2xf32>, tensor<4x8xf32> -> tensor<2x8xf32>
  %1 = swamla.matmul %dy, %x init %0 transpose_a : tensor<4x2xf32>, tensor<4x8xf32>, tensor<2x8xf32> -> tensor<2x8xf32>
  swamla.add_grad @w, %1 : tensor<2x8xf32>
  return
}
swamla.param @w : tensor<2x8xf32> init normal 0.02

// -----

// CHECK-LABEL: func.func @embedding
// CHECK: %[[G:.*]] = swamla.get_grad @w
// CHECK-NEXT: %[[D:.*]] = swamla.embedding_grad %{{.*}}, %{{.*}} init %[[G]]
// CHECK-NEXT: swamla.set_grad @w, %[[D]]
func.func @embedding(%t: tensor<4xi32>, %dy: tensor<4x8xf32>) {
  %0 = swamla.embedding_grad %t, %dy : tensor<4xi32>, tensor<4x8xf32> -> tensor<9x8xf32>
  swamla.add_grad @w, %0 : tensor<9x8xf32>
  return
}
swamla.param @w : tensor<9x8xf32> init normal 0.02

// -----

// Tests that a sum over rows starts from the gradient: what it yields is added by definition.
// CHECK-LABEL: func.func @column_reduction
// CHECK-NOT: tensor.empty
// CHECK: %[[G:.*]] = swamla.get_grad @b
// CHECK-NEXT: %[[D:.*]] = swamla.fused {{.*}} outs(%[[G]] : tensor<8xf32>)
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT: swamla.yield %[[X]]
// CHECK: swamla.set_grad @b, %[[D]]
func.func @column_reduction(%dy: tensor<4x8xf32>) {
  %e = tensor.empty() : tensor<8xf32>
  %0 = swamla.fused [4 | 8] ins(%dy : tensor<4x8xf32>) outs(%e : tensor<8xf32>) maps [affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (c)>] {
  ^bb0(%x: f32, %init: f32):
    swamla.yield %x : f32
  } -> tensor<8xf32>
  swamla.add_grad @b, %0 : tensor<8xf32>
  return
}
swamla.param @b : tensor<8xf32> init constant 0.0

// -----

// Tests that a store adds in its region.
// CHECK-LABEL: func.func @store
// CHECK: %[[G:.*]] = swamla.get_grad @a
// CHECK-NEXT: %[[D:.*]] = swamla.fused {{.*}} outs(%[[G]] : tensor<1xf32>)
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[INIT:.*]]: f32):
// CHECK-NEXT: %[[S:.*]] = swamla.reduce_row add %[[X]]
// CHECK-NEXT: %[[T:.*]] = arith.addf %[[INIT]], %[[S]]
// CHECK-NEXT: swamla.yield %[[T]]
// CHECK: swamla.set_grad @a, %[[D]]
func.func @store(%x: tensor<8xf32>) {
  %e = tensor.empty() : tensor<1xf32>
  %0 = swamla.fused [1 | 8] ins(%x : tensor<8xf32>) outs(%e : tensor<1xf32>) maps [affine_map<(m, c) -> (c)>, affine_map<(m, c) -> (m)>] {
  ^bb0(%v: f32, %init: f32):
    %s = swamla.reduce_row add %v : f32
    swamla.yield %s : f32
  } -> tensor<1xf32>
  swamla.add_grad @a, %0 : tensor<1xf32>
  return
}
swamla.param @a : tensor<1xf32> init constant 0.5

// -----

// Tests that a value with another use is added by an op of its own; a vector lies along the columns.
// CHECK-LABEL: func.func @used_elsewhere
// CHECK: %[[V:.*]] = swamla.matmul %{{.*}}, %{{.*}} transpose_a :
// CHECK: %[[G:.*]] = swamla.get_grad @w
// CHECK-NEXT: %[[D:.*]] = swamla.fused [2 | 8] ins(%[[V]] : tensor<2x8xf32>) outs(%[[G]] : tensor<2x8xf32>) label "w.add_grad"
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[INIT:.*]]: f32):
// CHECK-NEXT: %[[S:.*]] = arith.addf %[[INIT]], %[[X]]
// CHECK-NEXT: swamla.yield %[[S]]
// CHECK: swamla.set_grad @w, %[[D]]
// CHECK: %[[GB:.*]] = swamla.get_grad @b
// CHECK-NEXT: %[[DB:.*]] = swamla.fused [1 | 8] ins(%{{.*}} : tensor<8xf32>) outs(%[[GB]] : tensor<8xf32>)
// CHECK-NEXT: ^bb0(%[[XB:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT: swamla.yield %[[XB]]
// CHECK: swamla.set_grad @b, %[[DB]]
func.func @used_elsewhere(%dy: tensor<4x2xf32>, %x: tensor<4x8xf32>, %db: tensor<8xf32>) -> tensor<2x8xf32> {
  %dw = swamla.matmul %dy, %x transpose_a : tensor<4x2xf32>, tensor<4x8xf32> -> tensor<2x8xf32>
  swamla.add_grad @w, %dw : tensor<2x8xf32>
  swamla.add_grad @b, %db : tensor<8xf32>
  return %dw : tensor<2x8xf32>
}
swamla.param @w : tensor<2x8xf32> init normal 0.02
swamla.param @b : tensor<8xf32> init constant 0.0

// -----

// Tests that a matmul that starts from something else keeps it.
// CHECK-LABEL: func.func @other_init
// CHECK: %[[V:.*]] = swamla.matmul %{{.*}}, %{{.*}} init %{{.*}} transpose_a
// CHECK: swamla.fused [2 | 8] ins(%[[V]]
func.func @other_init(%dy: tensor<4x2xf32>, %x: tensor<4x8xf32>, %i: tensor<2x8xf32>) {
  %dw = swamla.matmul %dy, %x init %i transpose_a : tensor<4x2xf32>, tensor<4x8xf32>, tensor<2x8xf32> -> tensor<2x8xf32>
  swamla.add_grad @w, %dw : tensor<2x8xf32>
  return
}
swamla.param @w : tensor<2x8xf32> init normal 0.02
