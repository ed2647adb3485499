// RUN: swamla-opt %s --swamla-form-fused --swamla-fuse-rowwise --split-input-file | FileCheck %s
// What stays apart, and why.

// Tests that ops with another op between them, computed from one and for the other, stay apart.
// CHECK-LABEL: func.func @cycle
// CHECK: label "a.add"
// CHECK: swamla.matmul
// CHECK: label "b.add"
func.func @cycle(%x: tensor<4x8xf32>, %w: tensor<8x8xf32>) -> tensor<4x8xf32> {
  %0 = swamla.add %x, %x {scope = "a"} : tensor<4x8xf32>
  %1 = swamla.matmul %0, %w : tensor<4x8xf32>, tensor<8x8xf32> -> tensor<4x8xf32>
  %2 = swamla.add %0, %1 {scope = "b"} : tensor<4x8xf32>
  return %2 : tensor<4x8xf32>
}

// -----

// Tests that a sum over all rows is not read before it is complete.
// CHECK-LABEL: func.func @column_reduction
// CHECK: label "column_sum"
// CHECK: label "bias_add"
func.func @column_reduction(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = swamla.column_sum %x : tensor<4x8xf32> -> tensor<8xf32>
  %1 = swamla.bias_add %x, %0 : tensor<4x8xf32>, tensor<8xf32>
  return %1 : tensor<4x8xf32>
}

// -----

// Tests that ops of different domains stay apart.
// CHECK-LABEL: func.func @domains
// CHECK: swamla.fused [6 | 8]
// CHECK: swamla.fused [6, 2 | 4]
func.func @domains(%x: tensor<6x8xf32>, %cos: tensor<3x4xf32>, %sin: tensor<3x4xf32>) -> tensor<6x8xf32> {
  %0 = swamla.add %x, %x : tensor<6x8xf32>
  %1 = swamla.rope %0, %cos, %sin heads 2 offset 0 : tensor<6x8xf32>, tensor<3x4xf32>
  return %1 : tensor<6x8xf32>
}

// -----

// Tests that a value is not read at another point than the one at hand: the sum of heads needs other columns.
// CHECK-LABEL: func.func @maps
// CHECK: label "add"
// CHECK: label "head_sum"
func.func @maps(%x: tensor<6x8xf32>) -> tensor<6x8xf32> {
  %0 = swamla.add %x, %x : tensor<6x8xf32>
  %1 = swamla.join %0, %0 heads 1 : tensor<6x8xf32>, tensor<6x8xf32> -> tensor<6x16xf32>
  %2 = swamla.head_sum %1 heads 2 : tensor<6x16xf32> -> tensor<6x8xf32>
  return %2 : tensor<6x8xf32>
}

// -----

// Tests that what the backward recomputes is not computed by the forward after all.
// CHECK-LABEL: func.func @recompute
// CHECK: label "add+rms_norm"
// CHECK: label "rms_norm" {{.*}} attributes {recompute}
func.func @recompute(%x: tensor<4x8xf32>, %w: tensor<8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %0 = swamla.add %x, %x : tensor<4x8xf32>
  %1 = swamla.rms_norm %0, %w eps 0.5 : tensor<4x8xf32>, tensor<8xf32>
  %2 = swamla.rms_norm %0, %w eps 0.5 {recompute} : tensor<4x8xf32>, tensor<8xf32>
  return %1, %2 : tensor<4x8xf32>, tensor<4x8xf32>
}

// -----

// Tests that a table, computed once at load, does not move into an op that runs every step.
// CHECK-LABEL: func.func @table
// CHECK: label "rope_table"
// CHECK: label "rope"
func.func @table(%x: tensor<6x4xf32>) -> tensor<6x4xf32> {
  %cos, %sin = swamla.rope_table theta 1.0e+4 factor 1.0 : tensor<6x4xf32>
  %0 = swamla.rope %x, %cos, %sin heads 1 offset 0 : tensor<6x4xf32>, tensor<6x4xf32>
  return %0 : tensor<6x4xf32>
}

// -----

// Tests that two updates in place of one tensor stay two: each starts from the tensor as it was.
// CHECK-LABEL: func.func @in_place
// CHECK-COUNT-2: swamla.fused
func.func @in_place(%x: tensor<6x8xf32>, %cos: tensor<3x4xf32>, %sin: tensor<3x4xf32>) -> (tensor<6x8xf32>, tensor<6x8xf32>) {
  %0 = swamla.rope %x, %cos, %sin heads 2 offset 0 : tensor<6x8xf32>, tensor<3x4xf32>
  %1 = swamla.rope %x, %cos, %sin heads 2 offset 0 inverse : tensor<6x8xf32>, tensor<3x4xf32>
  return %0, %1 : tensor<6x8xf32>, tensor<6x8xf32>
}

// -----

// Tests that an update in place of a value that is used elsewhere keeps the value.
// CHECK-LABEL: func.func @in_place_of_used
// CHECK: label "head_sum"
// CHECK: label "rope"
func.func @in_place_of_used(%x: tensor<6x8xf32>, %cos: tensor<3x4xf32>, %sin: tensor<3x4xf32>) -> (tensor<6x4xf32>, tensor<6x4xf32>) {
  %0 = swamla.head_sum %x heads 2 : tensor<6x8xf32> -> tensor<6x4xf32>
  %1 = swamla.rope %0, %cos, %sin heads 1 offset 0 : tensor<6x4xf32>, tensor<3x4xf32>
  return %0, %1 : tensor<6x4xf32>, tensor<6x4xf32>
}

// -----

// Tests that nothing moves past a store to memory.
// CHECK-LABEL: func.func @store
// CHECK: label "add"
// CHECK: swamla.set_flat
// CHECK: label "rms_norm"
func.func @store(%x: tensor<4x8xf32>, %w: tensor<8xf32>) -> tensor<4x8xf32> {
  %0 = swamla.add %x, %x : tensor<4x8xf32>
  swamla.set_flat "grads" offset 0, %x : tensor<4x8xf32>
  %1 = swamla.rms_norm %0, %w eps 0.5 : tensor<4x8xf32>, tensor<8xf32>
  return %1 : tensor<4x8xf32>
}

// -----

// Tests that at most eight ops move below a merged one.
// CHECK-LABEL: func.func @many_users
// CHECK: label "add"
// CHECK: label "rms_norm"
func.func @many_users(%x: tensor<4x8xf32>, %w: tensor<8xf32>) -> (tensor<4x8xf32>, tensor<8x8xf32>) {
  %0 = swamla.add %x, %x : tensor<4x8xf32>
  %a = swamla.matmul %0, %x transpose_a : tensor<4x8xf32>, tensor<4x8xf32> -> tensor<8x8xf32>
  %b = swamla.matmul %a, %a : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
  %c = swamla.matmul %b, %b : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
  %d = swamla.matmul %c, %c : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
  %e = swamla.matmul %d, %d : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
  %f = swamla.matmul %e, %e : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
  %g = swamla.matmul %f, %f : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
  %h = swamla.matmul %g, %g : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
  %i = swamla.matmul %h, %h : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
  %1 = swamla.rms_norm %0, %w eps 0.5 : tensor<4x8xf32>, tensor<8xf32>
  return %1, %i : tensor<4x8xf32>, tensor<8x8xf32>
}
