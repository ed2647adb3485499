// RUN: swamla-opt %s --swamla-form-fused --split-input-file | FileCheck %s

// CHECK-DAG: #[[$MC:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[$C:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: func.func @rms_norm
// CHECK: swamla.fused [4 | 8] {{.*}} maps [#[[$MC]], #[[$C]], #[[$MC]]]
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[W:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT: %[[XX:.*]] = arith.mulf %[[X]], %[[X]]
// CHECK-NEXT: %[[SUM:.*]] = swamla.reduce_row add %[[XX]]
// CHECK-NEXT: %[[EIGHTH:.*]] = arith.constant 1.250000e-01 : f32
// CHECK-NEXT: %[[MEAN:.*]] = arith.mulf %[[SUM]], %[[EIGHTH]]
// CHECK-NEXT: %[[EPS:.*]] = arith.constant 5.000000e-01 : f32
// CHECK-NEXT: %[[SHIFTED:.*]] = arith.addf %[[MEAN]], %[[EPS]]
// CHECK-NEXT: %[[R:.*]] = math.rsqrt %[[SHIFTED]]
// CHECK-NEXT: %[[N:.*]] = arith.mulf %[[X]], %[[R]]
// CHECK-NEXT: %[[Y:.*]] = arith.mulf %[[W]], %[[N]]
// CHECK-NEXT: swamla.yield %[[Y]]
func.func @rms_norm(%x: tensor<4x8xf32>, %w: tensor<8xf32>) -> tensor<4x8xf32> {
  %0 = swamla.rms_norm %x, %w eps 0.5 : tensor<4x8xf32>, tensor<8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

// CHECK-DAG: #[[$MC:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[$C:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: func.func @rms_norm_grad
// CHECK: swamla.fused [4 | 8] {{.*}} maps [#[[$MC]], #[[$C]], #[[$MC]], #[[$MC]], #[[$C]]]
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[W:.*]]: f32, %[[DY:.*]]: f32, %{{.*}}: f32, %{{.*}}: f32):
// CHECK: %[[R:.*]] = math.rsqrt
// CHECK: %[[N:.*]] = arith.mulf %[[X]], %[[R]]
// CHECK: %[[G:.*]] = arith.mulf %[[W]], %[[DY]]
// CHECK: %[[GN:.*]] = arith.mulf %[[G]], %[[N]]
// CHECK: %[[SUM:.*]] = swamla.reduce_row add %[[GN]]
// CHECK: %[[MEAN:.*]] = arith.mulf %[[SUM]],
// CHECK: %[[NM:.*]] = arith.mulf %[[N]], %[[MEAN]]
// CHECK: %[[D:.*]] = arith.subf %[[G]], %[[NM]]
// CHECK: %[[DX:.*]] = arith.mulf %[[R]], %[[D]]
// CHECK: %[[DW:.*]] = arith.mulf %[[DY]], %[[N]]
// CHECK: swamla.yield %[[DX]], %[[DW]]
func.func @rms_norm_grad(%x: tensor<4x8xf32>, %w: tensor<8xf32>, %dy: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<8xf32>) {
  %0, %1 = swamla.rms_norm_grad %x, %w, %dy eps 0.5 : tensor<4x8xf32>, tensor<8xf32>
  return %0, %1 : tensor<4x8xf32>, tensor<8xf32>
}

// -----

