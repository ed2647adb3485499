// RUN: swamla-opt %s -split-input-file -verify-diagnostics

func.func @quantize_c1(%x: tensor<16x32xi32>, %s: tensor<1xf32>) {
  // expected-error @+1 {{x: expected elements of f32 or bf16, found 'tensor<16x32xi32>'}}
  %0 = swamla.quantize %x scale %s : tensor<16x32xi32>, tensor<1xf32> -> tensor<16x32xf8E4M3FN>
  return
}

// -----

func.func @quantize_c1_rank(%x: tensor<16xf32>, %s: tensor<1xf32>) {
  // expected-error @+1 {{x: expected tensor<M x C>, found 'tensor<16xf32>'}}
  %0 = swamla.quantize %x scale %s : tensor<16xf32>, tensor<1xf32> -> tensor<16xf8E4M3FN>
  return
}

// -----

func.func @quantize_c2(%x: tensor<16x32xf32>, %s: tensor<32xf32>) {
  // expected-error @+1 {{scale: expected tensor<1xf32> or tensor<16xf32>, found 'tensor<32xf32>'}}
  %0 = swamla.quantize %x scale %s : tensor<16x32xf32>, tensor<32xf32> -> tensor<16x32xf8E4M3FN>
  return
}

// -----

func.func @quantize_c3_format(%x: tensor<16x32xf32>, %s: tensor<1xf32>) {
  // expected-error @+1 {{expected the format f8E4M3FN or f8E5M2, found 'bf16'}}
  %0 = swamla.quantize %x scale %s : tensor<16x32xf32>, tensor<1xf32> -> tensor<16x32xbf16>
  return
}

// -----

func.func @quantize_c3_shape(%x: tensor<16x32xf32>, %s: tensor<1xf32>) {
  // expected-error @+1 {{result: expected 'tensor<32x16xf8E4M3FN>', found 'tensor<16x32xf8E4M3FN>'}}
  %0 = swamla.quantize %x scale %s transposed : tensor<16x32xf32>, tensor<1xf32> -> tensor<16x32xf8E4M3FN>
  return
}

// -----

func.func @row_amax_c1(%x: tensor<16x32xf16>) {
  // expected-error @+1 {{x: expected elements of f32 or bf16, found 'tensor<16x32xf16>'}}
  %0 = swamla.row_amax %x : tensor<16x32xf16> -> tensor<16xf32>
  return
}

// -----

func.func @row_amax_c2(%x: tensor<16x32xf32>) {
  // expected-error @+1 {{result: expected 'tensor<16xf32>', found 'tensor<32xf32>'}}
  %0 = swamla.row_amax %x : tensor<16x32xf32> -> tensor<32xf32>
  return
}

// -----

func.func @row_amax_c2_init(%x: tensor<16x32xf32>, %i: tensor<1xf32>) {
  // expected-error @+1 {{init: expected 'tensor<16xf32>', found 'tensor<1xf32>'}}
  %0 = swamla.row_amax %x init %i : tensor<16x32xf32>, tensor<1xf32> -> tensor<16xf32>
  return
}

// -----

func.func @tensor_scale_c1(%x: tensor<16x2xf32>) {
  // expected-error @+1 {{rows: expected tensor<M x f32>, found 'tensor<16x2xf32>'}}
  %0 = swamla.tensor_scale %x for f8E5M2 : tensor<16x2xf32> -> tensor<1xf32>
  return
}

// -----

func.func @tensor_scale_c1_result(%x: tensor<16xf32>) {
  // expected-error @+1 {{result: expected 'tensor<1xf32>', found 'tensor<16xf32>'}}
  %0 = swamla.tensor_scale %x for f8E5M2 : tensor<16xf32> -> tensor<16xf32>
  return
}

// -----

func.func @tensor_scale_c2(%x: tensor<16xf32>) {
  // expected-error @+1 {{expected the format f8E4M3FN or f8E5M2, found 'f32'}}
  %0 = swamla.tensor_scale %x for f32 : tensor<16xf32> -> tensor<1xf32>
  return
}

// -----

func.func @row_scale_c1(%x: tensor<16xbf16>) {
  // expected-error @+1 {{rows: expected 'tensor<16xf32>', found 'tensor<16xbf16>'}}
  %0 = swamla.row_scale %x for f8E5M2 columns 4 : tensor<16xbf16>
  return
}

// -----

