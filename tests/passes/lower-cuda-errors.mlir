// RUN: swamla-opt %s --split-input-file --step-lower-kernels="target=cuda arch=sm_90a" --verify-diagnostics
// RUN: not swamla-opt %s --split-input-file --step-lower-kernels="target=cuda arch=sm_80" 2>&1 | FileCheck %s --check-prefix=ARCH
// RUN: not swamla-opt %s --split-input-file --step-lower-kernels="target=rocm arch=sm_90a" 2>&1 | FileCheck %s --check-prefix=TARGET
// ARCH: error: step-lower-kernels: unknown GPU 'sm_80', expected sm_90a
// TARGET: error: step-lower-kernels: no kernel generators for target 'rocm', expected 'cpu' or 'cuda'

step.row_kernel @wide_sum domain [4, 8] row_dims 1 ins 1
    maps [affine_map<(m, c) -> (m * 8 + c)>, affine_map<(m, c) -> (m)>] unit_rows 1 {
^bb0(%x: f64, %out: f64):
  // expected-error @+1 {{is of type 'f64', expected f32 on the GPU}}
  %s = swamla.reduce_row add %x : f64
  swamla.yield %s : f64
}

// -----

// expected-error @+1 {{map 0 is affine_map<(d0, d1) -> (d1 * 2)>, expected a stride of 0 or 1 along the last dim}}
step.row_kernel @stride domain [4, 8] row_dims 1 ins 1
    maps [affine_map<(m, c) -> (c * 2)>, affine_map<(m, c) -> (m * 8 + c)>] unit_rows 1 {
^bb0(%x: f32, %out: f32):
  swamla.yield %x : f32
}
