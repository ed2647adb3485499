// RUN: swamla-opt %s --split-input-file --verify-diagnostics --swamla-quantize=head=true -o %t

// Tests that a layer of other sizes than multiples of 16 stays bf16 and says so, once a function.

swamla.param @w : tensor<24x32xf32> init normal 0.02 decay
func.func @eval(%x: tensor<16x32xbf16>) -> tensor<16x24xbf16> {
  %w = swamla.get_param @w : tensor<24x32xbf16>
  // expected-remark @+1 {{the layer @w stays bf16 in @eval: fp8 products want multiples of 16, and this is one of 16 x 24 x 32 (rows, columns, terms of each sum)}}
  %y = swamla.matmul %x, %w transpose_b : tensor<16x32xbf16>, tensor<24x32xbf16> -> tensor<16x24xbf16>
  %z = swamla.matmul %x, %w transpose_b : tensor<16x32xbf16>, tensor<24x32xbf16> -> tensor<16x24xbf16>
  return %y : tensor<16x24xbf16>
}

// -----

// Tests that the head must be of whole sixteens where it shall be fp8.

swamla.param @w : tensor<50x32xf32> init normal 0.02
func.func @eval(%x: tensor<16x32xbf16>) -> tensor<16x50xbf16> {
  %w = swamla.get_param @w : tensor<50x32xbf16>
  // expected-error @+1 {{fp8-head: expected a vocabulary that is a multiple of 16, found 50}}
  %y = swamla.matmul %x, %w transpose_b {scope = "head"} : tensor<16x32xbf16>, tensor<50x32xbf16> -> tensor<16x50xbf16>
  return %y : tensor<16x50xbf16>
}

// -----

// Tests that a module without a layer that can be fp8 stays as it is, and that one of other precisions does, too.

swamla.param @w : tensor<64x32xf32> init normal 0.02
func.func @eval(%x: tensor<16x32xf32>) -> tensor<16x64xf32> {
  %w = swamla.get_param @w : tensor<64x32xf32>
  %y = swamla.matmul %x, %w transpose_b : tensor<16x32xf32>, tensor<64x32xf32> -> tensor<16x64xf32>
  return %y : tensor<16x64xf32>
}
