// RUN: swamla-opt %s -split-input-file -verify-diagnostics

func.func @square_sum_c1(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{result: expected 'tensor<4xf32>', found 'tensor<1xf32>'}}
  %0 = swamla.square_sum %x : tensor<4x8xf32> -> tensor<1xf32>
  return
}

// -----

func.func @square_sum_c1_rank(%x: tensor<8xf32>) {
  // expected-error @+1 {{x: expected tensor<R x W>, found 'tensor<8xf32>'}}
  %0 = swamla.square_sum %x : tensor<8xf32> -> tensor<8xf32>
  return
}

// -----

func.func @clip_factor_c1(%x: tensor<4xf32>) {
  // expected-error @+1 {{norm: expected 'tensor<1xf32>', found 'tensor<4xf32>'}}
  %0, %1 = swamla.clip_factor %x, %x, %x : tensor<4xf32>
  return
}

// -----

func.func @adamw_c1(%p: tensor<4x8xf32>, %s: tensor<1xf32>) {
  // expected-error @+1 {{expected 9 scalars (factor, norm, lr, beta1, beta2, eps, weight_decay, bias_correction1, bias_correction2), found 7}}
  %r0, %r1, %r2, %r3 = swamla.adamw %p, %p, %p, %p (%s, %s, %s, %s, %s, %s, %s) : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32> -> tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>
  return
}

// -----

func.func @adamw_c1_type(%p: tensor<4x8xf32>, %s: tensor<2xf32>) {
  // expected-error @+1 {{scalar 0: expected 'tensor<1xf32>', found 'tensor<2xf32>'}}
  %r0, %r1, %r2, %r3 = swamla.adamw %p, %p, %p, %p (%s, %s, %s, %s, %s, %s, %s, %s, %s) : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32> -> tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>
  return
}

// -----

func.func @adamw_c2(%p: tensor<4x8xf32>, %s: tensor<1xf32>) {
  // expected-error @+1 {{result 3: expected 'tensor<4x8xf32>', found 'tensor<8x4xf32>'}}
  %r0, %r1, %r2, %r3 = swamla.adamw %p, %p, %p, %p (%s, %s, %s, %s, %s, %s, %s, %s, %s) : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32> -> tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<8x4xf32>
  return
}

// -----

func.func @lion_c1(%p: tensor<4x8xf32>, %s: tensor<1xf32>) {
  // expected-error @+1 {{expected 6 scalars (factor, norm, lr, beta1, beta2, weight_decay), found 8}}
  %r0, %r1, %r2 = swamla.lion %p, %p, %p (%s, %s, %s, %s, %s, %s, %s, %s) : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32> -> tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>
  return
}

// -----

func.func @lion_c2(%p: tensor<4x8xf32>, %s: tensor<1xf32>) {
  // expected-error @+1 {{result 0: expected 'tensor<4x8xf32>', found 'tensor<8x4xf32>'}}
  %r0, %r1, %r2 = swamla.lion %p, %p, %p (%s, %s, %s, %s, %s, %s) : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32> -> tensor<8x4xf32>, tensor<4x8xf32>, tensor<4x8xf32>
  return
}
