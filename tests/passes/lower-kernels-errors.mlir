// RUN: swamla-opt %s --split-input-file --verify-diagnostics --step-lower-kernels=arch=x86-64-v3
// RUN: not swamla-opt %s --step-lower-kernels=arch=pentium 2>&1 | FileCheck %s --check-prefix=ARCH
// RUN: not swamla-opt %s --step-lower-kernels=target=abacus 2>&1 | FileCheck %s --check-prefix=TARGET

// ARCH: step-lower-kernels: unknown CPU 'pentium', expected x86-64-v2, x86-64-v3, x86-64-v4 or native
// TARGET: step-lower-kernels: no kernel generators for target 'abacus', expected 'cpu'

// Tests that a row's value must be the same in all of its columns.
// expected-error @+1 {{out 0 has map affine_map<(d0, d1) -> (d0)>: one element a row, but its value differs between the row's columns}}
step.row_kernel @not_uniform domain [4, 8] row_dims 1 ins 1
    maps [affine_map<(m, c) -> (m * 8 + c)>, affine_map<(m, c) -> (m)>] unit_rows 4 {
^bb0(%x: f32, %out: f32):
  swamla.yield %x : f32
}

// -----

// Tests that pairs need an even row.
step.row_kernel @odd domain [4, 7] row_dims 1 ins 1
    maps [affine_map<(m, c) -> (m * 7 + c)>, affine_map<(m, c) -> (m * 7 + c)>] unit_rows 4 {
^bb0(%x: f32, %out: f32):
  // expected-error @+1 {{needs an even number of columns, found 7}}
  %p = swamla.pair_swap %x : f32
  swamla.yield %p : f32
}

// -----

// Tests that an out may not sum over some columns only.
// expected-error @+1 {{out 0 has map affine_map<(d0, d1, d2) -> (d0 * 8 + d2)>: expected all column dims in it, or none}}
step.row_kernel @some_columns domain [4, 2, 8] row_dims 1 ins 1
    maps [affine_map<(m, h, c) -> (m * 16 + h * 8 + c)>, affine_map<(m, h, c) -> (m * 8 + c)>] unit_rows 4 {
^bb0(%x: f32, %out: f32):
  swamla.yield %x : f32
}

// -----

// Tests that sums over rows follow units, not periods.
// expected-error @+1 {{out 0 has map affine_map<(d0, d1) -> ((d0 mod 2) * 8 + d1)>: expected a sum of dims times constants and `d0 floordiv unit_rows`}}
step.row_kernel @period domain [4, 8] row_dims 1 ins 1
    maps [affine_map<(m, c) -> (m * 8 + c)>, affine_map<(m, c) -> ((m mod 2) * 8 + c)>] unit_rows 4 {
^bb0(%x: f32, %out: f32):
  swamla.yield %x : f32
}

// -----

// Tests that a sum's initial value is not the region's business.
// expected-error @+1 {{the initial value of a sum over rows cannot be used in the region; set `accumulate` to add to it}}
step.row_kernel @initial_value domain [4, 8] row_dims 1 ins 1
    maps [affine_map<(m, c) -> (m * 8 + c)>, affine_map<(m, c) -> (c)>] unit_rows 4 {
^bb0(%x: f32, %out: f32):
  %y = arith.addf %x, %out : f32
  swamla.yield %y : f32
}

// -----

// Tests that element types without code are refused.
// expected-error @+1 {{block argument 0 is of type 'f16', expected f32, bf16, f8E4M3FN, f8E5M2, f64}}
step.row_kernel @half_precision domain [4, 8] row_dims 1 ins 1
    maps [affine_map<(m, c) -> (m * 8 + c)>, affine_map<(m, c) -> (m * 8 + c)>] unit_rows 4 {
^bb0(%x: f16, %out: f16):
  swamla.yield %x : f16
}
