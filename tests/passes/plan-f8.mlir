// RUN: swamla-opt %s --split-input-file --swamla-plan=verify | FileCheck %s

#straight = affine_map<(m, c) -> (m, c)>
#transposed = affine_map<(m, c) -> (c, m)>

// Tests that eight-bit floats take one byte each, that a transposed out keeps its own memory although an operand of its size dies, and
// that a unit of work fills whole cache lines of it: 64 rows, where 32 would be enough work.

// CHECK: #[[X:.*]] = affine_map<(d0, d1) -> (d0 * 1024 + d1)>
// CHECK: #[[T:.*]] = affine_map<(d0, d1) -> (d1 * 128 + d0)>
// CHECK: module @quantize
// CHECK: step.buffer @arena kind "arena" bytes 262144
// CHECK: step.row_kernel @quantize_0 domain [128, 1024] row_dims 1 ins 1 maps [#[[X]], #[[X]], #[[T]]] unit_rows 64
// CHECK: step.row_kernel @read_0 domain [1024, 128] {{.*}} unit_rows 256
// CHECK: step.launch @quantize_0 [#step.view<@input, 0, 524288>, #step.view<@arena, {{0|131072}}, 131072>, #step.view<@arena, {{0|131072}}, 131072>] units 2
// CHECK-SAME: bytes 786432
module @quantize attributes {swamla.flat_total = 0 : i64} {
  func.func @eval(%x: tensor<128x1024xf32> {swamla.name = "x"}) -> (tensor<1024x128xf32> {swamla.name = "y"}, tensor<128x1024xf32> {swamla.name = "z"}) {
    %e0 = tensor.empty() : tensor<128x1024xf8E4M3FN>
    %e1 = tensor.empty() : tensor<1024x128xf8E4M3FN>
    %q, %t = swamla.fused [128 | 1024] ins(%x : tensor<128x1024xf32>) outs(%e0, %e1 : tensor<128x1024xf8E4M3FN>, tensor<1024x128xf8E4M3FN>)
        label "quantize" maps [#straight, #straight, #transposed] {
    ^bb0(%a: f32, %i0: f8E4M3FN, %i1: f8E4M3FN):
      %0 = arith.truncf %a : f32 to f8E4M3FN
      swamla.yield %0, %0 : f8E4M3FN, f8E4M3FN
    } -> tensor<128x1024xf8E4M3FN>, tensor<1024x128xf8E4M3FN>
    %e2 = tensor.empty() : tensor<1024x128xf32>
    %y = swamla.fused [1024 | 128] ins(%t : tensor<1024x128xf8E4M3FN>) outs(%e2 : tensor<1024x128xf32>) label "read"
        maps [#straight, #straight] {
    ^bb0(%a: f8E4M3FN, %i: f32):
      %0 = arith.extf %a : f8E4M3FN to f32
      swamla.yield %0 : f32
    } -> tensor<1024x128xf32>
    %e3 = tensor.empty() : tensor<128x1024xf32>
    %z = swamla.fused [128 | 1024] ins(%q : tensor<128x1024xf8E4M3FN>) outs(%e3 : tensor<128x1024xf32>) label "read"
        maps [#straight, #straight] {
    ^bb0(%a: f8E4M3FN, %i: f32):
      %0 = arith.extf %a : f8E4M3FN to f32
      swamla.yield %0 : f32
    } -> tensor<128x1024xf32>
    return %y, %z : tensor<1024x128xf32>, tensor<128x1024xf32>
  }
}

// -----

#straight = affine_map<(m, c) -> (m, c)>

// Tests that a flat buffer has the element size of what lies in it: the working copies in E4M3 take a byte a parameter.

// CHECK-LABEL: module @working
// CHECK: step.buffer @params kind "params" bytes 4096
// CHECK: step.buffer @working.e4m3 kind "working" bytes 1024
// CHECK: step.launch @fused_0 [#step.view<@working.e4m3, 256, 512>, #step.view<@results, 0, 2048>]
module @working attributes {swamla.flat_total = 1024 : i64} {
  swamla.param @w : tensor<16x32xf32> init normal 2.0e-02 decay offset 256
  func.func @eval() -> (tensor<16x32xf32> {swamla.name = "y"}) {
    %w = swamla.get_param @w : tensor<16x32xf8E4M3FN>
    %e = tensor.empty() : tensor<16x32xf32>
    %y = swamla.fused [16 | 32] ins(%w : tensor<16x32xf8E4M3FN>) outs(%e : tensor<16x32xf32>) maps [#straight, #straight] {
    ^bb0(%a: f8E4M3FN, %i: f32):
      %0 = arith.extf %a : f8E4M3FN to f32
      swamla.yield %0 : f32
    } -> tensor<16x32xf32>
    return %y : tensor<16x32xf32>
  }
}
