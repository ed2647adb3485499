// RUN: swamla-opt %s --split-input-file --swamla-plan=verify | FileCheck %s

// Tests that the rotations of query and key run in place in the one buffer of q, k and v, which attention then reads with a row
// stride: what the backward needs of them is this buffer alone.

// CHECK-LABEL: module @qkv
// CHECK: step.attention_kernel @attention_0 {{.*}} q <heads = 2, width = 8, row_stride = 48, head_stride = 8> k <heads = 2, width = 8, row_stride = 48, head_stride = 8> v <heads = 2, width = 8, row_stride = 48, head_stride = 8> out <heads = 2, width = 8, row_stride = 16, head_stride = 8>
// CHECK: step.program @eval {
// CHECK-NEXT: step.matmul {{.*}} c <@arena, 0, 3072> m 16 n 48
// CHECK-NEXT: step.launch @rotate_0 [#step.view<@arena, 0, 2944>]
// CHECK-NEXT: step.launch @rotate_0 [#step.view<@arena, 64, 2944>]
// CHECK-NEXT: step.launch @attention_0 [#step.view<@arena, 0, 2944>, #step.view<@arena, 64, 2944>, #step.view<@arena, 128, 2944>, #step.view<@results, 0, 1024>,
// CHECK-NEXT: }
module @qkv attributes {swamla.flat_total = 1024 : i64} {
  swamla.param @w : tensor<48x16xf32> init normal 2.0e-02 decay offset 0
  func.func @eval(%x: tensor<16x16xf32> {swamla.name = "x"}) -> (tensor<16x16xf32> {swamla.name = "y"}) {
    %w = swamla.get_param @w : tensor<48x16xf32>
    %qkv = swamla.matmul %x, %w transpose_b : tensor<16x16xf32>, tensor<48x16xf32> -> tensor<16x48xf32>
    %q, %k, %v = swamla.split %qkv heads 1 : tensor<16x48xf32> -> tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32>
    %q1 = swamla.fused [16, 2 | 8] outs(%q : tensor<16x16xf32>) label "rotate" maps [affine_map<(m, h, c) -> (m, h * 8 + c)>] {
    ^bb0(%a: f32):
      %0 = swamla.pair_swap %a : f32
      swamla.yield %0 : f32
    } -> tensor<16x16xf32>
    %k1 = swamla.fused [16, 2 | 8] outs(%k : tensor<16x16xf32>) label "rotate" maps [affine_map<(m, h, c) -> (m, h * 8 + c)>] {
    ^bb0(%a: f32):
      %0 = swamla.pair_swap %a : f32
      swamla.yield %0 : f32
    } -> tensor<16x16xf32>
    %y, %lse = swamla.attention %q1, %k1, %v seq 16 heads 2 kv_heads 2 scale 0.5
        : tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32> -> tensor<16x16xf32>, tensor<2x16xf32>
    return %y : tensor<16x16xf32>
  }
}

// -----

// Tests that the parts of a join are produced in its buffer, that a rotation in place moves with them, and that head by head works
// where the producer can address it.

// CHECK-LABEL: module @join
// CHECK: step.attention_grad_kernel @attention_grad_0 {{.*}} dq <heads = 2, width = 8, row_stride = 48, head_stride = 8> dk <heads = 2, width = 8, row_stride = 48, head_stride = 16> dv <heads = 2, width = 8, row_stride = 48, head_stride = 16>
// CHECK: step.program @eval {
// CHECK-NEXT: step.launch @attention_grad_0 [{{.*}} #step.view<@results, 0, 2944>, #step.view<@results, 64, 2976>, #step.view<@results, 96, 2976>]
// CHECK-NEXT: step.launch @rotate_0 [#step.view<@results, 0, 2944>]
// CHECK-NEXT: }
module @join {
  func.func @eval(%q: tensor<16x16xf32> {swamla.name = "q"}, %lse: tensor<2x16xf32> {swamla.name = "lse"})
      -> (tensor<16x48xf32> {swamla.name = "y"}) {
    %dq, %dk, %dv = swamla.attention_grad %q, %q, %q, %q, %lse, %lse seq 16 heads 2 kv_heads 2 scale 0.5
        : tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32>, tensor<2x16xf32>, tensor<2x16xf32>
        -> tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32>
    %dkv = swamla.join %dk, %dv heads 2 : tensor<16x16xf32>, tensor<16x16xf32> -> tensor<16x32xf32>
    %dq1 = swamla.fused [16, 2 | 8] outs(%dq : tensor<16x16xf32>) label "rotate" maps [affine_map<(m, h, c) -> (m, h * 8 + c)>] {
    ^bb0(%a: f32):
      %0 = swamla.pair_swap %a : f32
      swamla.yield %0 : f32
    } -> tensor<16x16xf32>
    %y = swamla.join %dq1, %dkv heads 1 : tensor<16x16xf32>, tensor<16x32xf32> -> tensor<16x48xf32>
    return %y : tensor<16x48xf32>
  }
}

// -----

// Tests that a part whose producer cannot write head by head (a BLAS) is copied into the join, and only that one.