// Tests that the variance is that of the centred values: two reductions, one after the other.
// CHECK-LABEL: func.func @layer_norm
// CHECK: ^bb0(%[[X:.*]]: f32, %[[W:.*]]: f32, %[[B:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT: %[[SUM:.*]] = swamla.reduce_row add %[[X]]
// CHECK: %[[MEAN:.*]] = arith.mulf %[[SUM]],
// CHECK: %[[CENTRED:.*]] = arith.subf %[[X]], %[[MEAN]]
// CHECK: %[[SQUARE:.*]] = arith.mulf %[[CENTRED]], %[[CENTRED]]
// CHECK: swamla.reduce_row add %[[SQUARE]]
// CHECK: %[[R:.*]] = math.rsqrt
// CHECK: %[[N:.*]] = arith.mulf %[[CENTRED]], %[[R]]
// CHECK: %[[WN:.*]] = arith.mulf %[[W]], %[[N]]
// CHECK: %[[Y:.*]] = arith.addf %[[WN]], %[[B]]
// CHECK: swamla.yield %[[Y]]
func.func @layer_norm(%x: tensor<4x8xf32>, %w: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<4x8xf32> {
  %0 = swamla.layer_norm %x, %w, %b eps 0.5 : tensor<4x8xf32>, tensor<8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

// CHECK-DAG: #[[$MC:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[$C:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: func.func @layer_norm_grad
// CHECK: swamla.fused [4 | 8] {{.*}} maps [#[[$MC]], #[[$C]], #[[$MC]], #[[$MC]], #[[$C]], #[[$C]]]
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[W:.*]]: f32, %[[DY:.*]]: f32, %{{.*}}: f32, %{{.*}}: f32, %{{.*}}: f32):
// CHECK: %[[R:.*]] = math.rsqrt
// CHECK: %[[N:.*]] = arith.mulf %{{.*}}, %[[R]]
// CHECK: %[[G:.*]] = arith.mulf %[[W]], %[[DY]]
// CHECK: swamla.reduce_row add %[[G]]
// CHECK: %[[GMEAN:.*]] = arith.mulf
// CHECK: %[[GN:.*]] = arith.mulf %[[G]], %[[N]]
// CHECK: swamla.reduce_row add %[[GN]]
// CHECK: %[[MEAN:.*]] = arith.mulf
// CHECK: %[[A:.*]] = arith.subf %[[G]], %[[GMEAN]]
// CHECK: %[[NM:.*]] = arith.mulf %[[N]], %[[MEAN]]
// CHECK: %[[D:.*]] = arith.subf %[[A]], %[[NM]]
// CHECK: %[[DX:.*]] = arith.mulf %[[R]], %[[D]]
// CHECK: %[[DW:.*]] = arith.mulf %[[DY]], %[[N]]
// CHECK: swamla.yield %[[DX]], %[[DW]], %[[DY]]
func.func @layer_norm_grad(%x: tensor<4x8xf32>, %w: tensor<8xf32>, %dy: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32>) {
  %0, %1, %2 = swamla.layer_norm_grad %x, %w, %dy eps 0.5 : tensor<4x8xf32>, tensor<8xf32>
  return %0, %1, %2 : tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32>
}

// -----

// CHECK-DAG: #[[$MC:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[$ONE:.*]] = affine_map<(d0, d1) -> (0)>
// CHECK-DAG: #[[$C:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: func.func @dyt
// CHECK: swamla.fused [4 | 8] {{.*}} maps [#[[$MC]], #[[$ONE]], #[[$C]], #[[$C]], #[[$MC]]]
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[A:.*]]: f32, %[[W:.*]]: f32, %[[B:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT: %[[AX:.*]] = arith.mulf %[[A]], %[[X]]
// CHECK-NEXT: %[[T:.*]] = math.tanh %[[AX]]
// CHECK-NEXT: %[[TW:.*]] = arith.mulf %[[T]], %[[W]]
// CHECK-NEXT: %[[Y:.*]] = arith.addf %[[TW]], %[[B]]
// CHECK-NEXT: swamla.yield %[[Y]]
func.func @dyt(%x: tensor<4x8xf32>, %a: tensor<1xf32>, %w: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<4x8xf32> {
  %0 = swamla.dyt %x, %a, %w, %b : tensor<4x8xf32>, tensor<1xf32>, tensor<8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

// CHECK-DAG: #[[$MC:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[$M:.*]] = affine_map<(d0, d1) -> (d0)>
// CHECK-DAG: #[[$C:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: func.func @dyt_grad
// CHECK: swamla.fused [4 | 8] {{.*}}, #[[$MC]], #[[$M]], #[[$C]], #[[$C]]]
// CHECK-NEXT: ^bb0(%[[X:[^:]*]]: f32, %[[A:[^:]*]]: f32, %[[W:[^:]*]]: f32, %[[DY:[^:]*]]: f32,
// CHECK: %[[T:.*]] = math.tanh
// CHECK: %[[TT:.*]] = arith.mulf %[[T]], %[[T]]
// CHECK: %[[SLOPE:.*]] = arith.subf %{{.*}}, %[[TT]]
// CHECK: %[[WDY:.*]] = arith.mulf %[[W]], %[[DY]]
// CHECK: %[[G:.*]] = arith.mulf %[[WDY]], %[[SLOPE]]
// CHECK: %[[DX:.*]] = arith.mulf %[[A]], %[[G]]
// CHECK: %[[XG:.*]] = arith.mulf %[[X]], %[[G]]
// CHECK: %[[DA:.*]] = swamla.reduce_row add %[[XG]]
// CHECK: %[[DW:.*]] = arith.mulf %[[DY]], %[[T]]
// CHECK: swamla.yield %[[DX]], %[[DA]], %[[DW]], %[[DY]]
func.func @dyt_grad(%x: tensor<4x8xf32>, %a: tensor<1xf32>, %w: tensor<8xf32>, %dy: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4xf32>, tensor<8xf32>, tensor<8xf32>) {
  %0, %1, %2, %3 = swamla.dyt_grad %x, %a, %w, %dy : tensor<4x8xf32>, tensor<1xf32>, tensor<8xf32> -> tensor<4xf32>
  return %0, %1, %2, %3 : tensor<4x8xf32>, tensor<4xf32>, tensor<8xf32>, tensor<8xf32>
}
