// RUN: swamla-opt %s -split-input-file -verify-diagnostics

func.func @rms_norm_c1(%x: tensor<4x8xf32>, %w: tensor<4xf32>) {
  // expected-error @+1 {{weight: expected 'tensor<8xf32>', found 'tensor<4xf32>'}}
  %0 = swamla.rms_norm %x, %w eps 1.0e-5 : tensor<4x8xf32>, tensor<4xf32>
  return
}

// -----

func.func @rms_norm_c2(%x: tensor<4x8xf32>, %w: tensor<8xf32>) {
  // expected-error @+1 {{eps: expected a number > 0, found 0.0}}
  %0 = swamla.rms_norm %x, %w eps 0.0 : tensor<4x8xf32>, tensor<8xf32>
  return
}

// -----

func.func @rms_norm_grad_c1(%x: tensor<8xf32>, %w: tensor<8xf32>) {
  // expected-error @+1 {{x: expected tensor<M x C>, found 'tensor<8xf32>'}}
  %0, %1 = swamla.rms_norm_grad %x, %w, %x eps 1.0e-5 : tensor<8xf32>, tensor<8xf32>
  return
}

// -----

func.func @rms_norm_grad_c2(%x: tensor<4x8xf32>, %w: tensor<8xf32>) {
  // expected-error @+1 {{eps: expected a number > 0, found -1.0}}
  %0, %1 = swamla.rms_norm_grad %x, %w, %x eps -1.0 : tensor<4x8xf32>, tensor<8xf32>
  return
}

// -----

func.func @layer_norm_c1(%x: tensor<4x8xf32>, %w: tensor<8xf64>) {
  // expected-error @+1 {{weight: expected 'tensor<8xf32>', found 'tensor<8xf64>'}}
  %0 = swamla.layer_norm %x, %w, %w eps 1.0e-5 : tensor<4x8xf32>, tensor<8xf64>
  return
}

// -----

func.func @layer_norm_c2(%x: tensor<4x8xf32>, %w: tensor<8xf32>) {
  // expected-error @+1 {{eps: expected a number > 0, found 0.0}}
  %0 = swamla.layer_norm %x, %w, %w eps 0.0 : tensor<4x8xf32>, tensor<8xf32>
  return
}

// -----

func.func @layer_norm_grad_c1(%x: tensor<4x8xf32>, %w: tensor<9xf32>) {
  // expected-error @+1 {{weight: expected 'tensor<8xf32>', found 'tensor<9xf32>'}}
  %0, %1, %2 = swamla.layer_norm_grad %x, %w, %x eps 1.0e-5 : tensor<4x8xf32>, tensor<9xf32>
  return
}

// -----

func.func @layer_norm_grad_c2(%x: tensor<4x8xf32>, %w: tensor<8xf32>) {
  // expected-error @+1 {{eps: expected a number > 0, found 0.0}}
  %0, %1, %2 = swamla.layer_norm_grad %x, %w, %x eps 0.0 : tensor<4x8xf32>, tensor<8xf32>
  return
}

// -----

func.func @dyt_c1(%x: tensor<4x8xf32>, %w: tensor<9xf32>, %a: tensor<1xf32>) {
  // expected-error @+1 {{weight: expected 'tensor<8xf32>', found 'tensor<9xf32>'}}
  %0 = swamla.dyt %x, %a, %w, %w : tensor<4x8xf32>, tensor<1xf32>, tensor<9xf32>
  return
}

// -----

func.func @dyt_c2(%x: tensor<4x8xf32>, %w: tensor<8xf32>) {
  // expected-error @+1 {{alpha: expected 'tensor<1xf32>', found 'tensor<8xf32>'}}
  %0 = swamla.dyt %x, %w, %w, %w : tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32>
  return
}

// -----

func.func @dyt_grad_c1(%x: tensor<4x8xf32>, %w: tensor<9xf32>, %a: tensor<1xf32>) {
  // expected-error @+1 {{weight: expected 'tensor<8xf32>', found 'tensor<9xf32>'}}
  %0, %1, %2, %3 = swamla.dyt_grad %x, %a, %w, %x : tensor<4x8xf32>, tensor<1xf32>, tensor<9xf32> -> tensor<4xf32>
  return
}

// -----

func.func @dyt_grad_c2(%x: tensor<4x8xf32>, %w: tensor<8xf32>) {
  // expected-error @+1 {{alpha: expected 'tensor<1xf32>', found 'tensor<8xf32>'}}
  %0, %1, %2, %3 = swamla.dyt_grad %x, %w, %w, %x : tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32> -> tensor<4xf32>
  return
}

// -----

func.func @dyt_grad_c3(%x: tensor<4x8xf32>, %w: tensor<8xf32>, %a: tensor<1xf32>) {
  // expected-error @+1 {{dalpha_rows: expected 'tensor<4xf32>', found 'tensor<8xf32>'}}
  %0, %1, %2, %3 = swamla.dyt_grad %x, %a, %w, %x : tensor<4x8xf32>, tensor<1xf32>, tensor<8xf32> -> tensor<8xf32>
  return
}
