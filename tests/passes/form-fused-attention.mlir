// RUN: swamla-opt %s --swamla-form-fused --split-input-file | FileCheck %s

// Tests that rope updates its operand in place, head by head, and that positions start again with each sequence.
// CHECK-DAG: #[[$TABLE:.*]] = affine_map<(d0, d1, d2) -> (d0 mod 3, d2)>
// CHECK-DAG: #[[$PLACE:.*]] = affine_map<(d0, d1, d2) -> (d0, d1 * 10 + d2 + 6)>
// CHECK-LABEL: func.func @rope
// CHECK-SAME: (%[[X:.*]]: tensor<6x20xf32>, %[[COS:.*]]: tensor<3x4xf32>, %[[SIN:.*]]: tensor<3x4xf32>)
// CHECK: swamla.fused [6, 2 | 4] ins(%[[COS]], %[[SIN]] : {{.*}}) outs(%[[X]] : {{.*}} maps [#[[$TABLE]], #[[$TABLE]], #[[$PLACE]]]
// CHECK-NEXT: ^bb0(%[[C:.*]]: f32, %[[S:.*]]: f32, %[[V:.*]]: f32):
// CHECK-NEXT: %[[OTHER:.*]] = swamla.pair_swap %[[V]]
// CHECK-NEXT: %[[A:.*]] = arith.mulf %[[V]], %[[C]]
// CHECK-NEXT: %[[B:.*]] = arith.mulf %[[OTHER]], %[[S]]
// CHECK-NEXT: %[[Y:.*]] = arith.addf %[[A]], %[[B]]
// CHECK-NEXT: swamla.yield %[[Y]]
func.func @rope(%x: tensor<6x20xf32>, %cos: tensor<3x4xf32>, %sin: tensor<3x4xf32>) -> tensor<6x20xf32> {
  %0 = swamla.rope %x, %cos, %sin heads 2 offset 6 : tensor<6x20xf32>, tensor<3x4xf32>
  return %0 : tensor<6x20xf32>
}

// -----

