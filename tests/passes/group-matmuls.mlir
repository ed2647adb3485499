// RUN: swamla-opt %s --swamla-group-matmuls --split-input-file | FileCheck %s

// Tests that the group stands after its members, takes its name from them, and is the same in every function, in whatever order that
// function uses the members.
// CHECK: swamla.param @h.0.q.weight
// CHECK-NEXT: swamla.param @h.0.k.weight
// CHECK-NEXT: swamla.param_group @"h.0.q+k.weight" [@h.0.q.weight, @h.0.k.weight] : tensor<6x8xf32>
// CHECK-NOT: swamla.param_group
swamla.param @h.0.q.weight : tensor<4x8xf32> init normal 0.02 decay
swamla.param @h.0.k.weight : tensor<2x8xf32> init normal 0.02 decay
// CHECK-LABEL: func.func @forward
// CHECK-SAME: (%[[X:.*]]: tensor<3x8xf32>)
// CHECK: %[[W:.*]] = swamla.get_param @"h.0.q+k.weight" {scope = "h.0"} : tensor<6x8xf32>
// CHECK-NEXT: %[[Y:.*]] = swamla.matmul %[[X]], %[[W]] transpose_b {scope = "h.0"} : tensor<3x8xf32>, tensor<6x8xf32> -> tensor<3x6xf32>
// CHECK-NEXT: %[[P:.*]]:2 = swamla.split %[[Y]] heads 1 {scope = "h.0"} : tensor<3x6xf32> -> tensor<3x4xf32>, tensor<3x2xf32>
// CHECK-NEXT: return %[[P]]#0, %[[P]]#1
func.func @forward(%x: tensor<3x8xf32>) -> (tensor<3x4xf32>, tensor<3x2xf32>) {
  %wq = swamla.get_param @h.0.q.weight {scope = "h.0"} : tensor<4x8xf32>
  %q = swamla.matmul %x, %wq transpose_b {scope = "h.0"} : tensor<3x8xf32>, tensor<4x8xf32> -> tensor<3x4xf32>
  %wk = swamla.get_param @h.0.k.weight {scope = "h.0"} : tensor<2x8xf32>
  %k = swamla.matmul %x, %wk transpose_b {scope = "h.0"} : tensor<3x8xf32>, tensor<2x8xf32> -> tensor<3x2xf32>
  return %q, %k : tensor<3x4xf32>, tensor<3x2xf32>
}
// CHECK-LABEL: func.func @other_order
// CHECK: %[[P:.*]]:2 = swamla.split %{{.*}} -> tensor<3x4xf32>, tensor<3x2xf32>
// CHECK-NEXT: return %[[P]]#1, %[[P]]#0
func.func @other_order(%x: tensor<3x8xf32>) -> (tensor<3x2xf32>, tensor<3x4xf32>) {
  %wq = swamla.get_param @h.0.q.weight : tensor<4x8xf32>
  %wk = swamla.get_param @h.0.k.weight : tensor<2x8xf32>
  %k = swamla.matmul %x, %wk transpose_b : tensor<3x8xf32>, tensor<2x8xf32> -> tensor<3x2xf32>
  %q = swamla.matmul %x, %wq transpose_b : tensor<3x8xf32>, tensor<4x8xf32> -> tensor<3x4xf32>
  return %k, %q : tensor<3x2xf32>, tensor<3x4xf32>
}
// CHECK-LABEL: func.func @one_member
// CHECK: swamla.get_param @h.0.k.weight
// CHECK-NOT: swamla.split
func.func @one_member(%x: tensor<3x8xf32>) -> tensor<3x2xf32> {
  %wk = swamla.get_param @h.0.k.weight : tensor<2x8xf32>
  %k = swamla.matmul %x, %wk transpose_b : tensor<3x8xf32>, tensor<2x8xf32> -> tensor<3x2xf32>
  return %k : tensor<3x2xf32>
}

// -----

