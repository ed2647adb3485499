// RUN: swamla-opt %s --swamla-form-fused --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @target_weight
// CHECK: swamla.fused [1 | 4]
// CHECK-NEXT: ^bb0(%[[T:.*]]: i32, %{{.*}}: f32):
// CHECK: %[[IGNORED:.*]] = arith.constant -100 : i32
// CHECK: %[[KEPT:.*]] = arith.cmpi ne, %[[T]], %[[IGNORED]]
// CHECK: %[[ONE:.*]] = arith.select %[[KEPT]]
// CHECK: %[[COUNT:.*]] = swamla.reduce_row add %[[ONE]]
// CHECK: %[[LEAST:.*]] = arith.maximumf %{{.*}}, %[[COUNT]]
// CHECK: arith.divf %{{.*}}, %[[LEAST]]
func.func @target_weight(%t: tensor<4xi32>) -> tensor<1xf32> {
  %0 = swamla.target_weight %t : tensor<4xi32> -> tensor<1xf32>
  return %0 : tensor<1xf32>
}

// -----

// Tests that the maximum is subtracted before exp, and that without smoothing there is no sum over all classes.
// CHECK-DAG: #[[$MC:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[$M:.*]] = affine_map<(d0, d1) -> (d0)>
// CHECK-DAG: #[[$ONE:.*]] = affine_map<(d0, d1) -> (0)>
// CHECK-LABEL: func.func @cross_entropy_rows
// CHECK: swamla.fused [4 | 8] {{.*}} maps [#[[$MC]], #[[$M]], #[[$ONE]], #[[$M]]]
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[T:.*]]: i32, %[[W:.*]]: f32, %{{.*}}: f32):
// CHECK: %[[KEPT:.*]] = arith.cmpi ne, %[[T]],
// CHECK: %[[COLUMN:.*]] = swamla.index 1
// CHECK: %[[IS:.*]] = arith.cmpi eq, %[[COLUMN]], %[[T]]
// CHECK: %[[MAX:.*]] = swamla.reduce_row max %[[X]]
// CHECK: %[[SHIFTED:.*]] = arith.subf %[[X]], %[[MAX]]
// CHECK: %[[E:.*]] = math.exp %[[SHIFTED]]
// CHECK: %[[SUM:.*]] = swamla.reduce_row add %[[E]]
// CHECK: %[[LOG:.*]] = math.log %[[SUM]]
// CHECK: %[[OF:.*]] = arith.select %[[IS]], %[[SHIFTED]],
// CHECK: %[[TARGET:.*]] = swamla.reduce_row add %[[OF]]
// CHECK: %[[LOGP:.*]] = arith.subf %[[TARGET]], %[[LOG]]
// CHECK-NOT: swamla.reduce_row
// CHECK: %[[NEG:.*]] = arith.negf %[[LOGP]]
// CHECK: %[[LOSS:.*]] = arith.mulf %[[NEG]], %[[W]]
// CHECK: arith.select %[[KEPT]], %[[LOSS]],
func.func @cross_entropy_rows(%x: tensor<4x8xf32>, %t: tensor<4xi32>, %w: tensor<1xf32>) -> tensor<4xf32> {
  %0 = swamla.cross_entropy_rows %x, %t, %w smoothing 0.0 : tensor<4x8xf32>, tensor<4xi32>, tensor<1xf32> -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// Tests that the cotangent takes over the logits, and the shares of right (0.9) and wrong classes (0.1 / 7).
// CHECK-LABEL: func.func @cross_entropy_rows_grad
// CHECK-SAME: (%[[X:[^:]*]]: tensor<4x8xf32>,
// CHECK: %[[E:.*]] = tensor.empty() : tensor<4xf32>
// CHECK: swamla.fused [4 | 8] ins({{.*}} : tensor<4xi32>, tensor<1xf32>, tensor<1xf32>) outs(%[[E]], %[[X]] : tensor<4xf32>, tensor<4x8xf32>)
// CHECK-NEXT: ^bb0(%[[T:.*]]: i32, %[[W:.*]]: f32, %[[D:.*]]: f32, %{{.*}}: f32, %[[L:.*]]: f32):
// CHECK: swamla.reduce_row max %[[L]]
// CHECK-COUNT-3: swamla.reduce_row add
// CHECK-DAG: %[[RIGHT:.*]] = arith.constant 0.899999976 : f32
// CHECK-DAG: %[[WRONG:.*]] = arith.constant 0.0142857144 : f32
// CHECK: %[[Q:.*]] = arith.select %{{.*}}, %{{.*}}, %{{.*}} : f32
// CHECK: %[[PQ:.*]] = arith.subf %{{.*}}, %{{.*}} : f32
// CHECK: %[[WD:.*]] = arith.mulf %[[W]], %[[D]]
// CHECK: %[[DL:.*]] = arith.mulf %[[PQ]], %[[WD]]
// CHECK: %[[DX:.*]] = arith.select %{{.*}}, %[[DL]], %{{.*}} : f32
// CHECK: swamla.yield %{{.*}}, %[[DX]]
func.func @cross_entropy_rows_grad(%x: tensor<4x8xf32>, %t: tensor<4xi32>, %w: tensor<1xf32>, %d: tensor<1xf32>) -> (tensor<4xf32>, tensor<4x8xf32>) {
  %0, %1 = swamla.cross_entropy_rows_grad %x, %t, %w, %d smoothing 1.0e-1 : tensor<4x8xf32>, tensor<4xi32>, tensor<1xf32>, tensor<1xf32> -> tensor<4xf32>, tensor<4x8xf32>
  return %0, %1 : tensor<4xf32>, tensor<4x8xf32>
}
