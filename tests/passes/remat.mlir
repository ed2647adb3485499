// RUN: swamla-opt %s --swamla-remat --split-input-file | FileCheck %s

// Tests that a norm's output is recomputed from its saved input, immediately before its first use by the backward, once.
// CHECK-LABEL: func.func @norm
// CHECK-SAME: (%[[A:[^:]*]]: tensor<4x8xf32>, %[[DY:[^:]*]]: tensor<4x8xf32>)
// CHECK: %[[X:.*]] = swamla.add %[[A]], %[[A]] :
// CHECK: %[[N:.*]] = swamla.rms_norm %[[X]], %{{.*}} {scope = "h.0.mlp"}
// CHECK: %[[Y:.*]] = swamla.matmul %[[N]],
// CHECK-NEXT: swamla.column_sum %[[DY]]
// CHECK-NEXT: %[[N2:.*]] = swamla.rms_norm %[[X]], %{{.*}} {recompute, scope = "h.0.mlp"}
// CHECK-NEXT: swamla.matmul %[[DY]], %[[N2]] transpose_a {backward}
// CHECK-NEXT: swamla.rms_norm_grad %[[X]],
// CHECK-NEXT: swamla.add %[[N2]], %{{.*}} {backward}
func.func @norm(%a: tensor<4x8xf32>, %dy: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<8xf32>, tensor<8x8xf32>, tensor<4x8xf32>) {
  %g = swamla.get_param @g : tensor<8xf32>
  %w = swamla.get_param @w : tensor<8x8xf32>
  %x = swamla.add %a, %a : tensor<4x8xf32>
  %n = swamla.rms_norm %x, %g eps 0.5 {scope = "h.0.mlp"} : tensor<4x8xf32>, tensor<8xf32>
  %y = swamla.matmul %n, %w transpose_b : tensor<4x8xf32>, tensor<8x8xf32> -> tensor<4x8xf32>
  %db = swamla.column_sum %dy {backward} : tensor<4x8xf32> -> tensor<8xf32>
  %dw = swamla.matmul %dy, %n transpose_a {backward} : tensor<4x8xf32>, tensor<4x8xf32> -> tensor<8x8xf32>
  %dx, %dg = swamla.rms_norm_grad %x, %g, %dy eps 0.5 {backward} : tensor<4x8xf32>, tensor<8xf32>
  %z = swamla.add %n, %dx {backward} : tensor<4x8xf32>
  return %y, %db, %dw, %z : tensor<4x8xf32>, tensor<8xf32>, tensor<8x8xf32>, tensor<4x8xf32>
}
swamla.param @g : tensor<8xf32> init constant 1.0
swamla.param @w : tensor<8x8xf32> init normal 0.02

// -----

// Tests that a cheap op is not recomputed where its operand would have to be saved instead: nothing would be freed.
// CHECK-LABEL: func.func @no_gain
// CHECK: %[[S:.*]] = swamla.swiglu
// CHECK-NOT: recompute
// CHECK: swamla.column_sum %[[S]] {backward}
func.func @no_gain(%a: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<8xf32>) {
  %v = swamla.add %a, %a : tensor<4x8xf32>
  %s = swamla.swiglu %v, %a : tensor<4x8xf32>
  %d = swamla.column_sum %s {backward} : tensor<4x8xf32> -> tensor<8xf32>
  return %s, %d : tensor<4x8xf32>, tensor<8xf32>
}

// -----

// Tests that chains of cheap ops are recomputed in the forward's order, through values that the backward itself has no use for,
// and that arguments and scalars count as available.
// CHECK-LABEL: func.func @chain
// CHECK-SAME: (%[[X:[^:]*]]: tensor<4x8xf32>, %[[B:[^:]*]]: tensor<8xf32>)
// CHECK: %[[KEY:.*]] = swamla.scalar "dropout_key"
// CHECK: %[[B1:.*]] = swamla.bias_add %[[X]], %[[B]] {recompute}
// CHECK-NEXT: %[[D1:.*]] = swamla.dropout %[[B1]], %[[KEY]] p 5.000000e-01 site 3 {recompute}
// CHECK-NEXT: swamla.column_sum %[[D1]] {backward}
func.func @chain(%x: tensor<4x8xf32>, %b: tensor<8xf32>) -> (tensor<4x8xf32>, tensor<8xf32>) {
  %key = swamla.scalar "dropout_key" : tensor<1xi32>
  %0 = swamla.bias_add %x, %b : tensor<4x8xf32>, tensor<8xf32>
  %1 = swamla.dropout %0, %key p 0.5 site 3 : tensor<4x8xf32>, tensor<1xi32>
  %2 = swamla.add %0, %1 : tensor<4x8xf32>
  %d = swamla.column_sum %1 {backward} : tensor<4x8xf32> -> tensor<8xf32>
  return %2, %d : tensor<4x8xf32>, tensor<8xf32>
}