// CHECK-LABEL: module @forced_copy
// CHECK: step.row_kernel @copy_0 domain [16, 2, 8] row_dims 2
// CHECK: step.program @eval {
// CHECK-NEXT: step.matmul {{.*}} c <@arena, 0, 1024> m 16 n 16 k 16 lda 16 ldb 16 ldc 16
// CHECK-NEXT: step.launch @double_0 [#step.view<@input, 0, 1024>, #step.view<@results, 32, 2016>]
// CHECK-NEXT: step.launch @copy_0 [#step.view<@arena, 0, 1024>, #step.view<@results, 0, 2016>] units 1 label "copy for join"
// CHECK-NEXT: }
module @forced_copy {
  func.func @eval(%x: tensor<16x16xf32> {swamla.name = "x"}) -> (tensor<16x32xf32> {swamla.name = "y"}) {
    %0 = swamla.matmul %x, %x : tensor<16x16xf32>, tensor<16x16xf32> -> tensor<16x16xf32>
    %e = tensor.empty() : tensor<16x16xf32>
    %1 = swamla.fused [16, 2 | 8] ins(%x : tensor<16x16xf32>) outs(%e : tensor<16x16xf32>) label "double"
        maps [affine_map<(m, h, c) -> (m, h * 8 + c)>, affine_map<(m, h, c) -> (m, h * 8 + c)>] {
    ^bb0(%a: f32, %init: f32):
      %r = arith.addf %a, %a : f32
      swamla.yield %r : f32
    } -> tensor<16x16xf32>
    %y = swamla.join %0, %1 heads 2 : tensor<16x16xf32>, tensor<16x16xf32> -> tensor<16x32xf32>
    return %y : tensor<16x32xf32>
  }
}

// -----

// Tests that a join of what a split has taken apart, in the same order, is nothing at all; in another order it is copies.

// CHECK-LABEL: module @join_of_split
// CHECK: step.program @eval {
// CHECK-NEXT: step.matmul {{.*}} c <@arena, [[Y:[0-9]+]], 2048>
// CHECK-NEXT: step.launch @copy_0 [#step.view<@arena, [[B:[0-9]+]], 1984>, #step.view<@arena, [[Z:[0-9]+]], 1984>]
// CHECK-NEXT: step.launch @copy_0
// CHECK-NEXT: step.matmul a <@arena, [[Y]], 2048> b <@arena, [[Z]], 2048> c <@results
// CHECK-NEXT: }
module @join_of_split {
  func.func @eval(%x: tensor<16x16xf32> {swamla.name = "x"}, %w: tensor<32x16xf32> {swamla.name = "w"})
      -> (tensor<16x16xf32> {swamla.name = "y"}) {
    %0 = swamla.matmul %x, %w transpose_b : tensor<16x16xf32>, tensor<32x16xf32> -> tensor<16x32xf32>
    %a, %b = swamla.split %0 heads 1 : tensor<16x32xf32> -> tensor<16x16xf32>, tensor<16x16xf32>
    %same = swamla.join %a, %b heads 1 : tensor<16x16xf32>, tensor<16x16xf32> -> tensor<16x32xf32>
    %other = swamla.join %b, %a heads 1 : tensor<16x16xf32>, tensor<16x16xf32> -> tensor<16x32xf32>
    %y = swamla.matmul %same, %other transpose_b : tensor<16x32xf32>, tensor<16x32xf32> -> tensor<16x16xf32>
    return %y : tensor<16x16xf32>
  }
}

// -----

// Tests that slices of rows are views and that their results are produced in the buffer of the rows' join; vectors end to end likewise.

// CHECK-LABEL: module @rows
// CHECK: step.program @eval {
// CHECK-NEXT: step.launch @both_0 [#step.view<@input, 0, 512>, #step.view<@results, 0, 512>, #step.view<@results, 1024, 32>]
// CHECK-NEXT: step.launch @both_0 [#step.view<@input, 512, 512>, #step.view<@results, 512, 512>, #step.view<@results, 1056, 32>]
// CHECK-NEXT: }
#map = affine_map<(m, c) -> (m, c)>
#row = affine_map<(m, c) -> (m)>
module @rows {
  func.func @eval(%x: tensor<16x16xf32> {swamla.name = "x"})
      -> (tensor<16x16xf32> {swamla.name = "y"}, tensor<16xf32> {swamla.name = "z"}) {
    %e = tensor.empty() : tensor<8x16xf32>
    %f = tensor.empty() : tensor<8xf32>
    %0 = swamla.slice_rows %x from 0 : tensor<16x16xf32> -> tensor<8x16xf32>
    %1 = swamla.slice_rows %x from 8 : tensor<16x16xf32> -> tensor<8x16xf32>
    %y0, %z0 = swamla.fused [8 | 16] ins(%0 : tensor<8x16xf32>) outs(%e, %f : tensor<8x16xf32>, tensor<8xf32>) label "both" maps [#map, #map, #row] {
    ^bb0(%a: f32, %i0: f32, %i1: f32):
      %s = swamla.reduce_row add %a : f32
      swamla.yield %a, %s : f32, f32
    } -> tensor<8x16xf32>, tensor<8xf32>
    %y1, %z1 = swamla.fused [8 | 16] ins(%1 : tensor<8x16xf32>) outs(%e, %f : tensor<8x16xf32>, tensor<8xf32>) label "both" maps [#map, #map, #row] {
    ^bb0(%a: f32, %i0: f32, %i1: f32):
      %s = swamla.reduce_row add %a : f32
      swamla.yield %a, %s : f32, f32
    } -> tensor<8x16xf32>, tensor<8xf32>
    %y = swamla.join_rows %y0, %y1 : tensor<8x16xf32>, tensor<8x16xf32> -> tensor<16x16xf32>
    %z = swamla.join_rows %z0, %z1 : tensor<8xf32>, tensor<8xf32> -> tensor<16xf32>
    return %y, %z : tensor<16x16xf32>, tensor<16xf32>
  }
}
