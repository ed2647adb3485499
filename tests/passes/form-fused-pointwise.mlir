// RUN: swamla-opt %s --swamla-form-fused --split-input-file | FileCheck %s

// Tests that a vector is a domain of one column.
// CHECK-LABEL: func.func @add_vector
// CHECK: swamla.fused [8 | 1] {{.*}} maps [#[[$V:.*]], #[[$V]], #[[$V]]]
func.func @add_vector(%a: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<8xf32> {
  %0 = swamla.add %a, %b : tensor<8xf32>
  return %0 : tensor<8xf32>
}

// -----

// CHECK-DAG: #[[$MC:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[$C:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: func.func @bias_add
// CHECK: swamla.fused [4 | 8] {{.*}} maps [#[[$MC]], #[[$C]], #[[$MC]]]
// CHECK: arith.addf
func.func @bias_add(%x: tensor<4x8xf32>, %b: tensor<8xf32>) -> tensor<4x8xf32> {
  %0 = swamla.bias_add %x, %b : tensor<4x8xf32>, tensor<8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

// Tests that a sum over rows is a store without the row dim: the kernel adds up what the region yields.
// CHECK-DAG: #[[$MC:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[$C:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: func.func @column_sum
// CHECK: swamla.fused [4 | 8] {{.*}} maps [#[[$MC]], #[[$C]]]
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT: swamla.yield %[[X]]
func.func @column_sum(%x: tensor<4x8xf32>) -> tensor<8xf32> {
  %0 = swamla.column_sum %x : tensor<4x8xf32> -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// -----

// CHECK-DAG: #[[$C:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-DAG: #[[$M:.*]] = affine_map<(d0, d1) -> (d0)>
// CHECK-LABEL: func.func @sum
// CHECK: swamla.fused [1 | 8] {{.*}} maps [#[[$C]], #[[$M]]]
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT: %[[S:.*]] = swamla.reduce_row add %[[X]]
// CHECK-NEXT: swamla.yield %[[S]]
func.func @sum(%x: tensor<8xf32>) -> tensor<1xf32> {
  %0 = swamla.sum %x : tensor<8xf32> -> tensor<1xf32>
  return %0 : tensor<1xf32>
}

// -----

// Tests that every head is an in of its own.
// CHECK-DAG: #[[$H0:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[$H1:.*]] = affine_map<(d0, d1) -> (d0, d1 + 2)>
// CHECK-DAG: #[[$H2:.*]] = affine_map<(d0, d1) -> (d0, d1 + 4)>
// CHECK-LABEL: func.func @head_sum
// CHECK: swamla.fused [4 | 2] ins(%[[X:.*]], %[[X]], %[[X]] : {{.*}} maps [#[[$H0]], #[[$H1]], #[[$H2]], #[[$H0]]]
// CHECK-NEXT: ^bb0(%[[A:.*]]: f32, %[[B:.*]]: f32, %[[C:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT: %[[AB:.*]] = arith.addf %[[A]], %[[B]]
// CHECK-NEXT: arith.addf %[[AB]], %[[C]]
func.func @head_sum(%x: tensor<4x6xf32>) -> tensor<4x2xf32> {
  %0 = swamla.head_sum %x heads 3 : tensor<4x6xf32> -> tensor<4x2xf32>
  return %0 : tensor<4x2xf32>
}

// -----

// gate / (1 + exp(-gate)) * value
// CHECK-LABEL: func.func @swiglu
// CHECK: ^bb0(%[[V:.*]]: f32, %[[G:.*]]: f32, %{{.*}}: f32):
// CHECK-DAG: %[[ONE:.*]] = arith.constant 1.000000e+00 : f32
// CHECK-DAG: %[[N:.*]] = arith.negf %[[G]]
// CHECK: %[[E:.*]] = math.exp %[[N]]
// CHECK: %[[D:.*]] = arith.addf %[[ONE]], %[[E]]
// CHECK: %[[S:.*]] = arith.divf %[[ONE]], %[[D]]
// CHECK: %[[GS:.*]] = arith.mulf %[[G]], %[[S]]
// CHECK: %[[R:.*]] = arith.mulf %[[GS]], %[[V]]
// CHECK: swamla.yield %[[R]]
func.func @swiglu(%v: tensor<4x8xf32>, %g: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = swamla.swiglu %v, %g : tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

// CHECK-LABEL: func.func @swiglu_grad
// CHECK: ^bb0(%[[V:.*]]: f32, %[[G:.*]]: f32, %[[DY:.*]]: f32, %{{.*}}: f32, %{{.*}}: f32):
// CHECK: %[[S:.*]] = arith.divf
// CHECK: %[[SILU:.*]] = arith.mulf %[[G]], %[[S]]
// CHECK: %[[REST:.*]] = arith.subf %{{.*}}, %[[S]]
// CHECK: %[[GR:.*]] = arith.mulf %[[G]], %[[REST]]
// CHECK: %[[ONEGR:.*]] = arith.addf %{{.*}}, %[[GR]]
// CHECK: %[[SLOPE:.*]] = arith.mulf %[[S]], %[[ONEGR]]
// CHECK: %[[DV:.*]] = arith.mulf %[[DY]], %[[SILU]]
// CHECK: %[[DYV:.*]] = arith.mulf %[[DY]], %[[V]]
// CHECK: %[[DG:.*]] = arith.mulf %[[DYV]], %[[SLOPE]]
// CHECK: swamla.yield %[[DV]], %[[DG]]
func.func @swiglu_grad(%v: tensor<4x8xf32>, %g: tensor<4x8xf32>, %dy: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %0, %1 = swamla.swiglu_grad %v, %g, %dy : tensor<4x8xf32>
  return %0, %1 : tensor<4x8xf32>, tensor<4x8xf32>
}

// -----

// CHECK-DAG: #[[$MC:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[$ONE:.*]] = affine_map<(d0, d1) -> (0)>
// CHECK-LABEL: func.func @dropout
// CHECK: swamla.fused [4 | 8] {{.*}} maps [#[[$MC]], #[[$ONE]], #[[$MC]]]
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[KEY:.*]]: i32, %{{.*}}: f32):
// CHECK: %[[U:.*]] = swamla.random_uniform %[[KEY]] site(7)
// CHECK: %[[P:.*]] = arith.constant 2.500000e-01 : f32
// CHECK: %[[KEPT:.*]] = arith.cmpf oge, %[[U]], %[[P]]
// CHECK: %[[SCALE:.*]] = arith.constant 1.33333337 : f32
// CHECK: %[[Y:.*]] = arith.mulf %[[X]], %[[SCALE]]
// CHECK: %[[ZERO:.*]] = arith.constant 0.000000e+00 : f32
// CHECK: arith.select %[[KEPT]], %[[Y]], %[[ZERO]]
func.func @dropout(%x: tensor<4x8xf32>, %key: tensor<1xi32>) -> tensor<4x8xf32> {
  %0 = swamla.dropout %x, %key p 0.25 site 7 : tensor<4x8xf32>, tensor<1xi32>
  return %0 : tensor<4x8xf32>
}

// -----

// Tests that arithmetic is f32 whatever the tensors are: bf16 is extended where it is read and rounded where it is stored.
// CHECK-LABEL: func.func @narrow
// CHECK: swamla.fused [4 | 8] ins(%{{.*}}, %{{.*}} : tensor<4x8xbf16>, tensor<8xf32>) outs(%{{.*}} : tensor<4x8xbf16>)
// CHECK-NEXT: ^bb0(%[[X:.*]]: bf16, %[[B:.*]]: f32, %{{.*}}: bf16):
// CHECK-NEXT: %[[W:.*]] = arith.extf %[[X]] : bf16 to f32
// CHECK-NEXT: %[[S:.*]] = arith.addf %[[W]], %[[B]] : f32
// CHECK-NEXT: %[[Y:.*]] = arith.truncf %[[S]] : f32 to bf16
// CHECK-NEXT: swamla.yield %[[Y]] : bf16
func.func @narrow(%x: tensor<4x8xbf16>, %b: tensor<8xf32>) -> tensor<4x8xbf16> {
  %0 = swamla.bias_add %x, %b : tensor<4x8xbf16>, tensor<8xf32>
  return %0 : tensor<4x8xbf16>
}

// -----

// CHECK-LABEL: func.func @cast
// CHECK: swamla.fused [4 | 8] ins(%{{.*}} : tensor<4x8xf32>) outs(%{{.*}} : tensor<4x8xbf16>)
// CHECK: %[[Y:.*]] = arith.truncf %{{.*}} : f32 to bf16
// CHECK-NEXT: swamla.yield %[[Y]] : bf16
// CHECK: swamla.fused [4 | 8] ins(%{{.*}} : tensor<4x8xbf16>) outs(%{{.*}} : tensor<4x8xf32>)
// CHECK: arith.extf
func.func @cast(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = swamla.cast %x : tensor<4x8xf32> -> tensor<4x8xbf16>
  %1 = swamla.cast %0 : tensor<4x8xbf16> -> tensor<4x8xf32>
  return %1 : tensor<4x8xf32>
}
