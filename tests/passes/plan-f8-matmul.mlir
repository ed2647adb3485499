// RUN: swamla-opt %s --swamla-plan -split-input-file | FileCheck %s

// Tests scaled products: scales are views of wherever they lie, each 16 bytes from the next in the scaling state; a gradient is added to in place; and a product whose
// operand or result is a part of a matrix with rows that begin between multiples of 16 bytes works on copies.

#id = affine_map<(m, c) -> (m, c)>

// CHECK-LABEL: module @products
// CHECK: step.buffer @scale kind "scaling" bytes 20
// CHECK: step.program @micro_step {
// CHECK: step.matmul a <@arena, [[A:[0-9]+]], 512> b <@arena, [[B:[0-9]+]], 512> c <@arena, {{[0-9]+}}, 512> scales <@scale, 16, 4>, <@scale, 0, 4> m 16 n 16 k 32 lda 32 ldb 32 ldc 16 transpose_b types f8E5M2 x f8E4M3FN, bf16 label "matmul"
// CHECK: step.matmul a <@arena, [[B]], 512> b <@arena, [[B]], 512> c <@grads, 1024, 1024> scales <@input, 0, 64>, <@input, 0, 64> m 16 n 16 k 32 lda 32 ldb 32 ldc 16 transpose_b accumulate types f8E4M3FN, f32 fast_accum label "w.dw"
// CHECK: }
module @products attributes {swamla.flat_total = 1024 : i64} {
  swamla.param @w : tensor<16x16xf32> init normal 2.0e-02 decay offset 256
  func.func @micro_step(%rows: tensor<16xf32> {swamla.name = "rows"}, %x: tensor<16x32xf32> {swamla.name = "x"}) -> (tensor<16x16xf32> {swamla.name = "y"}) {
    %all = swamla.get_scaling "scale" offset 0 stride 4 : tensor<2xf32>
    %one = swamla.get_scaling "scale" offset 0 : tensor<1xf32>
    %two = swamla.get_scaling "scale" offset 4 : tensor<1xf32>
    %e8 = tensor.empty() : tensor<16x32xf8E4M3FN>
    %x8 = swamla.fused [16 | 32] ins(%x : tensor<16x32xf32>) outs(%e8 : tensor<16x32xf8E4M3FN>) label "round" maps [#id, #id] {
    ^bb0(%a: f32, %i: f8E4M3FN):
      %0 = arith.truncf %a : f32 to f8E4M3FN
      swamla.yield %0 : f8E4M3FN
    } -> tensor<16x32xf8E4M3FN>
    %e9 = tensor.empty() : tensor<16x32xf8E5M2>
    %g8 = swamla.fused [16 | 32] ins(%x : tensor<16x32xf32>) outs(%e9 : tensor<16x32xf8E5M2>) label "round" maps [#id, #id] {
    ^bb0(%a: f32, %i: f8E5M2):
      %0 = arith.truncf %a : f32 to f8E5M2
      swamla.yield %0 : f8E5M2
    } -> tensor<16x32xf8E5M2>
    %h = swamla.matmul %g8, %x8 scales %two, %one transpose_b : tensor<16x32xf8E5M2>, tensor<16x32xf8E4M3FN>, tensor<1xf32>, tensor<1xf32> -> tensor<16x16xbf16>
    %g = swamla.get_grad @w : tensor<16x16xf32>
    %dw = swamla.matmul %x8, %x8 init %g scales %rows, %rows transpose_b fast_accum : tensor<16x32xf8E4M3FN>, tensor<16x32xf8E4M3FN>, tensor<16x16xf32>, tensor<16xf32>, tensor<16xf32> -> tensor<16x16xf32>
    swamla.set_grad @w, %dw : tensor<16x16xf32>
    %ey = tensor.empty() : tensor<16x16xf32>
    %y = swamla.fused [16 | 16] ins(%h : tensor<16x16xbf16>) outs(%ey : tensor<16x16xf32>) label "widen" maps [#id, #id] {
    ^bb0(%a: bf16, %i: f32):
      %0 = arith.extf %a : bf16 to f32
      swamla.yield %0 : f32
    } -> tensor<16x16xf32>
    return %y : tensor<16x16xf32>
  }
}

// -----

#id = affine_map<(m, c) -> (m, c)>

// The part begins at byte 8 of rows of 40 bytes.

// CHECK-LABEL: module @unaligned
// CHECK: step.program @eval {
// CHECK: step.launch @copy_0 {{.*}} label "copy for matmul"
// CHECK: step.matmul a <@arena, {{[0-9]+}}, 512> {{.*}} lda 32 ldb 32 ldc 16
module @unaligned attributes {swamla.flat_total = 1024 : i64} {
  swamla.param @w : tensor<16x16xf32> init normal 2.0e-02 decay offset 256
  func.func @eval(%x: tensor<16x40xf32> {swamla.name = "x"}) -> (tensor<16x16xf32> {swamla.name = "y"}) {
    %s = swamla.scalar "lr" : tensor<1xf32>
    %e8 = tensor.empty() : tensor<16x40xf8E4M3FN>
    %x8 = swamla.fused [16 | 40] ins(%x : tensor<16x40xf32>) outs(%e8 : tensor<16x40xf8E4M3FN>) label "round" maps [#id, #id] {
    ^bb0(%a: f32, %i: f8E4M3FN):
      %0 = arith.truncf %a : f32 to f8E4M3FN
      swamla.yield %0 : f8E4M3FN
    } -> tensor<16x40xf8E4M3FN>
    %p:2 = swamla.split %x8 heads 1 : tensor<16x40xf8E4M3FN> -> tensor<16x8xf8E4M3FN>, tensor<16x32xf8E4M3FN>
    %y = swamla.matmul %p#1, %p#1 scales %s, %s transpose_b : tensor<16x32xf8E4M3FN>, tensor<16x32xf8E4M3FN>, tensor<1xf32>, tensor<1xf32> -> tensor<16x16xf32>
    return %y : tensor<16x16xf32>
  }
}
