// RUN: swamla-opt %s -split-input-file -verify-diagnostics

func.func @linear_cross_entropy_c1(%x: tensor<4x6xf32>, %w: tensor<9x5xf32>, %t: tensor<4xi32>) {
  // expected-error @+1 {{weight: expected 'tensor<9x6xf32>', found 'tensor<9x5xf32>'}}
  %0 = swamla.linear_cross_entropy %x, %w, %t smoothing 0.0 : tensor<4x6xf32>, tensor<9x5xf32>, tensor<4xi32> -> tensor<1xf32>
  return
}

// -----

func.func @linear_cross_entropy_c1_targets(%x: tensor<4x6xf32>, %w: tensor<9x6xf32>, %t: tensor<5xi32>) {
  // expected-error @+1 {{targets: expected 'tensor<4xi32>', found 'tensor<5xi32>'}}
  %0 = swamla.linear_cross_entropy %x, %w, %t smoothing 0.0 : tensor<4x6xf32>, tensor<9x6xf32>, tensor<5xi32> -> tensor<1xf32>
  return
}

// -----

func.func @linear_cross_entropy_c2(%x: tensor<4x6xf32>, %w: tensor<9x6xf32>, %t: tensor<4xi64>) {
  // expected-error @+1 {{targets: expected 'tensor<4xi32>', found 'tensor<4xi64>'}}
  %0 = swamla.linear_cross_entropy %x, %w, %t smoothing 0.0 : tensor<4x6xf32>, tensor<9x6xf32>, tensor<4xi64> -> tensor<1xf32>
  return
}

// -----

func.func @linear_cross_entropy_c3(%x: tensor<4x6xf32>, %w: tensor<9x6xf32>, %t: tensor<4xi32>) {
  // expected-error @+1 {{loss: expected 'tensor<1xf32>', found 'tensor<4xf32>'}}
  %0 = swamla.linear_cross_entropy %x, %w, %t smoothing 0.0 : tensor<4x6xf32>, tensor<9x6xf32>, tensor<4xi32> -> tensor<4xf32>
  return
}

// -----

func.func @linear_cross_entropy_c4(%x: tensor<4x6xf32>, %w: tensor<9x6xf32>, %t: tensor<4xi32>) {
  // expected-error @+1 {{smoothing: expected 0 <= smoothing < 1, found 1.0}}
  %0 = swamla.linear_cross_entropy %x, %w, %t smoothing 1.0 : tensor<4x6xf32>, tensor<9x6xf32>, tensor<4xi32> -> tensor<1xf32>
  return
}

// -----

func.func @linear_cross_entropy_c4_vocabulary(%x: tensor<4x6xf32>, %w: tensor<1x6xf32>, %t: tensor<4xi32>) {
  // expected-error @+1 {{vocabulary: expected at least 2, found 1}}
  %0 = swamla.linear_cross_entropy %x, %w, %t smoothing 0.0 : tensor<4x6xf32>, tensor<1x6xf32>, tensor<4xi32> -> tensor<1xf32>
  return
}

// -----

func.func @linear_cross_entropy_grad_c1(%x: tensor<4x6xf32>, %w: tensor<9x5xf32>, %t: tensor<4xi32>, %d: tensor<1xf32>) {
  // expected-error @+1 {{weight: expected 'tensor<9x6xf32>', found 'tensor<9x5xf32>'}}
  %0, %1, %2 = swamla.linear_cross_entropy_grad %x, %w, %t, %d smoothing 0.0 : tensor<4x6xf32>, tensor<9x5xf32>, tensor<4xi32>, tensor<1xf32> -> tensor<1xf32>, tensor<4x6xf32>, tensor<9x6xf32>
  return
}

// -----

func.func @linear_cross_entropy_grad_c2(%x: tensor<4x6xf32>, %w: tensor<9x6xf32>, %t: tensor<4xf32>, %d: tensor<1xf32>) {
  // expected-error @+1 {{targets: expected 'tensor<4xi32>', found 'tensor<4xf32>'}}
  %0, %1, %2 = swamla.linear_cross_entropy_grad %x, %w, %t, %d smoothing 0.0 : tensor<4x6xf32>, tensor<9x6xf32>, tensor<4xf32>, tensor<1xf32> -> tensor<1xf32>, tensor<4x6xf32>, tensor<9x6xf32>
  return
}

// -----

func.func @linear_cross_entropy_grad_c3(%x: tensor<4x6xf32>, %w: tensor<9x6xf32>, %t: tensor<4xi32>, %d: tensor<1xf32>) {
  // expected-error @+1 {{loss: expected 'tensor<1xf32>', found 'tensor<4xf32>'}}
  %0, %1, %2 = swamla.linear_cross_entropy_grad %x, %w, %t, %d smoothing 0.0 : tensor<4x6xf32>, tensor<9x6xf32>, tensor<4xi32>, tensor<1xf32> -> tensor<4xf32>, tensor<4x6xf32>, tensor<9x6xf32>
  return
}

// -----

