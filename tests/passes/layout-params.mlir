// RUN: swamla-opt %s --swamla-layout-params --split-input-file | FileCheck %s

// Tests the order: decayed parameters first; a group at the place of its first member, its members without gaps; all else at multiples
// of 64; both ranges in whole rows of 1024.
// CHECK: module attributes {swamla.flat_decay = 1024 : i64, swamla.flat_total = 2048 : i64}
// CHECK: swamla.param @bias : tensor<5xf32> {{.*}} offset 1024
// CHECK: swamla.param @q : tensor<3x5xf32> {{.*}} offset 0
// CHECK: swamla.param @o : tensor<5x5xf32> {{.*}} offset 64
// CHECK: swamla.param @k : tensor<2x5xf32> {{.*}} offset 15
// CHECK: swamla.param @norm : tensor<5xf32> {{.*}} offset 1088
// CHECK: swamla.param_group @qk [@q, @k] : tensor<5x5xf32> offset 0
module {
  swamla.param @bias : tensor<5xf32> init constant 0.0
  swamla.param @q : tensor<3x5xf32> init normal 0.02 decay
  swamla.param @o : tensor<5x5xf32> init normal 0.02 decay
  swamla.param @k : tensor<2x5xf32> init normal 0.02 decay
  swamla.param @norm : tensor<5xf32> init constant 1.0
  swamla.param_group @qk [@q, @k] : tensor<5x5xf32>
}

// -----

// Tests that earlier offsets do not bind, and that a range may be empty.
// CHECK: module attributes {swamla.flat_decay = 0 : i64, swamla.flat_total = 2048 : i64}
// CHECK: swamla.param @a : tensor<1025xf32> {{.*}} offset 0
// CHECK: swamla.param @b : tensor<2x5xf32> {{.*}} offset 1088
// CHECK: swamla.param @c : tensor<1x5xf32> {{.*}} offset 1098
// CHECK: swamla.param_group @bc [@b, @c] : tensor<3x5xf32> offset 1088
module attributes {swamla.flat_decay = 1 : i64} {
  swamla.param @a : tensor<1025xf32> init constant 1.0 offset 77
  swamla.param @b : tensor<2x5xf32> init constant 1.0 offset 7
  swamla.param @c : tensor<1x5xf32> init constant 1.0 offset 17
  swamla.param_group @bc [@b, @c] : tensor<3x5xf32> offset 7
}

// -----

// CHECK: module attributes {swamla.flat_decay = 0 : i64, swamla.flat_total = 0 : i64}
module {
}
