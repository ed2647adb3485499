// RUN: swamla-opt %s --split-input-file --swamla-quantize="recipe=tensorwise gradients=e5m2" | FileCheck %s --check-prefixes=CHECK,TENSOR
// RUN: swamla-opt %s --split-input-file --swamla-quantize="recipe=delayed gradients=e5m2" | FileCheck %s --check-prefixes=CHECK,DELAYED
// RUN: swamla-opt %s --split-input-file --swamla-quantize=recipe=rowwise | FileCheck %s --check-prefixes=CHECK,ROW

// Tests a linear layer, forward and backward, and where each scale comes from: from the value (tensorwise), from the scaling state, which learns in
// @micro_step alone (delayed), or from each row (rowwise, whose weight gradient stays bf16).

// TENSOR: module attributes {swamla.scaling = {cotangents = f8E5M2, cotangents_from = 1 : i64, recipe = "tensorwise", rows = 64 : i64, sites = 1 : i64}}
// DELAYED: module attributes {swamla.scaling = {cotangents = f8E5M2, cotangents_from = 2 : i64, recipe = "delayed", rows = 64 : i64, sites = 3 : i64}}
// ROW: module attributes {swamla.scaling = {cotangents = f8E4M3FN, cotangents_from = 64 : i64, recipe = "rowwise", rows = 64 : i64, sites = 64 : i64}}
// CHECK: swamla.param @w : tensor<64x32xf32> init normal 2.000000e-02 decay {scale_site = 0 : i64}
swamla.param @w : tensor<64x32xf32> init normal 0.02 decay

// CHECK-LABEL: func.func @micro_step
// CHECK-SAME: (%[[X:.*]]: tensor<16x32xbf16>, %[[DY:.*]]: tensor<16x64xbf16>)
// CHECK: %[[SW:.*]] = swamla.get_scaling "scale" offset 0 : tensor<{{1|64}}xf32>
// TENSOR-DAG: %[[XROWS:.*]] = swamla.row_amax %[[X]] : tensor<16x32xbf16> -> tensor<16xf32>
// TENSOR-DAG: %[[SX:.*]] = swamla.tensor_scale %[[XROWS]] for f8E4M3FN
// TENSOR-DAG: %[[XQ:.*]] = swamla.quantize %[[X]] scale %[[SX]] : {{.*}} -> tensor<16x32xf8E4M3FN>
// TENSOR-DAG: %[[XT:.*]] = swamla.quantize %[[X]] scale %[[SX]] transposed : {{.*}} -> tensor<32x16xf8E4M3FN>
// TENSOR-DAG: %[[DROWS:.*]] = swamla.row_amax %[[DY]]
// TENSOR-DAG: %[[SD:.*]] = swamla.tensor_scale %[[DROWS]] for f8E5M2
// TENSOR-DAG: %[[DQ:.*]] = swamla.quantize %[[DY]] scale %[[SD]] : {{.*}} -> tensor<16x64xf8E5M2>
// TENSOR-DAG: %[[DT:.*]] = swamla.quantize %[[DY]] scale %[[SD]] transposed : {{.*}} -> tensor<64x16xf8E5M2>

// DELAYED-DAG: %[[SX:.*]] = swamla.get_scaling "scale" offset 4 : tensor<1xf32>
// DELAYED-DAG: %[[XBEFORE:.*]] = swamla.get_scaling "amax" offset 64 : tensor<16xf32>
// DELAYED-DAG: %[[XROWS:.*]] = swamla.row_amax %[[X]] init %[[XBEFORE]]
// DELAYED-DAG: %[[XQ:.*]] = swamla.quantize %[[X]] scale %[[SX]] : {{.*}} -> tensor<16x32xf8E4M3FN>
// DELAYED-DAG: %[[XT:.*]] = swamla.quantize %[[X]] scale %[[SX]] transposed : {{.*}} -> tensor<32x16xf8E4M3FN>
// DELAYED-DAG: %[[SD:.*]] = swamla.get_scaling "scale" offset 8 : tensor<1xf32>
// DELAYED-DAG: %[[DBEFORE:.*]] = swamla.get_scaling "amax" offset 128 : tensor<16xf32>
// DELAYED-DAG: %[[DROWS:.*]] = swamla.row_amax %[[DY]] init %[[DBEFORE]]
// DELAYED-DAG: %[[DQ:.*]] = swamla.quantize %[[DY]] scale %[[SD]] : {{.*}} -> tensor<16x64xf8E5M2>
// DELAYED-DAG: %[[DT:.*]] = swamla.quantize %[[DY]] scale %[[SD]] transposed : {{.*}} -> tensor<64x16xf8E5M2>

