// RUN: swamla-opt %s --swamla-autodiff=wrt-args --split-input-file | FileCheck %s

// Tests y = a b. In each case b's cotangent, a weight's, is computed first, so that the saved a can go.
// CHECK-LABEL: func.func @nn
// CHECK-SAME: (%[[A:[^:]*]]: tensor<2x3xf32>, %[[B:[^:]*]]: tensor<3x5xf32>, %[[DY:[^:]*]]: tensor<2x5xf32>)
// CHECK: %[[Y:.*]] = swamla.matmul %[[A]], %[[B]] :
// CHECK-NEXT: %[[DB:.*]] = swamla.matmul %[[A]], %[[DY]] transpose_a {backward} : tensor<2x3xf32>, tensor<2x5xf32> -> tensor<3x5xf32>
// CHECK-NEXT: %[[DA:.*]] = swamla.matmul %[[DY]], %[[B]] transpose_b {backward} : tensor<2x5xf32>, tensor<3x5xf32> -> tensor<2x3xf32>
// CHECK-NEXT: return %[[Y]], %[[DA]], %[[DB]]
func.func @nn(%a: tensor<2x3xf32>, %b: tensor<3x5xf32>) -> tensor<2x5xf32> attributes {swamla.differentiate} {
  %y = swamla.matmul %a, %b : tensor<2x3xf32>, tensor<3x5xf32> -> tensor<2x5xf32>
  return %y : tensor<2x5xf32>
}

// -----

// Tests y = a b^T, a linear layer.
// CHECK-LABEL: func.func @nt
// CHECK-SAME: (%[[A:[^:]*]]: tensor<2x3xf32>, %[[B:[^:]*]]: tensor<5x3xf32>, %[[DY:[^:]*]]: tensor<2x5xf32>)
// CHECK: swamla.matmul %[[A]], %[[B]] transpose_b :
// CHECK-NEXT: %[[DB:.*]] = swamla.matmul %[[DY]], %[[A]] transpose_a {backward} : tensor<2x5xf32>, tensor<2x3xf32> -> tensor<5x3xf32>
// CHECK-NEXT: %[[DA:.*]] = swamla.matmul %[[DY]], %[[B]] {backward} : tensor<2x5xf32>, tensor<5x3xf32> -> tensor<2x3xf32>
func.func @nt(%a: tensor<2x3xf32>, %b: tensor<5x3xf32>) -> tensor<2x5xf32> attributes {swamla.differentiate} {
  %y = swamla.matmul %a, %b transpose_b : tensor<2x3xf32>, tensor<5x3xf32> -> tensor<2x5xf32>
  return %y : tensor<2x5xf32>
}

// -----

// Tests y = a^T b.
// CHECK-LABEL: func.func @tn
// CHECK-SAME: (%[[A:[^:]*]]: tensor<3x2xf32>, %[[B:[^:]*]]: tensor<3x5xf32>, %[[DY:[^:]*]]: tensor<2x5xf32>)
// CHECK: swamla.matmul %[[A]], %[[B]] transpose_a :
// CHECK-NEXT: %[[DB:.*]] = swamla.matmul %[[A]], %[[DY]] {backward} : tensor<3x2xf32>, tensor<2x5xf32> -> tensor<3x5xf32>
// CHECK-NEXT: %[[DA:.*]] = swamla.matmul %[[B]], %[[DY]] transpose_b {backward} : tensor<3x5xf32>, tensor<2x5xf32> -> tensor<3x2xf32>
func.func @tn(%a: tensor<3x2xf32>, %b: tensor<3x5xf32>) -> tensor<2x5xf32> attributes {swamla.differentiate} {
  %y = swamla.matmul %a, %b transpose_a : tensor<3x2xf32>, tensor<3x5xf32> -> tensor<2x5xf32>
  return %y : tensor<2x5xf32>
}

// -----

// Tests y = a^T b^T.
// CHECK-LABEL: func.func @tt
// CHECK-SAME: (%[[A:[^:]*]]: tensor<3x2xf32>, %[[B:[^:]*]]: tensor<5x3xf32>, %[[DY:[^:]*]]: tensor<2x5xf32>)
// CHECK: swamla.matmul %[[A]], %[[B]] transpose_a transpose_b :
// CHECK-NEXT: %[[DB:.*]] = swamla.matmul %[[DY]], %[[A]] transpose_a transpose_b {backward} : tensor<2x5xf32>, tensor<3x2xf32> -> tensor<5x3xf32>
// CHECK-NEXT: %[[DA:.*]] = swamla.matmul %[[B]], %[[DY]] transpose_a transpose_b {backward} : tensor<5x3xf32>, tensor<2x5xf32> -> tensor<3x2xf32>
func.func @tt(%a: tensor<3x2xf32>, %b: tensor<5x3xf32>) -> tensor<2x5xf32> attributes {swamla.differentiate} {
  %y = swamla.matmul %a, %b transpose_a transpose_b : tensor<3x2xf32>, tensor<5x3xf32> -> tensor<2x5xf32>
  return %y : tensor<2x5xf32>
}

// -----

// Tests y = a b + init: init gets the cotangent as it is, and gradients never start from an init.
// CHECK-LABEL: func.func @init
// CHECK-SAME: %[[DY:[^:, ]*]]: tensor<2x5xf32>) ->
// CHECK: %[[Y:.*]] = swamla.matmul %{{.*}} init
// CHECK-NOT: init
// CHECK: return %[[Y]], %{{.*}}, %{{.*}}, %[[DY]]
func.func @init(%a: tensor<2x3xf32>, %b: tensor<3x5xf32>, %c: tensor<2x5xf32>) -> tensor<2x5xf32> attributes {swamla.differentiate} {
  %y = swamla.matmul %a, %b init %c : tensor<2x3xf32>, tensor<3x5xf32>, tensor<2x5xf32> -> tensor<2x5xf32>
  return %y : tensor<2x5xf32>
}

// -----

// Tests that the table of a lookup gets its rows' cotangents, and the tokens none.
// CHECK-LABEL: func.func @embedding_lookup
// CHECK-SAME: (%[[TOKENS:[^:]*]]: tensor<2xi32>, %{{[^:]*}}: tensor<7x4xf32>, %[[DY:[^:]*]]: tensor<2x4xf32>)
// CHECK: %[[Y:.*]] = swamla.embedding_lookup
// CHECK-NEXT: %[[DT:.*]] = swamla.embedding_grad %[[TOKENS]], %[[DY]] {backward} : tensor<2xi32>, tensor<2x4xf32> -> tensor<7x4xf32>
// CHECK-NEXT: return %[[Y]], %[[DT]]
func.func @embedding_lookup(%tokens: tensor<2xi32>, %table: tensor<7x4xf32>) -> tensor<2x4xf32> attributes {swamla.differentiate} {
  %y = swamla.embedding_lookup %tokens, %table : tensor<2xi32>, tensor<7x4xf32> -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}
