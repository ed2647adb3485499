// RUN: swamla-opt %s --verify-roundtrip | FileCheck %s

#rows = affine_map<(m, c) -> (m, c)>
#cols = affine_map<(m, c) -> (c)>

// A row-wise computation: a residual sum, kept, and its RMSNorm.
// CHECK-DAG: #[[$MC:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[$C:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: func.func @rms
func.func @rms(%x: tensor<4x8xf32>, %dx: tensor<4x8xf32>, %w: tensor<8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %e = tensor.empty() : tensor<4x8xf32>
  // CHECK:      %{{.*}}:2 = swamla.fused [4 | 8] ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<4x8xf32>, tensor<4x8xf32>, tensor<8xf32>)
  // CHECK-SAME:   outs(%{{.*}}, %{{.*}} : tensor<4x8xf32>, tensor<4x8xf32>) label "h.0.norm1"
  // CHECK-SAME:   maps [#[[$MC]], #[[$MC]], #[[$C]], #[[$MC]], #[[$MC]]] attributes {scope = "h.0.attn"} {
  // CHECK-NEXT: ^bb0(%{{.*}}: f32, %{{.*}}: f32, %{{.*}}: f32, %{{.*}}: f32, %{{.*}}: f32):
  // CHECK:        swamla.reduce_row add %{{.*}} : f32
  // CHECK:        swamla.yield %{{.*}}, %{{.*}} : f32, f32
  // CHECK-NEXT: } -> tensor<4x8xf32>, tensor<4x8xf32>
  %0:2 = swamla.fused [4 | 8] ins(%x, %dx, %w : tensor<4x8xf32>, tensor<4x8xf32>, tensor<8xf32>)
      outs(%e, %e : tensor<4x8xf32>, tensor<4x8xf32>) label "h.0.norm1"
      maps [#rows, #rows, #cols, #rows, #rows] attributes {scope = "h.0.attn"} {
  ^bb0(%a: f32, %b: f32, %g: f32, %i0: f32, %i1: f32):
    %eps = arith.constant 1.0e-6 : f32
    %n = arith.constant 0.125 : f32
    %s = arith.addf %a, %b : f32
    %q = arith.mulf %s, %s : f32
    %t = swamla.reduce_row add %q : f32
    %mean = arith.mulf %t, %n : f32
    %u = arith.addf %mean, %eps : f32
    %r = math.rsqrt %u : f32
    %y = arith.mulf %s, %r : f32
    %z = arith.mulf %y, %g : f32
    swamla.yield %s, %z : f32, f32
  } -> tensor<4x8xf32>, tensor<4x8xf32>
  return %0#0, %0#1 : tensor<4x8xf32>, tensor<4x8xf32>
}

// Three dims, rows by position, neighbours, part of each head, in place.
// CHECK-LABEL: func.func @rope
func.func @rope(%x: tensor<4x12xf32>, %cos: tensor<2x2xf32>, %sin: tensor<2x2xf32>) -> tensor<4x12xf32> {
  // CHECK: swamla.fused [4, 3 | 2] ins(
  // CHECK: swamla.pair_swap %{{.*}} : f32
  %0 = swamla.fused [4, 3 | 2] ins(%cos, %sin : tensor<2x2xf32>, tensor<2x2xf32>) outs(%x : tensor<4x12xf32>)
      maps [affine_map<(m, h, d) -> (m mod 2, d)>, affine_map<(m, h, d) -> (m mod 2, d)>, affine_map<(m, h, d) -> (m, h * 4 + d + 2)>] {
  ^bb0(%c: f32, %s: f32, %v: f32):
    %w = swamla.pair_swap %v : f32
    %a = arith.mulf %v, %c : f32
    %b = arith.mulf %w, %s : f32
    %y = arith.addf %a, %b : f32
    swamla.yield %y : f32
  } -> tensor<4x12xf32>
  return %0 : tensor<4x12xf32>
}

