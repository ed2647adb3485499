// RUN: swamla-opt %s --swamla-autodiff=wrt-args --split-input-file --verify-diagnostics --allow-unregistered-dialect

// Tests that an op without a rule on the gradient's way is named.
func.func @loss(%x: tensor<4x4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'swamla.column_sum' op has no gradient rule; implement DifferentiableOpInterface in compiler/Autodiff}}
  %y = swamla.column_sum %x : tensor<4x4xf32> -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// Tests that attention's second result cannot be differentiated.
func.func @lse(%q: tensor<4x4xf32>) -> tensor<2x4xf32> attributes {swamla.differentiate} {
  // expected-error @+1 {{'swamla.attention' op has no gradient rule for its log-sum-exp; differentiate only what depends on the first result}}
  %y, %lse = swamla.attention %q, %q, %q seq 4 heads 2 kv_heads 2 scale 0.5
    : tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x4xf32>, tensor<2x4xf32>
  return %lse : tensor<2x4xf32>
}

// -----

// Tests that control flow is refused.
// expected-error @+1 {{cannot be differentiated: expected a body of one block, found 2}}
func.func @loss(%x: tensor<4xf32>) -> tensor<4xf32> {
  "test.branch"()[^bb1] : () -> ()
^bb1:
  return %x : tensor<4xf32>
}

// -----

// Tests that a module is not differentiated twice.
// expected-error @+1 {{cannot become @micro_step: the module has one already}}
func.func @loss(%x: tensor<1xf32>) -> tensor<1xf32> {
  return %x : tensor<1xf32>
}
// expected-note @+1 {{see here}}
func.func @micro_step(%x: tensor<1xf32>) -> tensor<1xf32> {
  return %x : tensor<1xf32>
}

// -----

// Tests that a product of quantized operands has no gradient rule: quantizing comes later.
func.func @quantized(%a: tensor<16x32xf8E4M3FN>, %s: tensor<1xf32>) -> tensor<16x16xbf16> attributes {swamla.differentiate} {
  // expected-error @+1 {{'swamla.matmul' op has f8 operands and no gradient; differentiate it before it is quantized}}
  %y = swamla.matmul %a, %a scales %s, %s transpose_b
    : tensor<16x32xf8E4M3FN>, tensor<16x32xf8E4M3FN>, tensor<1xf32>, tensor<1xf32> -> tensor<16x16xbf16>
  return %y : tensor<16x16xbf16>
}
