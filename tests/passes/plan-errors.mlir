// RUN: swamla-opt %s --split-input-file --swamla-plan --verify-diagnostics

// Tests that the plan needs the layout of the parameters.

// expected-error @+1 {{'swamla.param' op has no offset in the flat buffers; run --swamla-layout-params before --swamla-plan}}
swamla.param @w : tensor<16x16xf32> init normal 2.0e-02 decay

// -----

// expected-error @+1 {{has parameters but no attribute swamla.flat_total; run --swamla-layout-params before --swamla-plan}}
module {
  swamla.param @w : tensor<16x16xf32> init normal 2.0e-02 decay offset 0
}

// -----

// Tests that what earlier phases should have converted is named.

func.func @eval(%x: tensor<16x16xf32> {swamla.name = "x"}) -> (tensor<16x16xf32> {swamla.name = "y"}) {
  // expected-error @+1 {{'swamla.add' op is illegal for --swamla-plan; expected swamla.fused, matmul, attention}}
  %y = swamla.add %x, %x : tensor<16x16xf32>
  return %y : tensor<16x16xf32>
}

// -----

// Tests that slots need names.

// expected-error @+1 {{'func.func' op argument 0 has no attribute swamla.name}}
func.func @eval(%x: tensor<16x16xf32>) -> (tensor<16x16xf32> {swamla.name = "y"}) {
  return %x : tensor<16x16xf32>
}

// -----

// expected-error @+1 {{'func.func' op result 0 has no attribute swamla.name}}
func.func @eval(%x: tensor<16x16xf32> {swamla.name = "x"}) -> tensor<16x16xf32> {
  return %x : tensor<16x16xf32>
}

// -----

// Tests that the bytes of a gradient are not overwritten before the last reader of its old value.

module attributes {swamla.flat_total = 1024 : i64} {
  swamla.param @w : tensor<16x16xf32> init normal 2.0e-02 decay offset 0
  func.func @micro_step(%x: tensor<16x16xf32> {swamla.name = "x"}) -> (tensor<16x16xf32> {swamla.name = "y"}) {
    %g = swamla.get_grad @w : tensor<16x16xf32>
    %p = swamla.matmul %x, %x : tensor<16x16xf32>, tensor<16x16xf32> -> tensor<16x16xf32>
    // expected-error @+1 {{'swamla.set_grad' op overwrites bytes of buffer "grads" whose old value a later op still reads}}
    swamla.set_grad @w, %p : tensor<16x16xf32>
    %y = swamla.matmul %g, %x : tensor<16x16xf32>, tensor<16x16xf32> -> tensor<16x16xf32>
    return %y : tensor<16x16xf32>
  }
}

// -----

// Tests that nobody reads a gradient between its update in place and its set_grad.

module attributes {swamla.flat_total = 1024 : i64} {
  swamla.param @w : tensor<16x16xf32> init normal 2.0e-02 decay offset 0
  func.func @micro_step(%x: tensor<16x16xf32> {swamla.name = "x"}) -> (tensor<16x16xf32> {swamla.name = "y"}) {
    %g = swamla.get_grad @w : tensor<16x16xf32>
    %p = swamla.matmul %x, %x init %g : tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32> -> tensor<16x16xf32>
    // expected-error @+1 {{'swamla.get_grad' op reads bytes that an earlier op has updated in place but not stored yet}}
    %h = swamla.get_grad @w : tensor<16x16xf32>
    swamla.set_grad @w, %p : tensor<16x16xf32>
    %y = swamla.matmul %h, %x : tensor<16x16xf32>, tensor<16x16xf32> -> tensor<16x16xf32>
    return %y : tensor<16x16xf32>
  }
}

// -----

// Tests that ranges of the flat buffers are checked.

module attributes {swamla.flat_total = 1024 : i64} {
  func.func @apply() -> (tensor<32x32xf32> {swamla.name = "y"}) {
    // expected-error @+1 {{'swamla.get_flat' op reads elements [512, 1536) of buffer "params", which has 1024}}
    %p = swamla.get_flat "params" offset 512 : tensor<32x32xf32>
    return %p : tensor<32x32xf32>
  }
}

// -----

// Tests that a map which no row kernel follows, a transposed in, is named.

func.func @eval(%x: tensor<8x4xf32> {swamla.name = "x"}) -> (tensor<4x8xf32> {swamla.name = "y"}) {
  %e = tensor.empty() : tensor<4x8xf32>
  // expected-error @+1 {{'swamla.fused' op map 0 is affine_map<(d0, d1) -> (d1, d0)>, expected neighbours along the last dim, or for an out along a row dim, to be neighbours in memory}}
  %y = swamla.fused [4 | 8] ins(%x : tensor<8x4xf32>) outs(%e : tensor<4x8xf32>)
      maps [affine_map<(m, c) -> (c, m)>, affine_map<(m, c) -> (m, c)>] {
  ^bb0(%a: f32, %i: f32):
    swamla.yield %a : f32
  } -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// Tests that a flat buffer has elements of one size.

module attributes {swamla.flat_total = 1024 : i64} {
  func.func @apply() {
    %0 = swamla.get_flat "adamw.m" offset 0 : tensor<16x16xbf16>
    swamla.set_flat "adamw.v" offset 0, %0 : tensor<16x16xbf16>
    %1 = swamla.get_flat "lion.m" offset 256 : tensor<16x16xf8E4M3FN>
    // expected-error @+1 {{'swamla.set_flat' op uses buffer "adamw.v" for 'tensor<16x16xf8E4M3FN>'; expected the elements of 2 bytes that it has elsewhere}}
    swamla.set_flat "adamw.v" offset 256, %1 : tensor<16x16xf8E4M3FN>
    return
  }
}