func.func @linear_cross_entropy_grad_c4(%x: tensor<4x6xf32>, %w: tensor<9x6xf32>, %t: tensor<4xi32>, %d: tensor<1xf32>) {
  // expected-error @+1 {{smoothing: expected 0 <= smoothing < 1, found -5.0}}
  %0, %1, %2 = swamla.linear_cross_entropy_grad %x, %w, %t, %d smoothing -0.5 : tensor<4x6xf32>, tensor<9x6xf32>, tensor<4xi32>, tensor<1xf32> -> tensor<1xf32>, tensor<4x6xf32>, tensor<9x6xf32>
  return
}

// -----

func.func @linear_cross_entropy_grad_c5(%x: tensor<4x6xf32>, %w: tensor<9x6xf32>, %t: tensor<4xi32>, %d: tensor<4xf32>) {
  // expected-error @+1 {{dloss: expected 'tensor<1xf32>', found 'tensor<4xf32>'}}
  %0, %1, %2 = swamla.linear_cross_entropy_grad %x, %w, %t, %d smoothing 0.0 : tensor<4x6xf32>, tensor<9x6xf32>, tensor<4xi32>, tensor<4xf32> -> tensor<1xf32>, tensor<4x6xf32>, tensor<9x6xf32>
  return
}

// -----

func.func @linear_cross_entropy_grad_c6(%x: tensor<4x6xf32>, %w: tensor<9x6xf32>, %t: tensor<4xi32>, %d: tensor<1xf32>) {
  // expected-error @+1 {{dx: expected 'tensor<4x6xf32>', found 'tensor<4x9xf32>'}}
  %0, %1, %2 = swamla.linear_cross_entropy_grad %x, %w, %t, %d smoothing 0.0 : tensor<4x6xf32>, tensor<9x6xf32>, tensor<4xi32>, tensor<1xf32> -> tensor<1xf32>, tensor<4x9xf32>, tensor<9x6xf32>
  return
}

// -----

func.func @linear_cross_entropy_grad_c6_dweight(%x: tensor<4x6xf32>, %w: tensor<9x6xf32>, %t: tensor<4xi32>, %d: tensor<1xf32>) {
  // expected-error @+1 {{dweight: expected 'tensor<9x6xf32>', found 'tensor<6x9xf32>'}}
  %0, %1, %2 = swamla.linear_cross_entropy_grad %x, %w, %t, %d smoothing 0.0 : tensor<4x6xf32>, tensor<9x6xf32>, tensor<4xi32>, tensor<1xf32> -> tensor<1xf32>, tensor<4x6xf32>, tensor<6x9xf32>
  return
}

// -----

func.func @linear_cross_entropy_grad_c6_init(%x: tensor<4x6xf32>, %w: tensor<9x6xf32>, %t: tensor<4xi32>, %d: tensor<1xf32>, %i: tensor<6x9xf32>) {
  // expected-error @+1 {{init: expected 'tensor<9x6xf32>', found 'tensor<6x9xf32>'}}
  %0, %1, %2 = swamla.linear_cross_entropy_grad %x, %w, %t, %d init %i smoothing 0.0 : tensor<4x6xf32>, tensor<9x6xf32>, tensor<4xi32>, tensor<1xf32>, tensor<6x9xf32> -> tensor<1xf32>, tensor<4x6xf32>, tensor<9x6xf32>
  return
}

// -----

func.func @target_weight_c1(%t: tensor<4x1xi32>) {
  // expected-error @+1 {{targets: expected tensor<M x i32>, found 'tensor<4x1xi32>'}}
  %0 = swamla.target_weight %t : tensor<4x1xi32> -> tensor<1xf32>
  return
}

// -----

func.func @target_weight_c2(%t: tensor<4xi32>) {
  // expected-error @+1 {{result: expected 'tensor<1xf32>', found 'tensor<4xf32>'}}
  %0 = swamla.target_weight %t : tensor<4xi32> -> tensor<4xf32>
  return
}

// -----

func.func @cross_entropy_rows_c1(%x: tensor<36xf32>, %t: tensor<4xi32>, %w: tensor<1xf32>) {
  // expected-error @+1 {{logits: expected tensor<R x V>, found 'tensor<36xf32>'}}
  %0 = swamla.cross_entropy_rows %x, %t, %w smoothing 0.0 : tensor<36xf32>, tensor<4xi32>, tensor<1xf32> -> tensor<4xf32>
  return
}

// -----

func.func @cross_entropy_rows_c1_vocabulary(%x: tensor<4x1xf32>, %t: tensor<4xi32>, %w: tensor<1xf32>) {
  // expected-error @+1 {{vocabulary: expected at least 2, found 1}}
  %0 = swamla.cross_entropy_rows %x, %t, %w smoothing 0.0 : tensor<4x1xf32>, tensor<4xi32>, tensor<1xf32> -> tensor<4xf32>
  return
}

// -----

func.func @cross_entropy_rows_c2(%x: tensor<4x9xf32>, %t: tensor<3xi32>, %w: tensor<1xf32>) {
  // expected-error @+1 {{targets: expected 'tensor<4xi32>', found 'tensor<3xi32>'}}
  %0 = swamla.cross_entropy_rows %x, %t, %w smoothing 0.0 : tensor<4x9xf32>, tensor<3xi32>, tensor<1xf32> -> tensor<4xf32>
  return
}

