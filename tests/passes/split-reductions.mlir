// RUN: swamla-opt %s --swamla-split-reductions --split-input-file | FileCheck %s
// RUN: swamla-opt %s --swamla-split-reductions="max-units=3 min-rows=1" --split-input-file | FileCheck %s --check-prefix=THREE
// RUN: swamla-opt %s --swamla-split-reductions --swamla-split-reductions --split-input-file | FileCheck %s

// Tests that sums over rows become partial sums of 16 rows, that those of one width are added up together onto the tensors that they
// started from, and that other results stay. With three units: 14 rows each, the last one shorter.
// CHECK-DAG: #[[$MC:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[$UNIT:.*]] = affine_map<(d0, d1) -> (d0 floordiv 16, d1)>
// CHECK-DAG: #[[$C:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: func.func @two_sums
// CHECK-SAME: (%[[X:.*]]: tensor<40x8xf32>, %[[A:.*]]: tensor<8xf32>, %[[B:.*]]: tensor<8xf32>)
// CHECK: %[[P0:.*]] = tensor.empty() : tensor<3x8xf32>
// CHECK: %[[P1:.*]] = tensor.empty() : tensor<3x8xf32>
// CHECK: %[[R:.*]]:3 = swamla.fused [40 | 8] ins(%[[X]] : {{.*}}) outs(%[[P0]], %{{.*}}, %[[P1]] : tensor<3x8xf32>, tensor<40x8xf32>, tensor<3x8xf32>)
// CHECK-SAME: maps [#[[$MC]], #[[$UNIT]], #[[$MC]], #[[$UNIT]]]
// CHECK: %[[S:.*]]:2 = swamla.fused [3 | 8] ins(%[[R]]#0, %[[R]]#2 : {{.*}}) outs(%[[A]], %[[B]] : tensor<8xf32>, tensor<8xf32>) label "norm.combine"
// CHECK-SAME: maps [#[[$MC]], #[[$MC]], #[[$C]], #[[$C]]] attributes {backward}
// CHECK-NEXT: ^bb0(%[[V0:[^:]*]]: f32, %[[V1:[^:]*]]: f32,
// CHECK-NEXT: swamla.yield %[[V0]], %[[V1]]
// CHECK: return %[[S]]#0, %[[R]]#1, %[[S]]#1
// THREE: affine_map<(d0, d1) -> (d0 floordiv 14, d1)>
// THREE: swamla.fused [3 | 8]
func.func @two_sums(%x: tensor<40x8xf32>, %a: tensor<8xf32>, %b: tensor<8xf32>) -> (tensor<8xf32>, tensor<40x8xf32>, tensor<8xf32>) {
  %e = tensor.empty() : tensor<40x8xf32>
  %0:3 = swamla.fused [40 | 8] ins(%x : tensor<40x8xf32>) outs(%a, %e, %b : tensor<8xf32>, tensor<40x8xf32>, tensor<8xf32>) label "norm"
      maps [affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (c)>, affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (c)>] attributes {backward} {
  ^bb0(%v: f32, %ia: f32, %ie: f32, %ib: f32):
    swamla.yield %v, %v, %v : f32, f32, f32
  } -> tensor<8xf32>, tensor<40x8xf32>, tensor<8xf32>
  return %0#0, %0#1, %0#2 : tensor<8xf32>, tensor<40x8xf32>, tensor<8xf32>
}

// -----

// Tests that there are never more than 64 units: 2048 rows, 32 each. A second run leaves what adds them up alone.
// CHECK: affine_map<(d0, d1) -> (d0 floordiv 32, d1)>
// CHECK-LABEL: func.func @many_rows
// CHECK: swamla.fused [2048 | 8]
// CHECK: swamla.fused [64 | 8]
// CHECK-NOT: swamla.fused
// THREE-LABEL: func.func @many_rows
// THREE: swamla.fused [3 | 8]
func.func @many_rows(%x: tensor<2048x8xf32>, %a: tensor<8xf32>) -> tensor<8xf32> {
  %0 = swamla.fused [2048 | 8] ins(%x : tensor<2048x8xf32>) outs(%a : tensor<8xf32>) maps [affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (c)>] {
  ^bb0(%v: f32, %i: f32):
    swamla.yield %v : f32
  } -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// -----

// Tests that a few rows stay one unit.
// CHECK-LABEL: func.func @few_rows
// CHECK: swamla.fused [16 | 8]
// CHECK-NOT: swamla.fused
func.func @few_rows(%x: tensor<16x8xf32>, %a: tensor<8xf32>) -> tensor<8xf32> {
  %0 = swamla.fused [16 | 8] ins(%x : tensor<16x8xf32>) outs(%a : tensor<8xf32>) maps [affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (c)>] {
  ^bb0(%v: f32, %i: f32):
    swamla.yield %v : f32
  } -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// -----

// Tests that partial sums are not split again.
// CHECK-LABEL: func.func @split_already
// CHECK: swamla.fused [64 | 8]
// CHECK-NOT: swamla.fused
func.func @split_already(%x: tensor<64x8xf32>, %a: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = swamla.fused [64 | 8] ins(%x : tensor<64x8xf32>) outs(%a : tensor<4x8xf32>) maps [affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (m floordiv 16, c)>] {
  ^bb0(%v: f32, %i: f32):
    swamla.yield %v : f32
  } -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

// Tests that units beside a transposed out are of whole stores to it: 16 rows each, not 14.
// CHECK-LABEL: func.func @beside_a_transposed_copy
// THREE: affine_map<(d0, d1) -> (d0 floordiv 16, d1)>
// THREE-LABEL: func.func @beside_a_transposed_copy
// THREE: swamla.fused [3 | 8]
func.func @beside_a_transposed_copy(%x: tensor<40x8xf32>, %a: tensor<8xf32>) -> (tensor<8xf32>, tensor<8x40xf8E5M2>) {
  %e = tensor.empty() : tensor<8x40xf8E5M2>
  %0:2 = swamla.fused [40 | 8] ins(%x : tensor<40x8xf32>) outs(%a, %e : tensor<8xf32>, tensor<8x40xf8E5M2>)
      maps [affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (c)>, affine_map<(m, c) -> (c, m)>] {
  ^bb0(%v: f32, %ia: f32, %ie: f8E5M2):
    %q = arith.truncf %v : f32 to f8E5M2
    swamla.yield %v, %q : f32, f8E5M2
  } -> tensor<8xf32>, tensor<8x40xf8E5M2>
  return %0#0, %0#1 : tensor<8xf32>, tensor<8x40xf8E5M2>
}