func.func @row_scale_c2(%x: tensor<16xf32>) {
  // expected-error @+1 {{expected the format f8E4M3FN or f8E5M2, found 'i8'}}
  %0 = swamla.row_scale %x for i8 columns 4 : tensor<16xf32>
  return
}

// -----

func.func @row_scale_c3(%x: tensor<16xf32>) {
  // expected-error @+1 {{columns: expected at least 1, found 0}}
  %0 = swamla.row_scale %x for f8E5M2 columns 0 : tensor<16xf32>
  return
}

// -----

func.func @scale_columns_c1(%x: tensor<16x32xbf16>, %s: tensor<16xf32>) {
  // expected-error @+1 {{scale: expected 'tensor<32xf32>', found 'tensor<16xf32>'}}
  %0 = swamla.scale_columns %x by %s : tensor<16x32xbf16>, tensor<16xf32>
  return
}

// -----

func.func @update_scales_c1(%a: tensor<3x64xbf16>, %s: tensor<3xf32>) {
  // expected-error @+1 {{amax: expected 'tensor<3x64xf32>', found 'tensor<3x64xbf16>'}}
  %0, %1 = swamla.update_scales %a, %s cotangents_from 0 as f8E5M2 : tensor<3x64xbf16>, tensor<3xf32> -> tensor<3x64xbf16>, tensor<3xf32>
  return
}

// -----

func.func @update_scales_c2(%a: tensor<3x64xf32>, %s: tensor<3xf32>, %h: tensor<2xf32>) {
  // expected-error @+1 {{history 0: expected 'tensor<3xf32>', found 'tensor<2xf32>'}}
  %0, %1, %2 = swamla.update_scales %a, %s history (%h) cotangents_from 0 as f8E5M2 : tensor<3x64xf32>, tensor<3xf32>, tensor<2xf32> -> tensor<3x64xf32>, tensor<3xf32>, tensor<2xf32>
  return
}

// -----

func.func @update_scales_c2_results(%a: tensor<3x64xf32>, %s: tensor<3xf32>) {
  // expected-error @+1 {{expected a result for each of 1 entries of the history, found ()}}
  %0, %1 = swamla.update_scales %a, %s history (%s) cotangents_from 0 as f8E5M2 : tensor<3x64xf32>, tensor<3xf32>, tensor<3xf32> -> tensor<3x64xf32>, tensor<3xf32>
  return
}

// -----

func.func @update_scales_c3(%a: tensor<3x64xf32>, %s: tensor<3xf32>) {
  // expected-error @+1 {{cotangents_from: expected 0 to 3, found 4}}
  %0, %1 = swamla.update_scales %a, %s cotangents_from 4 as f8E5M2 : tensor<3x64xf32>, tensor<3xf32> -> tensor<3x64xf32>, tensor<3xf32>
  return
}

// -----

func.func @update_scales_c4(%a: tensor<3x64xf32>, %s: tensor<3xf32>) {
  // expected-error @+1 {{expected the format f8E4M3FN or f8E5M2, found 'f8E8M0FNU'}}
  %0, %1 = swamla.update_scales %a, %s cotangents_from 1 as f8E8M0FNU : tensor<3x64xf32>, tensor<3xf32> -> tensor<3x64xf32>, tensor<3xf32>
  return
}

// -----

func.func @get_scaling_c1() {
  // expected-error @+1 {{offset: expected at least 0, found -1}}
  %0 = swamla.get_scaling "scale" offset -1 : tensor<1xf32>
  return
}

// -----

func.func @get_scaling_c2() {
  // expected-error @+1 {{expected elements of f32, found 'tensor<1xbf16>'}}
  %0 = swamla.get_scaling "scale" offset 0 : tensor<1xbf16>
  return
}

// -----

func.func @get_scaling_c3() {
  // expected-error @+1 {{expected the buffer "scale", "amax" or "amax_history", found "params"}}
  %0 = swamla.get_scaling "params" offset 0 : tensor<1xf32>
  return
}

// -----

func.func @get_scaling_c4() {
  // expected-error @+1 {{stride: expected at least 1, found 0}}
  %0 = swamla.get_scaling "scale" offset 0 stride 0 : tensor<4xf32>
  return
}

// -----

func.func @get_scaling_c4_rank() {
  // expected-error @+1 {{expected a vector with stride 4, found 'tensor<2x4xf32>'}}
  %0 = swamla.get_scaling "scale" offset 0 stride 4 : tensor<2x4xf32>
  return
}

// -----

