// RUN: swamla-opt %s --swamla-chunk-loss="rows=3" --split-input-file | FileCheck %s
// RUN: swamla-opt %s --swamla-chunk-loss --split-input-file | FileCheck %s --check-prefix=AUTO

// Tests the chunks of loss and gradient, the last one shorter, and that the weight's gradient goes from chunk to chunk. What fits in
// 64 MiB is one chunk, without slices.
// CHECK-LABEL: func.func @gradient
// CHECK-SAME: (%[[X:[^:]*]]: tensor<4x8xf32>, %[[W:[^:]*]]: tensor<9x8xf32>, %[[T:[^:]*]]: tensor<4xi32>, %[[D:[^:]*]]: tensor<1xf32>)
// CHECK: %[[WEIGHT:.*]] = swamla.target_weight %[[T]] {scope = "head"}
// CHECK: %[[X0:.*]] = swamla.slice_rows %[[X]] from 0 {scope = "head"} : tensor<4x8xf32> -> tensor<3x8xf32>
// CHECK: %[[L0:.*]] = swamla.matmul %[[X0]], %[[W]] transpose_b {scope = "head"} : {{.*}} -> tensor<3x9xf32>
// CHECK: %[[T0:.*]] = swamla.slice_rows %[[T]] from 0 {{.*}} -> tensor<3xi32>
// CHECK: %[[R0:.*]], %[[DL0:.*]] = swamla.cross_entropy_rows_grad %[[L0]], %[[T0]], %[[WEIGHT]], %[[D]] smoothing 1.000000e-01
// CHECK: %[[DW0:.*]] = swamla.matmul %[[DL0]], %[[X0]] transpose_a
// CHECK: %[[DX0:.*]] = swamla.matmul %[[DL0]], %[[W]] {scope = "head"}
// CHECK: %[[X1:.*]] = swamla.slice_rows %[[X]] from 3 {{.*}} -> tensor<1x8xf32>
// CHECK: %[[L1:.*]] = swamla.matmul %[[X1]], %[[W]] transpose_b
// CHECK: %[[T1:.*]] = swamla.slice_rows %[[T]] from 3 {{.*}} -> tensor<1xi32>
// CHECK: %[[R1:.*]], %[[DL1:.*]] = swamla.cross_entropy_rows_grad %[[L1]], %[[T1]], %[[WEIGHT]], %[[D]]
// CHECK: %[[DW1:.*]] = swamla.matmul %[[DL1]], %[[X1]] init %[[DW0]] transpose_a
// CHECK: %[[DX1:.*]] = swamla.matmul %[[DL1]], %[[W]] {scope = "head"}
// CHECK: %[[DX:.*]] = swamla.join_rows %[[DX0]], %[[DX1]] {{.*}} -> tensor<4x8xf32>
// CHECK: %[[R:.*]] = swamla.join_rows %[[R0]], %[[R1]] {{.*}} -> tensor<4xf32>
// CHECK: %[[LOSS:.*]] = swamla.sum %[[R]]
// CHECK: return %[[LOSS]], %[[DX]], %[[DW1]]
// AUTO-LABEL: func.func @gradient
// AUTO-SAME: (%[[X:[^:]*]]: tensor<4x8xf32>, %[[W:[^:]*]]: tensor<9x8xf32>,
// AUTO-NOT: slice_rows
// AUTO: %[[L:.*]] = swamla.matmul %[[X]], %[[W]] transpose_b
// AUTO: %[[R:.*]], %[[DL:.*]] = swamla.cross_entropy_rows_grad %[[L]]
// AUTO: %[[DW:.*]] = swamla.matmul %[[DL]], %[[X]] transpose_a
// AUTO: %[[DX:.*]] = swamla.matmul %[[DL]], %[[W]]
// AUTO: %[[LOSS:.*]] = swamla.sum %[[R]]
// AUTO: return %[[LOSS]], %[[DX]], %[[DW]]
func.func @gradient(%x: tensor<4x8xf32>, %w: tensor<9x8xf32>, %t: tensor<4xi32>, %d: tensor<1xf32>) -> (tensor<1xf32>, tensor<4x8xf32>, tensor<9x8xf32>) {
  %0, %1, %2 = swamla.linear_cross_entropy_grad %x, %w, %t, %d smoothing 1.0e-1 {scope = "head"} : tensor<4x8xf32>, tensor<9x8xf32>, tensor<4xi32>, tensor<1xf32> -> tensor<1xf32>, tensor<4x8xf32>, tensor<9x8xf32>
  return %0, %1, %2 : tensor<1xf32>, tensor<4x8xf32>, tensor<9x8xf32>
}

// -----

// Tests that the first chunk starts from where the op started.
// CHECK-LABEL: func.func @init
// CHECK-SAME: %[[I:[^:]*]]: tensor<9x8xf32>)
// CHECK: %[[DW0:.*]] = swamla.matmul %{{.*}}, %{{.*}} init %[[I]] transpose_a
// CHECK: swamla.matmul %{{.*}}, %{{.*}} init %[[DW0]] transpose_a
// AUTO-LABEL: func.func @init
func.func @init(%x: tensor<4x8xf32>, %w: tensor<9x8xf32>, %t: tensor<4xi32>, %d: tensor<1xf32>, %i: tensor<9x8xf32>) -> tensor<9x8xf32> {
  %0, %1, %2 = swamla.linear_cross_entropy_grad %x, %w, %t, %d init %i smoothing 0.0 : tensor<4x8xf32>, tensor<9x8xf32>, tensor<4xi32>, tensor<1xf32>, tensor<9x8xf32> -> tensor<1xf32>, tensor<4x8xf32>, tensor<9x8xf32>
  return %2 : tensor<9x8xf32>
}

// -----

// CHECK-LABEL: func.func @forward
// CHECK: swamla.target_weight
// CHECK: %[[R0:.*]] = swamla.cross_entropy_rows %{{.*}} -> tensor<3xf32>
// CHECK: %[[R1:.*]] = swamla.cross_entropy_rows %{{.*}} -> tensor<1xf32>
// CHECK: %[[R:.*]] = swamla.join_rows %[[R0]], %[[R1]]
// CHECK: swamla.sum %[[R]]
// AUTO-LABEL: func.func @forward
// AUTO: swamla.cross_entropy_rows %{{.*}} -> tensor<4xf32>
func.func @forward(%x: tensor<4x8xf32>, %w: tensor<9x8xf32>, %t: tensor<4xi32>) -> tensor<1xf32> {
  %0 = swamla.linear_cross_entropy %x, %w, %t smoothing 0.0 : tensor<4x8xf32>, tensor<9x8xf32>, tensor<4xi32> -> tensor<1xf32>
  return %0 : tensor<1xf32>
}

// -----

// Tests the choice: 64 MiB hold 512 rows of 32768 logits; 1000 rows make two chunks of 500, rounded up to a multiple of 32.
// CHECK-LABEL: func.func @choice
// AUTO-LABEL: func.func @choice
// AUTO: swamla.cross_entropy_rows %{{.*}} -> tensor<512xf32>
// AUTO: swamla.cross_entropy_rows %{{.*}} -> tensor<488xf32>
// AUTO-NOT: swamla.cross_entropy_rows
func.func @choice(%x: tensor<1000x8xf32>, %w: tensor<32768x8xf32>, %t: tensor<1000xi32>) -> tensor<1xf32> {
  %0 = swamla.linear_cross_entropy %x, %w, %t smoothing 0.0 : tensor<1000x8xf32>, tensor<32768x8xf32>, tensor<1000xi32> -> tensor<1xf32>
  return %0 : tensor<1xf32>
}