// -----

func.func @cross_entropy_rows_c3(%x: tensor<4x9xf32>, %t: tensor<4xi32>, %w: tensor<4xf32>) {
  // expected-error @+1 {{weight: expected 'tensor<1xf32>', found 'tensor<4xf32>'}}
  %0 = swamla.cross_entropy_rows %x, %t, %w smoothing 0.0 : tensor<4x9xf32>, tensor<4xi32>, tensor<4xf32> -> tensor<4xf32>
  return
}

// -----

func.func @cross_entropy_rows_c4(%x: tensor<4x9xf32>, %t: tensor<4xi32>, %w: tensor<1xf32>) {
  // expected-error @+1 {{loss_rows: expected 'tensor<4xf32>', found 'tensor<1xf32>'}}
  %0 = swamla.cross_entropy_rows %x, %t, %w smoothing 0.0 : tensor<4x9xf32>, tensor<4xi32>, tensor<1xf32> -> tensor<1xf32>
  return
}

// -----

func.func @cross_entropy_rows_c5(%x: tensor<4x9xf32>, %t: tensor<4xi32>, %w: tensor<1xf32>) {
  // expected-error @+1 {{smoothing: expected 0 <= smoothing < 1, found 1.5}}
  %0 = swamla.cross_entropy_rows %x, %t, %w smoothing 1.5 : tensor<4x9xf32>, tensor<4xi32>, tensor<1xf32> -> tensor<4xf32>
  return
}

// -----

func.func @cross_entropy_rows_grad_c1(%x: tensor<36xf32>, %t: tensor<4xi32>, %w: tensor<1xf32>, %d: tensor<1xf32>) {
  // expected-error @+1 {{logits: expected tensor<R x V>, found 'tensor<36xf32>'}}
  %0, %1 = swamla.cross_entropy_rows_grad %x, %t, %w, %d smoothing 0.0 : tensor<36xf32>, tensor<4xi32>, tensor<1xf32>, tensor<1xf32> -> tensor<4xf32>, tensor<36xf32>
  return
}

// -----

func.func @cross_entropy_rows_grad_c2(%x: tensor<4x9xf32>, %t: tensor<3xi32>, %w: tensor<1xf32>, %d: tensor<1xf32>) {
  // expected-error @+1 {{targets: expected 'tensor<4xi32>', found 'tensor<3xi32>'}}
  %0, %1 = swamla.cross_entropy_rows_grad %x, %t, %w, %d smoothing 0.0 : tensor<4x9xf32>, tensor<3xi32>, tensor<1xf32>, tensor<1xf32> -> tensor<4xf32>, tensor<4x9xf32>
  return
}

// -----

func.func @cross_entropy_rows_grad_c3(%x: tensor<4x9xf32>, %t: tensor<4xi32>, %w: tensor<4xf32>, %d: tensor<1xf32>) {
  // expected-error @+1 {{weight: expected 'tensor<1xf32>', found 'tensor<4xf32>'}}
  %0, %1 = swamla.cross_entropy_rows_grad %x, %t, %w, %d smoothing 0.0 : tensor<4x9xf32>, tensor<4xi32>, tensor<4xf32>, tensor<1xf32> -> tensor<4xf32>, tensor<4x9xf32>
  return
}

// -----

func.func @cross_entropy_rows_grad_c4(%x: tensor<4x9xf32>, %t: tensor<4xi32>, %w: tensor<1xf32>, %d: tensor<1xf32>) {
  // expected-error @+1 {{loss_rows: expected 'tensor<4xf32>', found 'tensor<1xf32>'}}
  %0, %1 = swamla.cross_entropy_rows_grad %x, %t, %w, %d smoothing 0.0 : tensor<4x9xf32>, tensor<4xi32>, tensor<1xf32>, tensor<1xf32> -> tensor<1xf32>, tensor<4x9xf32>
  return
}

// -----

func.func @cross_entropy_rows_grad_c5(%x: tensor<4x9xf32>, %t: tensor<4xi32>, %w: tensor<1xf32>, %d: tensor<1xf32>) {
  // expected-error @+1 {{smoothing: expected 0 <= smoothing < 1, found 1.5}}
  %0, %1 = swamla.cross_entropy_rows_grad %x, %t, %w, %d smoothing 1.5 : tensor<4x9xf32>, tensor<4xi32>, tensor<1xf32>, tensor<1xf32> -> tensor<4xf32>, tensor<4x9xf32>
  return
}

// -----

func.func @cross_entropy_rows_grad_c6(%x: tensor<4x9xf32>, %t: tensor<4xi32>, %w: tensor<1xf32>, %d: tensor<4xf32>) {
  // expected-error @+1 {{dloss: expected 'tensor<1xf32>', found 'tensor<4xf32>'}}
  %0, %1 = swamla.cross_entropy_rows_grad %x, %t, %w, %d smoothing 0.0 : tensor<4x9xf32>, tensor<4xi32>, tensor<1xf32>, tensor<4xf32> -> tensor<4xf32>, tensor<4x9xf32>
  return
}
