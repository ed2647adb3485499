// RUN: swamla-opt %s --swamla-fold-delta --split-input-file | FileCheck %s

// Tests that the gradient takes out in delta's place, and that its other operands, results and attributes stay.
// CHECK-LABEL: func.func @folds
// CHECK-SAME: (%[[Q:.*]]: tensor<8x12xbf16>, %[[K:.*]]: tensor<8x4xbf16>, %[[V:.*]]: tensor<8x6xbf16>, %[[S:.*]]: tensor<8x1xbf16>, %[[O:.*]]: tensor<8x12xbf16>, %[[D:.*]]: tensor<8x12xbf16>, %[[L:.*]]: tensor<4x8xf32>)
// CHECK-NOT: swamla.attention_delta
// CHECK: %[[DQ:.*]], %[[DK:.*]], %[[DV:.*]], %[[R:.*]]:2 = swamla.attention_grad %[[Q]], %[[K]], %[[V]] shared %[[S]], %[[D]], %[[L]] out %[[O]] seq 4 heads 4 kv_heads 2 scale 5.000000e-01 window 2 sink 1 {scope = "h.0"}
// CHECK-SAME: tensor<8x4xbf16>, tensor<4x8xf32>
// CHECK: return %[[DQ]], %[[DK]], %[[DV]], %[[R]]#0
func.func @folds(%q: tensor<8x12xbf16>, %k: tensor<8x4xbf16>, %v: tensor<8x6xbf16>, %s: tensor<8x1xbf16>, %o: tensor<8x12xbf16>, %do: tensor<8x12xbf16>, %l: tensor<4x8xf32>)
    -> (tensor<8x12xbf16>, tensor<8x4xbf16>, tensor<8x6xbf16>, tensor<8x4xbf16>) {
  %d = swamla.attention_delta %o, %do heads 4 : tensor<8x12xbf16> -> tensor<4x8xf32>
  %0, %1, %2, %3 = swamla.attention_grad %q, %k, %v shared %s, %do, %l, %d seq 4 heads 4 kv_heads 2 scale 0.5 window 2 sink 1 {scope = "h.0"} : tensor<8x12xbf16>, tensor<8x4xbf16>, tensor<8x6xbf16>, tensor<8x1xbf16>, tensor<8x12xbf16>, tensor<4x8xf32>, tensor<4x8xf32> -> tensor<8x12xbf16>, tensor<8x4xbf16>, tensor<8x6xbf16>, tensor<8x4xbf16>
  return %0, %1, %2, %3 : tensor<8x12xbf16>, tensor<8x4xbf16>, tensor<8x6xbf16>, tensor<8x4xbf16>
}

// -----

// Tests that a delta that something else reads, too, stays.
// CHECK-LABEL: func.func @shared_delta
// CHECK: %[[D:.*]] = swamla.attention_delta
// CHECK: swamla.attention_grad {{.*}}, %[[D]] seq 4
func.func @shared_delta(%q: tensor<8x12xbf16>, %k: tensor<8x6xbf16>, %v: tensor<8x6xbf16>, %o: tensor<8x12xbf16>, %do: tensor<8x12xbf16>, %l: tensor<4x8xf32>) -> (tensor<8x12xbf16>, tensor<4x8xf32>) {
  %d = swamla.attention_delta %o, %do heads 4 : tensor<8x12xbf16> -> tensor<4x8xf32>
  %0, %1, %2 = swamla.attention_grad %q, %k, %v, %do, %l, %d seq 4 heads 4 kv_heads 2 scale 0.5 : tensor<8x12xbf16>, tensor<8x6xbf16>, tensor<8x6xbf16>, tensor<8x12xbf16>, tensor<4x8xf32>, tensor<4x8xf32> -> tensor<8x12xbf16>, tensor<8x6xbf16>, tensor<8x6xbf16>
  return %0, %d : tensor<8x12xbf16>, tensor<4x8xf32>
}

// -----

// Tests that wide heads with a window keep the op, and without one do not.
// CHECK-LABEL: func.func @wide
// CHECK: %[[D:.*]] = swamla.attention_delta
// CHECK-NOT: swamla.attention_delta
// CHECK: swamla.attention_grad {{.*}}, %[[D]] seq 4 {{.*}} window 2
// CHECK: swamla.attention_grad {{.*}} out %{{.*}} seq 4
func.func @wide(%q: tensor<8x112xbf16>, %o: tensor<8x112xbf16>, %do: tensor<8x112xbf16>, %l: tensor<1x8xf32>) -> (tensor<8x112xbf16>, tensor<8x112xbf16>) {
  %d = swamla.attention_delta %o, %do heads 1 : tensor<8x112xbf16> -> tensor<1x8xf32>
  %e = swamla.attention_delta %o, %q heads 1 : tensor<8x112xbf16> -> tensor<1x8xf32>
  %0, %1, %2 = swamla.attention_grad %q, %q, %q, %do, %l, %d seq 4 heads 1 kv_heads 1 scale 0.5 window 2 : tensor<8x112xbf16>, tensor<8x112xbf16>, tensor<8x112xbf16>, tensor<8x112xbf16>, tensor<1x8xf32>, tensor<1x8xf32> -> tensor<8x112xbf16>, tensor<8x112xbf16>, tensor<8x112xbf16>
  %3, %4, %5 = swamla.attention_grad %q, %q, %q, %q, %l, %e seq 4 heads 1 kv_heads 1 scale 0.5 : tensor<8x112xbf16>, tensor<8x112xbf16>, tensor<8x112xbf16>, tensor<8x112xbf16>, tensor<1x8xf32>, tensor<1x8xf32> -> tensor<8x112xbf16>, tensor<8x112xbf16>, tensor<8x112xbf16>
  return %0, %3 : tensor<8x112xbf16>, tensor<8x112xbf16>
}