// A gather, a random mask, the point's position; no label.
// CHECK-LABEL: func.func @lookup
func.func @lookup(%t: tensor<4xi32>, %w: tensor<9x6xf32>) -> tensor<4x6xf32> {
  %e = tensor.empty() : tensor<4x6xf32>
  // CHECK: swamla.fused [4 | 6] ins(%{{.*}}, %{{.*}} : tensor<4xi32>, tensor<9x6xf32>) outs(%{{.*}} : tensor<4x6xf32>) gather [-1, 0] maps [
  // CHECK: swamla.index 1
  // CHECK: swamla.random_uniform %{{.*}} site(7)
  %0 = swamla.fused [4 | 6] ins(%t, %w : tensor<4xi32>, tensor<9x6xf32>) outs(%e : tensor<4x6xf32>) gather [-1, 0]
      maps [affine_map<(m, c) -> (m)>, affine_map<(m, c)[s] -> (s, c)>, affine_map<(m, c) -> (m, c)>] {
  ^bb0(%token: i32, %v: f32, %i: f32):
    %c = swamla.index 1
    %u = swamla.random_uniform %c site(7)
    %y = arith.mulf %u, %v : f32
    swamla.yield %y : f32
  } -> tensor<4x6xf32>
  return %0 : tensor<4x6xf32>
}

// Column reductions, over all rows and over groups of rows, and one element a row. No ins.
// CHECK-LABEL: func.func @reductions
func.func @reductions() -> (tensor<6xf32>, tensor<2x6xf32>, tensor<4xf32>) {
  %0 = tensor.empty() : tensor<6xf32>
  %1 = tensor.empty() : tensor<2x6xf32>
  %2 = tensor.empty() : tensor<4xf32>
  // CHECK: swamla.fused [4 | 6] outs(
  // CHECK: swamla.reduce_row max %{{.*}} : f32
  %3:3 = swamla.fused [4 | 6] outs(%0, %1, %2 : tensor<6xf32>, tensor<2x6xf32>, tensor<4xf32>)
      maps [affine_map<(m, c) -> (c)>, affine_map<(m, c) -> (m floordiv 2, c)>, affine_map<(m, c) -> (m)>] {
  ^bb0(%i0: f32, %i1: f32, %i2: f32):
    %c = swamla.index 1
    %x = arith.sitofp %c : i32 to f32
    %max = swamla.reduce_row max %x : f32
    swamla.yield %x, %x, %max : f32, f32, f32
  } -> tensor<6xf32>, tensor<2x6xf32>, tensor<4xf32>
  return %3#0, %3#1, %3#2 : tensor<6xf32>, tensor<2x6xf32>, tensor<4xf32>
}

// Eight-bit floats, straight and transposed.
// CHECK-LABEL: func.func @quantized
func.func @quantized(%x: tensor<4x6xbf16>) -> (tensor<4x6xf8E4M3FN>, tensor<6x4xf8E5M2>) {
  %0 = tensor.empty() : tensor<4x6xf8E4M3FN>
  %1 = tensor.empty() : tensor<6x4xf8E5M2>
  // CHECK: swamla.fused [4 | 6] ins(%{{.*}} : tensor<4x6xbf16>) outs(%{{.*}}, %{{.*}} : tensor<4x6xf8E4M3FN>, tensor<6x4xf8E5M2>)
  // CHECK: swamla.yield %{{.*}}, %{{.*}} : f8E4M3FN, f8E5M2
  %2:2 = swamla.fused [4 | 6] ins(%x : tensor<4x6xbf16>) outs(%0, %1 : tensor<4x6xf8E4M3FN>, tensor<6x4xf8E5M2>)
      maps [affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (c, m)>] {
  ^bb0(%a: bf16, %i0: f8E4M3FN, %i1: f8E5M2):
    %b = arith.extf %a : bf16 to f32
    %y = arith.truncf %b : f32 to f8E4M3FN
    %z = arith.truncf %b : f32 to f8E5M2
    swamla.yield %y, %z : f8E4M3FN, f8E5M2
  } -> tensor<4x6xf8E4M3FN>, tensor<6x4xf8E5M2>
  return %2#0, %2#1 : tensor<4x6xf8E4M3FN>, tensor<6x4xf8E5M2>
}
