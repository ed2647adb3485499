// RUN: swamla-opt %s --swamla-fuse-rowwise --split-input-file | FileCheck %s

#straight = affine_map<(m, c) -> (m, c)>
#transposed = affine_map<(m, c) -> (c, m)>

// Tests that what writes a value, straight and transposed, becomes one op with the value's producer, which need not store it.
// CHECK-LABEL: func.func @copies
// CHECK: %[[R:.*]]:2 = swamla.fused [4 | 8] ins({{.*}} : tensor<4x8xf32>) outs({{.*}} : tensor<4x8xf8E4M3FN>, tensor<8x4xf8E4M3FN>)
// CHECK-SAME: maps [#[[S:.*]], #[[S]], #[[T:.*]]]
// CHECK: arith.mulf
// CHECK: %[[Q:.*]] = arith.truncf
// CHECK-NOT: arith.truncf
// CHECK: swamla.yield %[[Q]], %[[Q]]
// CHECK: return %[[R]]#0, %[[R]]#1
func.func @copies(%x: tensor<4x8xf32>) -> (tensor<4x8xf8E4M3FN>, tensor<8x4xf8E4M3FN>) {
  %e = tensor.empty() : tensor<4x8xf32>
  %y = swamla.fused [4 | 8] ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) maps [#straight, #straight] {
  ^bb0(%a: f32, %i: f32):
    %0 = arith.mulf %a, %a : f32
    swamla.yield %0 : f32
  } -> tensor<4x8xf32>
  %e0 = tensor.empty() : tensor<4x8xf8E4M3FN>
  %q = swamla.fused [4 | 8] ins(%y : tensor<4x8xf32>) outs(%e0 : tensor<4x8xf8E4M3FN>) maps [#straight, #straight] {
  ^bb0(%a: f32, %i: f8E4M3FN):
    %0 = arith.truncf %a : f32 to f8E4M3FN
    swamla.yield %0 : f8E4M3FN
  } -> tensor<4x8xf8E4M3FN>
  %e1 = tensor.empty() : tensor<8x4xf8E4M3FN>
  %t = swamla.fused [4 | 8] ins(%y : tensor<4x8xf32>) outs(%e1 : tensor<8x4xf8E4M3FN>) maps [#straight, #transposed] {
  ^bb0(%a: f32, %i: f8E4M3FN):
    %0 = arith.truncf %a : f32 to f8E4M3FN
    swamla.yield %0 : f8E4M3FN
  } -> tensor<8x4xf8E4M3FN>
  return %q, %t : tensor<4x8xf8E4M3FN>, tensor<8x4xf8E4M3FN>
}

// -----

#straight = affine_map<(m, c) -> (m, c)>
#transposed = affine_map<(m, c) -> (c, m)>

// Tests that an op that reads a transposed result by its own rows stays apart, although the domains look alike: at a point it wants
// what another point computes.
// CHECK-LABEL: func.func @reader
// CHECK: swamla.fused [8 | 8] {{.*}} label "transpose"
// CHECK: swamla.fused [8 | 8] {{.*}} label "read"
func.func @reader(%x: tensor<8x8xf32>) -> (tensor<8x8xf32>) {
  %e = tensor.empty() : tensor<8x8xf32>
  %t = swamla.fused [8 | 8] ins(%x : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) label "transpose" maps [#straight, #transposed] {
  ^bb0(%a: f32, %i: f32):
    swamla.yield %a : f32
  } -> tensor<8x8xf32>
  %y = swamla.fused [8 | 8] ins(%t, %x : tensor<8x8xf32>, tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) label "read"
      maps [#straight, #straight, #straight] {
  ^bb0(%a: f32, %b: f32, %i: f32):
    %0 = arith.addf %a, %b : f32
    swamla.yield %0 : f32
  } -> tensor<8x8xf32>
  return %y : tensor<8x8xf32>
}

// -----

#straight = affine_map<(m, c) -> (m, c)>
#transposed = affine_map<(m, c) -> (c, m)>

// Tests that an op that reads a transposed result at the same point takes the number where it is made.
// CHECK-LABEL: func.func @back
// CHECK: swamla.fused [4 | 8] ins({{.*}} : tensor<4x8xf32>) outs({{.*}} : tensor<4x8xf32>)
// CHECK-NOT: swamla.fused
func.func @back(%x: tensor<4x8xf32>) -> (tensor<4x8xf32>) {
  %e0 = tensor.empty() : tensor<8x4xf32>
  %t = swamla.fused [4 | 8] ins(%x : tensor<4x8xf32>) outs(%e0 : tensor<8x4xf32>) maps [#straight, #transposed] {
  ^bb0(%a: f32, %i: f32):
    %0 = arith.mulf %a, %a : f32
    swamla.yield %0 : f32
  } -> tensor<8x4xf32>
  %e1 = tensor.empty() : tensor<4x8xf32>
  %y = swamla.fused [4 | 8] ins(%t : tensor<8x4xf32>) outs(%e1 : tensor<4x8xf32>) maps [#transposed, #straight] {
  ^bb0(%a: f32, %i: f32):
    %0 = arith.addf %a, %a : f32
    swamla.yield %0 : f32
  } -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}