// Tests that a single head is no dim of the domain, that a batch of one needs no mod, and the rotation back.
// CHECK-DAG: #[[$MC:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-LABEL: func.func @rope_single_head
// CHECK: swamla.fused [3 | 4] {{.*}} maps [#[[$MC]], #[[$MC]], #[[$MC]]]
// CHECK: arith.subf
func.func @rope_single_head(%x: tensor<3x4xf32>, %cos: tensor<3x4xf32>, %sin: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %0 = swamla.rope %x, %cos, %sin heads 1 offset 0 inverse : tensor<3x4xf32>, tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

// Tests that tables are computed in f64 and rounded once; log(16) = 2.77258...: the rate is -2 log(16) / 4.
// CHECK-LABEL: func.func @rope_table
// CHECK: %[[COLUMN:.*]] = swamla.index 1
// CHECK: %[[PAIR:.*]] = arith.shrsi %[[COLUMN]],
// CHECK: %[[ODD:.*]] = arith.andi %[[COLUMN]],
// CHECK: %[[K:.*]] = arith.sitofp %[[PAIR]] : i32 to f64
// CHECK: %[[RATE:.*]] = arith.constant -1.38629{{.*}} : f64
// CHECK: %[[EXPONENT:.*]] = arith.mulf %[[K]], %[[RATE]] : f64
// CHECK: %[[FREQUENCY:.*]] = math.exp %[[EXPONENT]] : f64
// CHECK: %[[T:.*]] = arith.sitofp %{{.*}} : i32 to f64
// CHECK: %[[TIME:.*]] = arith.divf %[[T]], %{{.*}} : f64
// CHECK: %[[ANGLE:.*]] = arith.mulf %[[TIME]], %[[FREQUENCY]] : f64
// CHECK: %[[COS:.*]] = math.cos %[[ANGLE]] : f64
// CHECK: %[[SIN:.*]] = math.sin %[[ANGLE]] : f64
// CHECK: %[[MINUS:.*]] = arith.negf %[[SIN]] : f64
// CHECK: %[[SIGNED:.*]] = arith.select %{{.*}}, %[[SIN]], %[[MINUS]] : f64
// CHECK: %[[COS32:.*]] = arith.truncf %[[COS]] : f64 to f32
// CHECK: %[[SIN32:.*]] = arith.truncf %[[SIGNED]] : f64 to f32
// CHECK: swamla.yield %[[COS32]], %[[SIN32]]
func.func @rope_table() -> (tensor<6x4xf32>, tensor<6x4xf32>) {
  %cos, %sin = swamla.rope_table theta 16.0 factor 2.0 : tensor<6x4xf32>
  return %cos, %sin : tensor<6x4xf32>, tensor<6x4xf32>
}

// -----

// CHECK-DAG: #[[$MC:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[$T:.*]] = affine_map<(d0, d1) -> (d0 mod 3)>
// CHECK-LABEL: func.func @scale_rows
// CHECK: swamla.fused [6 | 4] {{.*}} maps [#[[$MC]], #[[$T]], #[[$MC]]]
// CHECK: arith.mulf
func.func @scale_rows(%x: tensor<6x4xf32>, %s: tensor<3xf32>) -> tensor<6x4xf32> {
  %0 = swamla.scale_rows %x, %s : tensor<6x4xf32>, tensor<3xf32>
  return %0 : tensor<6x4xf32>
}

// -----

// CHECK-LABEL: func.func @logit_scale_table
// CHECK: swamla.fused [6 | 1] outs(%{{.*}} : tensor<6xf32>)
// CHECK: %[[T:.*]] = swamla.index 0
// CHECK: %[[OFFSET:.*]] = arith.constant 5 : i32
// CHECK: %[[SHIFTED:.*]] = arith.addi %[[T]], %[[OFFSET]]
// CHECK: %[[WINDOW:.*]] = arith.constant 2 : i32
// CHECK: arith.floordivsi %[[SHIFTED]], %[[WINDOW]]
// CHECK: math.log
// CHECK: arith.maximumf
// CHECK: arith.minimumf
func.func @logit_scale_table() -> tensor<6xf32> {
  %0 = swamla.logit_scale_table base 8.0 window 2 offset 5 min 1.0 max 3.0 : tensor<6xf32>
  return %0 : tensor<6xf32>
}

// -----

// CHECK-LABEL: func.func @logit_scale_table_unbounded
// CHECK: arith.maximumf
// CHECK-NOT: arith.minimumf
func.func @logit_scale_table_unbounded() -> tensor<6xf32> {
  %0 = swamla.logit_scale_table base 8.0 window 2 offset 0 min 1.0 : tensor<6xf32>
  return %0 : tensor<6xf32>
}

// -----

// CHECK-DAG: #[[$HEAD:.*]] = affine_map<(d0, d1, d2) -> (d0, d1 * 4 + d2)>
// CHECK-DAG: #[[$OUT:.*]] = affine_map<(d0, d1, d2) -> (d1, d0)>
// CHECK-LABEL: func.func @attention_delta
// CHECK: swamla.fused [6, 2 | 4] {{.*}} maps [#[[$HEAD]], #[[$HEAD]], #[[$OUT]]]
// CHECK-NEXT: ^bb0(%[[A:.*]]: f32, %[[B:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT: %[[AB:.*]] = arith.mulf %[[A]], %[[B]]
// CHECK-NEXT: %[[SUM:.*]] = swamla.reduce_row add %[[AB]]
// CHECK-NEXT: swamla.yield %[[SUM]]
func.func @attention_delta(%o: tensor<6x8xf32>, %do: tensor<6x8xf32>) -> tensor<2x6xf32> {
  %0 = swamla.attention_delta %o, %do heads 2 : tensor<6x8xf32> -> tensor<2x6xf32>
  return %0 : tensor<2x6xf32>
}
