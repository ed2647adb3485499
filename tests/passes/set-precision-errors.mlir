// RUN: swamla-opt %s --split-input-file --verify-diagnostics --pass-pipeline='builtin.module(func.func(swamla-set-precision{precision=bf16}))'

// Tests that ops whose types are written out, here in a region, are refused.
func.func @fused(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %e = tensor.empty() : tensor<4x4xf32>
  // expected-error @-1 {{'tensor.empty' op has a type that a precision cannot change; run --swamla-set-precision on primitives, before --swamla-form-fused}}
  %y = swamla.fused [4 | 4] ins(%x : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) maps [affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (m, c)>] {
  ^bb0(%a: f32, %i: f32):
    swamla.yield %a : f32
  } -> tensor<4x4xf32>
  return %y : tensor<4x4xf32>
}

// -----

// Tests a fused op that updates in place.
func.func @in_place(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  // expected-error @+1 {{'swamla.fused' op has a type that a precision cannot change}}
  %y = swamla.fused [4 | 4] outs(%x : tensor<4x4xf32>) maps [affine_map<(m, c) -> (m, c)>] {
  ^bb0(%a: f32):
    swamla.yield %a : f32
  } -> tensor<4x4xf32>
  return %y : tensor<4x4xf32>
}

// -----

// Tests that a matrix of different numbers, which no rule makes, is refused.
func.func @constant() -> tensor<1x2xf32> {
  // expected-error @+1 {{'arith.constant' op is a tensor of different numbers, expected of one number}}
  %c = arith.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %y = swamla.add %c, %c : tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}

// -----

// Tests that control flow is refused.
// expected-error @+1 {{'func.func' op expected a body of one block, found 2}}
func.func @blocks(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  "llvm.br"()[^end] : () -> ()
^end:
  return %x : tensor<4x4xf32>
}