// Tests the backward: one product for the input's gradient in the place of the sum, one for the weights', and that the input that was
// recomputed for the first of them moves to the joined one. What else the sum adds stays.
// CHECK-LABEL: func.func @backward
// CHECK-SAME: (%[[A:[^:]*]]: tensor<3x8xf32>, %[[G:[^:]*]]: tensor<8xf32>, %[[DQ:[^:]*]]: tensor<3x4xf32>, %[[DK0:[^:]*]]: tensor<3x2xf32>, %[[R:[^:]*]]: tensor<3x8xf32>)
// CHECK: swamla.split
// CHECK: %[[DK:.*]] = swamla.add %[[DK0]], %[[DK0]]
// CHECK-NEXT: %[[D:.*]] = swamla.join %[[DQ]], %[[DK]] heads 1 {backward} : tensor<3x4xf32>, tensor<3x2xf32> -> tensor<3x6xf32>
// CHECK-NEXT: %[[X:.*]] = swamla.rms_norm %[[A]], %[[G]] eps 5.000000e-01 {recompute}
// CHECK-NEXT: %[[DW:.*]] = swamla.matmul %[[D]], %[[X]] transpose_a {backward} : tensor<3x6xf32>, tensor<3x8xf32> -> tensor<6x8xf32>
// CHECK-NEXT: %[[W:.*]] = swamla.get_param @"q+k" {backward}
// CHECK-NEXT: %[[DX:.*]] = swamla.matmul %[[D]], %[[W]] {backward} : tensor<3x6xf32>, tensor<6x8xf32> -> tensor<3x8xf32>
// CHECK-NEXT: swamla.add_grad @"q+k", %[[DW]] {backward}
// CHECK-NEXT: %[[SUM:.*]] = swamla.add %[[R]], %[[DX]]
// CHECK-NOT: swamla.add
// CHECK: return %{{.*}}, %{{.*}}, %[[SUM]]
func.func @backward(%a: tensor<3x8xf32>, %g: tensor<8xf32>, %dq: tensor<3x4xf32>, %dk0: tensor<3x2xf32>, %r: tensor<3x8xf32>) -> (tensor<3x4xf32>, tensor<3x2xf32>, tensor<3x8xf32>) {
  %wq = swamla.get_param @q : tensor<4x8xf32>
  %wk = swamla.get_param @k : tensor<2x8xf32>
  %x = swamla.rms_norm %a, %g eps 0.5 : tensor<3x8xf32>, tensor<8xf32>
  %q = swamla.matmul %x, %wq transpose_b : tensor<3x8xf32>, tensor<4x8xf32> -> tensor<3x4xf32>
  %k = swamla.matmul %x, %wk transpose_b : tensor<3x8xf32>, tensor<2x8xf32> -> tensor<3x2xf32>
  %x2 = swamla.rms_norm %a, %g eps 0.5 {recompute} : tensor<3x8xf32>, tensor<8xf32>
  %dwq = swamla.matmul %dq, %x2 transpose_a {backward} : tensor<3x4xf32>, tensor<3x8xf32> -> tensor<4x8xf32>
  %dx0 = swamla.matmul %dq, %wq {backward} : tensor<3x4xf32>, tensor<4x8xf32> -> tensor<3x8xf32>
  swamla.add_grad @q, %dwq {backward} : tensor<4x8xf32>
  %s = swamla.add %r, %dx0 {backward} : tensor<3x8xf32>
  %dk = swamla.add %dk0, %dk0 {backward} : tensor<3x2xf32>
  %dwk = swamla.matmul %dk, %x2 transpose_a {backward} : tensor<3x2xf32>, tensor<3x8xf32> -> tensor<2x8xf32>
  %dx1 = swamla.matmul %dk, %wk {backward} : tensor<3x2xf32>, tensor<2x8xf32> -> tensor<3x8xf32>
  swamla.add_grad @k, %dwk {backward} : tensor<2x8xf32>
  %dx = swamla.add %s, %dx1 {backward} : tensor<3x8xf32>
  return %q, %k, %dx : tensor<3x4xf32>, tensor<3x2xf32>, tensor<3x8xf32>
}
swamla.param @q : tensor<4x8xf32> init normal 0.02
swamla.param @k : tensor<2x8xf32> init normal 0.02

// -----

// Tests that products that are not added up stay two, while the weight gradients become one.
// CHECK-LABEL: func.func @not_a_sum
// CHECK: %[[D:.*]] = swamla.join
// CHECK: swamla.matmul %[[D]], %{{.*}} transpose_a
// CHECK: swamla.matmul %{{.*}} : tensor<3x4xf32>, tensor<4x8xf32> -> tensor<3x8xf32>
// CHECK: swamla.matmul %{{.*}} : tensor<3x2xf32>, tensor<2x8xf32> -> tensor<3x8xf32>
// CHECK: swamla.add_grad @"q+k"
// CHECK-NOT: swamla.add_grad
func.func @not_a_sum(%x: tensor<3x8xf32>, %dq: tensor<3x4xf32>, %dk: tensor<3x2xf32>) -> (tensor<3x8xf32>, tensor<3x8xf32>) {
  %wq = swamla.get_param @q : tensor<4x8xf32>
  %wk = swamla.get_param @k : tensor<2x8xf32>
  %dwq = swamla.matmul %dq, %x transpose_a : tensor<3x4xf32>, tensor<3x8xf32> -> tensor<4x8xf32>
  %dwk = swamla.matmul %dk, %x transpose_a : tensor<3x2xf32>, tensor<3x8xf32> -> tensor<2x8xf32>
  %dx0 = swamla.matmul %dq, %wq : tensor<3x4xf32>, tensor<4x8xf32> -> tensor<3x8xf32>
  %dx1 = swamla.matmul %dk, %wk : tensor<3x2xf32>, tensor<2x8xf32> -> tensor<3x8xf32>
  swamla.add_grad @q, %dwq : tensor<4x8xf32>
  swamla.add_grad @k, %dwk : tensor<2x8xf32>
  return %dx0, %dx1 : tensor<3x8xf32>, tensor<3x8xf32>
}
swamla.param @q : tensor<4x8xf32> init normal 0.02
swamla.param @k : tensor<2x8xf32> init normal 0.02
swamla.param_group @"q+k" [@q, @k] : tensor<6x8xf32>

