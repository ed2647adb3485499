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

// -----

func.func @load_state_c1(%i: tensor<4x8xi8>, %s: tensor<4xf32>) {
  // expected-error @+1 {{codes: expected 'tensor<4x8xf8E4M3FN>', found 'tensor<4x8xi8>'}}
  %0 = swamla.load_state fp8 %i scales %s : tensor<4x8xi8>, tensor<4xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @load_state_c1_rank(%i: tensor<8xi8>, %s: tensor<4xf32>) {
  // expected-error @+1 {{codes: expected tensor<R x C>, found 'tensor<8xi8>'}}
  %0 = swamla.load_state int8 %i scales %s : tensor<8xi8>, tensor<4xf32> -> tensor<8xf32>
  return
}

// -----

func.func @load_state_c2(%i: tensor<4x8xi8>, %s: tensor<4xf32>) {
  // expected-error @+1 {{expected 2 values, found 1}}
  %0 = swamla.load_state int4 %i scales %s, %s : tensor<4x8xi8>, tensor<4xf32>, tensor<4xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @load_state_c2_type(%i: tensor<4x8xi8>, %s: tensor<4xf32>) {
  // expected-error @+1 {{a value: expected 'tensor<4x8xf32>', found 'tensor<4x8xbf16>'}}
  %0 = swamla.load_state int8 %i scales %s : tensor<4x8xi8>, tensor<4xf32> -> tensor<4x8xbf16>
  return
}

// -----

func.func @load_state_c3(%b: tensor<4x8xbf16>, %s: tensor<4xf32>) {
  // expected-error @+1 {{expected 0 scales, found 1}}
  %0 = swamla.load_state bf16 %b scales %s : tensor<4x8xbf16>, tensor<4xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @load_state_c3_type(%i: tensor<4x8xi8>, %s: tensor<8xf32>) {
  // expected-error @+1 {{a scale: expected 'tensor<4xf32>', found 'tensor<8xf32>'}}
  %0 = swamla.load_state int8 %i scales %s : tensor<4x8xi8>, tensor<8xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @store_state_c1(%x: tensor<4x8xf32>, %i: tensor<4x8xi8>, %n: tensor<1xf32>) {
  // expected-error @+1 {{codes: expected 'tensor<4x8xbf16>', found 'tensor<4x8xi8>'}}
  %0 = swamla.store_state bf16 %x over %i if_finite %n : tensor<4x8xf32>, tensor<4x8xi8>, tensor<1xf32> -> tensor<4x8xi8>
  return
}

// -----

func.func @store_state_c2(%x: tensor<4x8xf32>, %i: tensor<4x8xi8>, %s: tensor<4xf32>, %n: tensor<1xf32>) {
  // expected-error @+1 {{expected 1 values, found 2}}
  %0:2 = swamla.store_state int8 %x, %x over %i scales %s if_finite %n : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xi8>, tensor<4xf32>, tensor<1xf32> -> tensor<4x8xi8>, tensor<4xf32>
  return
}

// -----

func.func @store_state_c3(%x: tensor<4x8xf32>, %i: tensor<4x8xi8>, %n: tensor<1xf32>) {
  // expected-error @+1 {{expected 1 scales, found 0}}
  %0 = swamla.store_state int8 %x over %i if_finite %n : tensor<4x8xf32>, tensor<4x8xi8>, tensor<1xf32> -> tensor<4x8xi8>
  return
}

// -----

func.func @store_state_c4(%x: tensor<4x8xf32>, %i: tensor<4x8xi8>, %s: tensor<4xf32>) {
  // expected-error @+1 {{norm: expected 'tensor<1xf32>', found 'tensor<4xf32>'}}
  %0:2 = swamla.store_state int8 %x over %i scales %s if_finite %s : tensor<4x8xf32>, tensor<4x8xi8>, tensor<4xf32>, tensor<4xf32> -> tensor<4x8xi8>, tensor<4xf32>
  return
}

// -----

func.func @store_state_c5(%x: tensor<4x8xf32>, %i: tensor<4x8xi8>, %s: tensor<4xf32>, %n: tensor<1xf32>) {
  // expected-error @+1 {{expected results of the types of codes and scales, ('tensor<4x8xi8>', 'tensor<4xf32>'), found ('tensor<4x8xi8>', 'tensor<8xf32>')}}
  %0:2 = swamla.store_state int8 %x over %i scales %s if_finite %n : tensor<4x8xf32>, tensor<4x8xi8>, tensor<4xf32>, tensor<1xf32> -> tensor<4x8xi8>, tensor<8xf32>
  return
}