// ROW-DAG: %[[XROWS:.*]] = swamla.row_amax %[[X]]
// ROW-DAG: %[[SX:.*]] = swamla.row_scale %[[XROWS]] for f8E4M3FN columns 32
// ROW-DAG: %[[XQ:.*]] = swamla.quantize %[[X]] scale %[[SX]] : tensor<16x32xbf16>, tensor<16xf32> -> tensor<16x32xf8E4M3FN>
// ROW-DAG: %[[DYW:.*]] = swamla.scale_columns %[[DY]] by %[[SW]]
// ROW-DAG: %[[DROWS:.*]] = swamla.row_amax %[[DYW]]
// ROW-DAG: %[[SD:.*]] = swamla.row_scale %[[DROWS]] for f8E4M3FN columns 64
// ROW-DAG: %[[DQ:.*]] = swamla.quantize %[[DYW]] scale %[[SD]] : {{.*}} -> tensor<16x64xf8E4M3FN>

// CHECK: %[[W:.*]] = swamla.get_param @w : tensor<64x32xf8E4M3FN>
// CHECK: swamla.matmul %[[XQ]], %[[W]] scales %[[SX]], %[[SW]] transpose_b fast_accum : {{.*}} -> tensor<16x64xbf16>
// TENSOR: %[[DW:.*]] = swamla.matmul %[[DT]], %[[XT]] scales %[[SD]], %[[SX]] transpose_b : {{.*}} -> tensor<64x32xf32>
// DELAYED: %[[DW:.*]] = swamla.matmul %[[DT]], %[[XT]] scales %[[SD]], %[[SX]] transpose_b : {{.*}} -> tensor<64x32xf32>
// ROW: %[[DW:.*]] = swamla.matmul %[[DY]], %[[X]] transpose_a : {{.*}} -> tensor<64x32xf32>
// CHECK: swamla.add_grad @w, %[[DW]]
// CHECK: %[[WT:.*]] = swamla.get_param @w transposed : tensor<32x64xf8E4M3FN>
// TENSOR: swamla.matmul %[[DQ]], %[[WT]] scales %[[SD]], %[[SW]] transpose_b fast_accum : {{.*}} -> tensor<16x32xbf16>
// DELAYED: swamla.matmul %[[DQ]], %[[WT]] scales %[[SD]], %[[SW]] transpose_b fast_accum : {{.*}} -> tensor<16x32xbf16>
// ROW: %[[ONES:.*]] = arith.constant dense<1.000000e+00> : tensor<32xf32>
// ROW: swamla.matmul %[[DQ]], %[[WT]] scales %[[SD]], %[[ONES]] transpose_b fast_accum : {{.*}} -> tensor<16x32xbf16>
// DELAYED: swamla.set_scaling "amax" offset 64, %[[XROWS]]
// DELAYED: swamla.set_scaling "amax" offset 128, %[[DROWS]]
// CHECK: return
func.func @micro_step(%x: tensor<16x32xbf16>, %dy: tensor<16x64xbf16>) -> (tensor<16x64xbf16>, tensor<16x32xbf16>) {
  %w = swamla.get_param @w : tensor<64x32xbf16>
  %y = swamla.matmul %x, %w transpose_b : tensor<16x32xbf16>, tensor<64x32xbf16> -> tensor<16x64xbf16>
  %dw = swamla.matmul %dy, %x transpose_a : tensor<16x64xbf16>, tensor<16x32xbf16> -> tensor<64x32xf32>
  swamla.add_grad @w, %dw : tensor<64x32xf32>
  %dx = swamla.matmul %dy, %w : tensor<16x64xbf16>, tensor<64x32xbf16> -> tensor<16x32xbf16>
  return %y, %dx : tensor<16x64xbf16>, tensor<16x32xbf16>
}

