// RUN: swamla-opt %s --swamla-quantize=recipe=tensorwise --swamla-layout-params --swamla-build-optimizer --swamla-build-scaling | FileCheck %s --check-prefixes=CHECK,TENSOR
// RUN: swamla-opt %s --swamla-quantize=recipe=delayed --swamla-layout-params --swamla-build-optimizer --swamla-build-scaling | FileCheck %s --check-prefixes=CHECK,DELAYED
// RUN: swamla-opt %s --swamla-quantize=recipe=rowwise --swamla-layout-params --swamla-build-optimizer --swamla-build-scaling | FileCheck %s --check-prefixes=CHECK,ROW
// RUN: swamla-opt %s --swamla-quantize=recipe=tensorwise --swamla-layout-params --swamla-build-optimizer=state=int8 --swamla-build-scaling | FileCheck %s --check-prefix=INT8

swamla.param @e : tensor<16x8xf32> init normal 0.02 decay
swamla.param @w : tensor<64x32xf32> init normal 0.02 decay

func.func @eval(%x: tensor<16x32xbf16>) -> tensor<16x64xbf16> {
  %w = swamla.get_param @w : tensor<64x32xbf16>
  %y = swamla.matmul %x, %w transpose_b : tensor<16x32xbf16>, tensor<64x32xbf16> -> tensor<16x64xbf16>
  return %y : tensor<16x64xbf16>
}

// Tests that the update of a weight makes its fp8 copy, with the scale of the value before (of its rows now), and that scales come first.
// CHECK-LABEL: func.func @apply
// ROW-NOT: swamla.update_scales
// TENSOR: swamla.update_scales %{{.*}}, %{{.*}} cotangents_from 1 as f8E4M3FN {{.*}} tensor<1x64xf32>
// TENSOR: swamla.set_scaling "scale" offset 0 stride 4
// DELAYED: swamla.update_scales %{{.*}} history(
// DELAYED: swamla.set_scaling "scale" offset 0 stride 4
// DELAYED: swamla.set_scaling "amax_history" offset 30
// CHECK: swamla.adamw {{.*}} decay {{.*}} tensor<1x128xf32>
// CHECK-NOT: swamla.quantize
// CHECK: %[[P:.*]], %{{.*}}, %{{.*}}, %{{.*}} = swamla.adamw {{.*}} decay {{.*}} tensor<64x32xf32>
// TENSOR: %[[S:.*]] = swamla.get_scaling "scale" offset 0
// TENSOR: %[[A:.*]] = swamla.row_amax %[[P]]
// ROW: %[[A:.*]] = swamla.row_amax %[[P]]
// ROW: %[[S:.*]] = swamla.row_scale %[[A]] for f8E4M3FN columns 32
// TENSOR: %[[Q:.*]] = swamla.quantize %[[P]] scale %[[S]] {{.*}} -> tensor<64x32xf8E4M3FN>
// ROW: %[[Q:.*]] = swamla.quantize %[[P]] scale %[[S]] {{.*}} -> tensor<64x32xf8E4M3FN>
// CHECK-NOT: transposed
// TENSOR: swamla.set_flat "working.e4m3" offset 128, %[[Q]]
// TENSOR: swamla.set_scaling "amax" offset 0, %[[A]]
// ROW: swamla.set_flat "working.e4m3" offset 128, %[[Q]]
// ROW: swamla.set_scaling "scale" offset 0, %[[S]]
// CHECK: swamla.set_flat "params" offset 128, %[[P]]

// Tests that the copies of the parameters alone forget what earlier steps have seen.
// CHECK-LABEL: func.func @cast
// TENSOR: swamla.fused [1 | 64] outs({{.*}} label "optimizer.forget_scales"
// DELAYED: swamla.fused [16 | 2] outs({{.*}} label "optimizer.forget_scales"
// TENSOR: swamla.row_amax
// TENSOR: swamla.update_scales
// DELAYED: swamla.update_scales
// CHECK: swamla.set_flat "working.e4m3" offset 128

// TENSOR-LABEL: func.func @recast
// TENSOR-NOT: swamla.update_scales
// TENSOR: swamla.quantize
// TENSOR-NOT: @calibrate
// DELAYED-LABEL: func.func @recast
// DELAYED-LABEL: func.func @calibrate
// DELAYED: swamla.update_scales
// DELAYED: swamla.fused {{.*}} label "optimizer.clear_gradients"
// DELAYED: swamla.set_flat "grads" offset 0
// ROW-NOT: @recast

// Tests that states in blocks, whose rows are no weight's, leave the copies to a pass of their own.
// INT8-LABEL: func.func @apply
// INT8: swamla.store_state
// INT8: %[[W:.*]] = swamla.get_flat "params" offset 128 {{.*}} : tensor<64x32xf32>
// INT8: swamla.quantize %[[W]]
