// RUN: swamla-opt %s -verify-roundtrip | FileCheck %s

swamla.param @w : tensor<64x32xf32> init normal 0.02 decay

// CHECK-LABEL: func.func @quant
func.func @quant(%x: tensor<16x32xbf16>, %amax: tensor<3x64xf32>, %scale: tensor<3xf32>) {
  // CHECK: swamla.row_amax %{{.*}} : tensor<16x32xbf16> -> tensor<16xf32>
  %rows = swamla.row_amax %x : tensor<16x32xbf16> -> tensor<16xf32>
  // CHECK: swamla.row_amax %{{.*}} init %{{.*}} : tensor<16x32xbf16>, tensor<16xf32> -> tensor<16xf32>
  %more = swamla.row_amax %x init %rows : tensor<16x32xbf16>, tensor<16xf32> -> tensor<16xf32>
  // CHECK: swamla.tensor_scale %{{.*}} for f8E4M3FN : tensor<16xf32> -> tensor<1xf32>
  %s = swamla.tensor_scale %more for f8E4M3FN : tensor<16xf32> -> tensor<1xf32>
  // CHECK: swamla.row_scale %{{.*}} for f8E5M2 columns 32 : tensor<16xf32>
  %r = swamla.row_scale %more for f8E5M2 columns 32 : tensor<16xf32>
  // CHECK: swamla.quantize %{{.*}} scale %{{.*}} : tensor<16x32xbf16>, tensor<1xf32> -> tensor<16x32xf8E4M3FN>
  %q = swamla.quantize %x scale %s : tensor<16x32xbf16>, tensor<1xf32> -> tensor<16x32xf8E4M3FN>
  // CHECK: swamla.quantize %{{.*}} scale %{{.*}} transposed : tensor<16x32xbf16>, tensor<16xf32> -> tensor<32x16xf8E5M2>
  %t = swamla.quantize %x scale %r transposed : tensor<16x32xbf16>, tensor<16xf32> -> tensor<32x16xf8E5M2>
  // CHECK: swamla.dequantize %{{.*}} scale %{{.*}} : tensor<16x32xf8E4M3FN>, tensor<1xf32> -> tensor<16x32xbf16>
  %d1 = swamla.dequantize %q scale %s : tensor<16x32xf8E4M3FN>, tensor<1xf32> -> tensor<16x32xbf16>
  // CHECK: swamla.dequantize %{{.*}} scale %{{.*}} : tensor<16x32xf8E4M3FN>, tensor<16xf32> -> tensor<16x32xf32>
  %d2 = swamla.dequantize %q scale %r : tensor<16x32xf8E4M3FN>, tensor<16xf32> -> tensor<16x32xf32>
  // CHECK: swamla.transpose %{{.*}} : tensor<32x16xf8E5M2> -> tensor<16x32xf8E5M2>
  %tt = swamla.transpose %t : tensor<32x16xf8E5M2> -> tensor<16x32xf8E5M2>
  // CHECK: swamla.get_scaling "scale" offset 3 : tensor<32xf32>
  %c = swamla.get_scaling "scale" offset 3 : tensor<32xf32>
  // CHECK: swamla.get_scaling "scale" offset 0 stride 4 : tensor<3xf32>
  %spread = swamla.get_scaling "scale" offset 0 stride 4 : tensor<3xf32>
  // CHECK: swamla.set_scaling "scale" offset 0 stride 4, %{{.*}} : tensor<3xf32>
  swamla.set_scaling "scale" offset 0 stride 4, %spread : tensor<3xf32>
  // CHECK: swamla.scale_columns %{{.*}} by %{{.*}} : tensor<16x32xbf16>, tensor<32xf32>
  %y = swamla.scale_columns %x by %c : tensor<16x32xbf16>, tensor<32xf32>
  // CHECK: swamla.update_scales %{{.*}}, %{{.*}} cotangents_from 2 as f8E5M2 : tensor<3x64xf32>, tensor<3xf32> -> tensor<3x64xf32>, tensor<3xf32>
  %a0, %s0 = swamla.update_scales %amax, %scale cotangents_from 2 as f8E5M2 : tensor<3x64xf32>, tensor<3xf32> -> tensor<3x64xf32>, tensor<3xf32>
  // CHECK: swamla.update_scales %{{.*}}, %{{.*}} history(%{{.*}}) cotangents_from 2 as f8E5M2
  %a1, %s1, %h = swamla.update_scales %a0, %s0 history (%scale) cotangents_from 2 as f8E5M2 : tensor<3x64xf32>, tensor<3xf32>, tensor<3xf32> -> tensor<3x64xf32>, tensor<3xf32>, tensor<3xf32>
  // CHECK: swamla.set_scaling "amax_history" offset 0, %{{.*}} : tensor<3xf32>
  swamla.set_scaling "amax_history" offset 0, %h : tensor<3xf32>
  // CHECK: swamla.get_param @w transposed : tensor<32x64xf8E4M3FN>
  %w = swamla.get_param @w transposed : tensor<32x64xf8E4M3FN>
  return
}