// CHECK-LABEL: func.func @eval
// CHECK-NOT: swamla.set_scaling
// DELAYED-NOT: swamla.row_amax
// CHECK: swamla.matmul {{.*}} scales
func.func @eval(%x: tensor<16x32xbf16>) -> tensor<16x64xbf16> {
  %w = swamla.get_param @w : tensor<64x32xbf16>
  %y = swamla.matmul %x, %w transpose_b : tensor<16x32xbf16>, tensor<64x32xbf16> -> tensor<16x64xbf16>
  return %y : tensor<16x64xbf16>
}

// -----

// Tests that what is computed again for the backward has the scale of the forward, and that a cotangent in two halves is quantised in halves, where they
// are made, but for the recipe that must see all of it first.

swamla.param @w : tensor<64x32xf32> init normal 0.02 decay
// CHECK-LABEL: func.func @micro_step
// CHECK: %[[N:.*]] = swamla.rms_norm
// TENSOR: %[[ROWS:.*]] = swamla.row_amax %[[N]]
// TENSOR: %[[S:.*]] = swamla.tensor_scale %[[ROWS]] for f8E4M3FN
// DELAYED: %[[S:.*]] = swamla.get_scaling "scale" offset 4
// CHECK: %[[A:.*]], %[[B:.*]] = swamla.swiglu_grad
// TENSOR: %[[R0:.*]] = swamla.row_amax %[[A]] : tensor<16x32xbf16>
// TENSOR: %[[R1:.*]] = swamla.row_amax %[[B]] init %[[R0]]
// TENSOR: swamla.tensor_scale %[[R1]] for f8E5M2
// TENSOR: swamla.quantize %{{.*}} transposed : tensor<16x64xbf16>
// DELAYED: swamla.quantize %[[A]] scale %{{.*}} transposed : tensor<16x32xbf16>
// DELAYED: swamla.quantize %[[B]] scale %{{.*}} transposed
// DELAYED: swamla.join_rows %{{.*}} -> tensor<64x16xf8E5M2>
// TENSOR: %[[AGAIN:.*]] = swamla.rms_norm {{.*}} {recompute}
// DELAYED: %[[AGAIN:.*]] = swamla.rms_norm {{.*}} {recompute}
// TENSOR: swamla.quantize %[[AGAIN]] scale %[[S]] transposed {recompute}
// DELAYED: swamla.quantize %[[AGAIN]] scale %[[S]] transposed {recompute}
func.func @micro_step(%x: tensor<16x32xbf16>, %n: tensor<32xf32>, %v: tensor<16x32xbf16>) -> tensor<16x64xbf16> {
  %w = swamla.get_param @w : tensor<64x32xbf16>
  %h = swamla.rms_norm %x, %n eps 1.0e-06 : tensor<16x32xbf16>, tensor<32xf32>
  %y = swamla.matmul %h, %w transpose_b : tensor<16x32xbf16>, tensor<64x32xbf16> -> tensor<16x64xbf16>
  %a, %b = swamla.swiglu_grad %v, %v, %v : tensor<16x32xbf16>
  %dy = swamla.join %a, %b heads 1 : tensor<16x32xbf16>, tensor<16x32xbf16> -> tensor<16x64xbf16>
  %again = swamla.rms_norm %x, %n eps 1.0e-06 {recompute} : tensor<16x32xbf16>, tensor<32xf32>
  %dw = swamla.matmul %dy, %again transpose_a : tensor<16x64xbf16>, tensor<16x32xbf16> -> tensor<64x32xf32>
  swamla.add_grad @w, %dw : tensor<64x32xf32>
  return %y : tensor<16x64xbf16>
}