// -----

// Tests what is no group: other inputs, other scopes, other decay groups, the same weight twice.
// CHECK-LABEL: func.func @apart
// CHECK-NOT: swamla.split
// CHECK-COUNT-8: swamla.matmul
// CHECK-NOT: swamla.param_group
// CHECK: // -----
func.func @apart(%x: tensor<3x8xf32>, %y: tensor<3x8xf32>) -> (tensor<3x8xf32>, tensor<3x8xf32>, tensor<3x8xf32>, tensor<3x8xf32>, tensor<3x8xf32>, tensor<3x8xf32>, tensor<3x8xf32>, tensor<3x8xf32>) {
  %wa = swamla.get_param @a : tensor<8x8xf32>
  %wb = swamla.get_param @b : tensor<8x8xf32>
  %wc = swamla.get_param @c : tensor<8x8xf32>
  %0 = swamla.matmul %x, %wa transpose_b {scope = "inputs"} : tensor<3x8xf32>, tensor<8x8xf32> -> tensor<3x8xf32>
  %1 = swamla.matmul %y, %wb transpose_b {scope = "inputs"} : tensor<3x8xf32>, tensor<8x8xf32> -> tensor<3x8xf32>
  %2 = swamla.matmul %x, %wa transpose_b {scope = "h.0"} : tensor<3x8xf32>, tensor<8x8xf32> -> tensor<3x8xf32>
  %3 = swamla.matmul %x, %wb transpose_b {scope = "h.1"} : tensor<3x8xf32>, tensor<8x8xf32> -> tensor<3x8xf32>
  %4 = swamla.matmul %x, %wa transpose_b {scope = "decay"} : tensor<3x8xf32>, tensor<8x8xf32> -> tensor<3x8xf32>
  %5 = swamla.matmul %x, %wc transpose_b {scope = "decay"} : tensor<3x8xf32>, tensor<8x8xf32> -> tensor<3x8xf32>
  %6 = swamla.matmul %x, %wa transpose_b {scope = "twice"} : tensor<3x8xf32>, tensor<8x8xf32> -> tensor<3x8xf32>
  %7 = swamla.matmul %x, %wa transpose_b {scope = "twice"} : tensor<3x8xf32>, tensor<8x8xf32> -> tensor<3x8xf32>
  return %0, %1, %2, %3, %4, %5, %6, %7 : tensor<3x8xf32>, tensor<3x8xf32>, tensor<3x8xf32>, tensor<3x8xf32>, tensor<3x8xf32>, tensor<3x8xf32>, tensor<3x8xf32>, tensor<3x8xf32>
}
swamla.param @a : tensor<8x8xf32> init normal 0.02 decay
swamla.param @b : tensor<8x8xf32> init normal 0.02 decay
swamla.param @c : tensor<8x8xf32> init normal 0.02

// -----

// Tests that a parameter stays in the group that it is in: a second set with one of its members makes no group.
swamla.param @a : tensor<8x8xf32> init normal 0.02
swamla.param @b : tensor<8x8xf32> init normal 0.02
swamla.param @c : tensor<8x8xf32> init normal 0.02
// CHECK: swamla.param_group @"a+b" [@a, @b]
// CHECK-NOT: swamla.param_group
// CHECK-LABEL: func.func @overlapping
// CHECK: swamla.split
// CHECK-NOT: swamla.split
func.func @overlapping(%x: tensor<3x8xf32>, %y: tensor<3x8xf32>) -> (tensor<3x8xf32>, tensor<3x8xf32>, tensor<3x8xf32>, tensor<3x8xf32>) {
  %wa = swamla.get_param @a : tensor<8x8xf32>
  %wb = swamla.get_param @b : tensor<8x8xf32>
  %wc = swamla.get_param @c : tensor<8x8xf32>
  %0 = swamla.matmul %x, %wa transpose_b : tensor<3x8xf32>, tensor<8x8xf32> -> tensor<3x8xf32>
  %1 = swamla.matmul %x, %wb transpose_b : tensor<3x8xf32>, tensor<8x8xf32> -> tensor<3x8xf32>
  %2 = swamla.matmul %y, %wb transpose_b : tensor<3x8xf32>, tensor<8x8xf32> -> tensor<3x8xf32>
  %3 = swamla.matmul %y, %wc transpose_b : tensor<3x8xf32>, tensor<8x8xf32> -> tensor<3x8xf32>
  return %0, %1, %2, %3 : tensor<3x8xf32>, tensor<3x8xf32>, tensor<3x8xf32>, tensor<3x8xf32>
}