func.func @set_scaling_c4(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{expected a vector with stride 4, found 'tensor<2x4xf32>'}}
  swamla.set_scaling "scale" offset 0 stride 4, %x : tensor<2x4xf32>
  return
}

// -----

func.func @set_scaling_c1(%x: tensor<1xf32>) {
  // expected-error @+1 {{offset: expected at least 0, found -4}}
  swamla.set_scaling "amax" offset -4, %x : tensor<1xf32>
  return
}

// -----

func.func @set_scaling_c2(%x: tensor<1xi32>) {
  // expected-error @+1 {{expected elements of f32, found 'tensor<1xi32>'}}
  swamla.set_scaling "amax" offset 0, %x : tensor<1xi32>
  return
}

// -----

func.func @set_scaling_c3(%x: tensor<1xf32>) {
  // expected-error @+1 {{expected the buffer "scale", "amax" or "amax_history", found "grads"}}
  swamla.set_scaling "grads" offset 0, %x : tensor<1xf32>
  return
}

// -----

swamla.param @w : tensor<64x32xf32> init normal 0.02
func.func @get_param_c3() {
  // expected-error @+1 {{transposed: expected a matrix of f8E4M3FN, found 'tensor<32x64xbf16>'}}
  %0 = swamla.get_param @w transposed : tensor<32x64xbf16>
  return
}

// -----

// expected-note @+1 {{declared here}}
swamla.param @w : tensor<64x32xf32> init normal 0.02
func.func @get_param_c3_shape() {
  // expected-error @+1 {{expected the type of @w, 'tensor<64x32xf32>', found 'tensor<32x64xf32>'}}
  %0 = swamla.get_param @w transposed : tensor<64x32xf8E4M3FN>
  return
}

// -----

func.func @dequantize_c1(%q: tensor<16x32xbf16>, %s: tensor<1xf32>) {
  // expected-error @+1 {{q: expected elements of f8E4M3FN or f8E5M2, found 'tensor<16x32xbf16>'}}
  %0 = swamla.dequantize %q scale %s : tensor<16x32xbf16>, tensor<1xf32> -> tensor<16x32xbf16>
  return
}

// -----

func.func @dequantize_c1_rank(%q: tensor<16xf8E5M2>, %s: tensor<1xf32>) {
  // expected-error @+1 {{q: expected tensor<M x C>, found 'tensor<16xf8E5M2>'}}
  %0 = swamla.dequantize %q scale %s : tensor<16xf8E5M2>, tensor<1xf32> -> tensor<16xbf16>
  return
}

// -----

func.func @dequantize_c2(%q: tensor<16x32xf8E5M2>, %s: tensor<32xf32>) {
  // expected-error @+1 {{scale: expected tensor<1xf32> or tensor<16xf32>, found 'tensor<32xf32>'}}
  %0 = swamla.dequantize %q scale %s : tensor<16x32xf8E5M2>, tensor<32xf32> -> tensor<16x32xbf16>
  return
}

// -----

func.func @dequantize_c3(%q: tensor<16x32xf8E5M2>, %s: tensor<1xf32>) {
  // expected-error @+1 {{result: expected elements of f32 or bf16, found 'tensor<16x32xi32>'}}
  %0 = swamla.dequantize %q scale %s : tensor<16x32xf8E5M2>, tensor<1xf32> -> tensor<16x32xi32>
  return
}

// -----

func.func @dequantize_c3_shape(%q: tensor<16x32xf8E5M2>, %s: tensor<1xf32>) {
  // expected-error @+1 {{result: expected 'tensor<16x32xbf16>', found 'tensor<32x16xbf16>'}}
  %0 = swamla.dequantize %q scale %s : tensor<16x32xf8E5M2>, tensor<1xf32> -> tensor<32x16xbf16>
  return
}

// -----

func.func @transpose_c1(%x: tensor<16x32xbf16>) {
  // expected-error @+1 {{x: expected elements of f8E4M3FN or f8E5M2, found 'tensor<16x32xbf16>'}}
  %0 = swamla.transpose %x : tensor<16x32xbf16> -> tensor<32x16xbf16>
  return
}

// -----

func.func @transpose_c2(%x: tensor<16x32xf8E4M3FN>) {
  // expected-error @+1 {{result: expected 'tensor<32x16xf8E4M3FN>', found 'tensor<16x32xf8E4M3FN>'}}
  %0 = swamla.transpose %x : tensor<16x32xf8E4M3FN> -> tensor<16x32xf8E4M3FN>
  return
}