// -----

// Tests that an op that only the backward uses is moved there, not computed twice.
// CHECK-LABEL: func.func @moved
// CHECK-NEXT: swamla.column_sum %{{.*}} {backward}
// CHECK-NEXT: swamla.bias_add %{{.*}}, %{{.*}} {backward} :
// CHECK-NOT: bias_add
// CHECK: return
func.func @moved(%x: tensor<4x8xf32>, %b: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %0 = swamla.bias_add %x, %b : tensor<4x8xf32>, tensor<8xf32>
  %1 = swamla.column_sum %x {backward} : tensor<4x8xf32> -> tensor<8xf32>
  %2 = swamla.column_sum %0 {backward} : tensor<4x8xf32> -> tensor<8xf32>
  return %1, %2 : tensor<8xf32>, tensor<8xf32>
}

// -----

// Tests that a function without a backward is left alone.
// CHECK-LABEL: func.func @eval
// CHECK-NOT: recompute
// CHECK: return
func.func @eval(%x: tensor<4x8xf32>, %b: tensor<8xf32>) -> (tensor<4x8xf32>, tensor<8xf32>) {
  %0 = swamla.bias_add %x, %b : tensor<4x8xf32>, tensor<8xf32>
  %1 = swamla.column_sum %0 : tensor<4x8xf32> -> tensor<8xf32>
  return %0, %1 : tensor<4x8xf32>, tensor<8xf32>
}

// -----

// Tests that the product of a narrow matrix of a block with a wide one is computed again from the narrow one, and that one with a less wide result is saved, as is the head's.
// CHECK-LABEL: func.func @expansion
// CHECK: %[[X:.*]] = swamla.add
// CHECK: %[[WIDE:.*]] = swamla.matmul %[[X]], %[[W:.*]] transpose_b {scope = "h.0.attn"}
// CHECK-NEXT: %[[LESS:.*]] = swamla.matmul
// CHECK-NEXT: %[[HEAD:.*]] = swamla.matmul %[[X]], %[[W]] transpose_b {scope = "head"}
// CHECK: %[[AGAIN:.*]] = swamla.matmul %[[X]], %[[W]] transpose_b {recompute, scope = "h.0.attn"}
// CHECK-NEXT: swamla.column_sum %[[AGAIN]] {backward}
// CHECK-NEXT: swamla.column_sum %[[LESS]] {backward}
// CHECK-NEXT: swamla.column_sum %[[HEAD]] {backward}
// CHECK-NEXT: swamla.column_sum %[[X]] {backward}
func.func @expansion(%a: tensor<4x8xf32>) -> (tensor<4x96xf32>, tensor<96xf32>, tensor<88xf32>, tensor<96xf32>, tensor<8xf32>) {
  %w = swamla.get_param @w : tensor<96x8xf32>
  %v = swamla.get_param @v : tensor<88x8xf32>
  %x = swamla.add %a, %a : tensor<4x8xf32>
  %y = swamla.matmul %x, %w transpose_b {scope = "h.0.attn"} : tensor<4x8xf32>, tensor<96x8xf32> -> tensor<4x96xf32>
  %z = swamla.matmul %x, %v transpose_b {scope = "h.0.attn"} : tensor<4x8xf32>, tensor<88x8xf32> -> tensor<4x88xf32>
  %l = swamla.matmul %x, %w transpose_b {scope = "head"} : tensor<4x8xf32>, tensor<96x8xf32> -> tensor<4x96xf32>
  %dy = swamla.column_sum %y {backward} : tensor<4x96xf32> -> tensor<96xf32>
  %dz = swamla.column_sum %z {backward} : tensor<4x88xf32> -> tensor<88xf32>
  %dl = swamla.column_sum %l {backward} : tensor<4x96xf32> -> tensor<96xf32>
  %dx = swamla.column_sum %x {backward} : tensor<4x8xf32> -> tensor<8xf32>
  return %y, %dy, %dz, %dl, %dx : tensor<4x96xf32>, tensor<96xf32>, tensor<88xf32>, tensor<96xf32>, tensor<8xf32>
}
swamla.param @w : tensor<96x8xf32> init normal 0.02
swamla.param @v : tensor<88x8xf32> init normal 0.02
