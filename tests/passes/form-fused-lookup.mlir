// RUN: swamla-opt %s --swamla-form-fused --split-input-file | FileCheck %s

// Tests that the row of a table is the value of the in that `gather` names.
// CHECK-DAG: #[[$ROW:.*]] = affine_map<(d0, d1) -> (d0)>
// CHECK-DAG: #[[$TABLE:.*]] = affine_map<(d0, d1)[s0] -> (s0, d1)>
// CHECK-DAG: #[[$MC:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-LABEL: func.func @embedding_lookup
// CHECK-SAME: (%[[T:.*]]: tensor<4xi32>, %[[W:.*]]: tensor<9x8xf32>)
// CHECK: swamla.fused [4 | 8] ins(%[[T]], %[[W]] : {{.*}} gather [-1, 0] {{.*}} maps [#[[$ROW]], #[[$TABLE]], #[[$MC]]]
// CHECK-NEXT: ^bb0(%{{.*}}: i32, %[[X:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT: swamla.yield %[[X]]
func.func @embedding_lookup(%t: tensor<4xi32>, %w: tensor<9x8xf32>) -> tensor<4x8xf32> {
  %0 = swamla.embedding_lookup %t, %w : tensor<4xi32>, tensor<9x8xf32> -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

// CHECK-DAG: #[[$ONE:.*]] = affine_map<(d0, d1) -> (0)>
// CHECK-DAG: #[[$TABLE:.*]] = affine_map<(d0, d1)[s0] -> (s0, d1)>
// CHECK-DAG: #[[$MC:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-LABEL: func.func @select_row
// CHECK-SAME: (%[[X:.*]]: tensor<4x8xf32>, %[[I:.*]]: tensor<1xi32>)
// CHECK: swamla.fused [1 | 8] ins(%[[I]], %[[X]] : {{.*}} gather [-1, 0] {{.*}} maps [#[[$ONE]], #[[$TABLE]], #[[$MC]]]
func.func @select_row(%x: tensor<4x8xf32>, %i: tensor<1xi32>) -> tensor<1x8xf32> {
  %0 = swamla.select_row %x, %i : tensor<4x8xf32>, tensor<1xi32> -> tensor<1x8xf32>
  return %0 : tensor<1x8xf32>
}
