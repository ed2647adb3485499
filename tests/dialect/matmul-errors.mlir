// RUN: swamla-opt %s -split-input-file -verify-diagnostics

func.func @matmul_c1(%a: tensor<4xf32>, %b: tensor<4x8xf32>) {
  // expected-error @+1 {{a: expected a matrix, found 'tensor<4xf32>'}}
  %0 = swamla.matmul %a, %b : tensor<4xf32>, tensor<4x8xf32> -> tensor<8xf32>
  return
}

// -----

func.func @matmul_c2(%a: tensor<4x6xf32>, %b: tensor<8x5xf32>) {
  // expected-error @+1 {{expected op(a) and op(b) to share a dimension, found 4 x 6 and 5 x 8}}
  %0 = swamla.matmul %a, %b transpose_b : tensor<4x6xf32>, tensor<8x5xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @matmul_c2_transposed(%a: tensor<4x6xf32>, %b: tensor<8x6xf32>) {
  // expected-error @+1 {{expected op(a) and op(b) to share a dimension, found 6 x 4 and 6 x 8}}
  %0 = swamla.matmul %a, %b transpose_a transpose_b : tensor<4x6xf32>, tensor<8x6xf32> -> tensor<6x8xf32>
  return
}

// -----

func.func @matmul_c3(%a: tensor<4x6xf32>, %b: tensor<8x6xf32>) {
  // expected-error @+1 {{result: expected 'tensor<4x8xf32>', found 'tensor<8x4xf32>'}}
  %0 = swamla.matmul %a, %b transpose_b : tensor<4x6xf32>, tensor<8x6xf32> -> tensor<8x4xf32>
  return
}

// -----

func.func @matmul_c4(%a: tensor<4x6xf32>, %b: tensor<8x6xf32>, %i: tensor<4x6xf32>) {
  // expected-error @+1 {{init: expected 'tensor<4x8xf32>', found 'tensor<4x6xf32>'}}
  %0 = swamla.matmul %a, %b init %i transpose_b : tensor<4x6xf32>, tensor<8x6xf32>, tensor<4x6xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @embedding_lookup_c1(%t: tensor<4xi64>, %w: tensor<9x6xf32>) {
  // expected-error @+1 {{tokens: expected tensor<M x i32>, found 'tensor<4xi64>'}}
  %0 = swamla.embedding_lookup %t, %w : tensor<4xi64>, tensor<9x6xf32> -> tensor<4x6xf32>
  return
}

// -----

func.func @embedding_lookup_c2(%t: tensor<4xi32>, %w: tensor<9x6xf32>) {
  // expected-error @+1 {{result: expected 'tensor<4x6xf32>', found 'tensor<4x9xf32>'}}
  %0 = swamla.embedding_lookup %t, %w : tensor<4xi32>, tensor<9x6xf32> -> tensor<4x9xf32>
  return
}

// -----

func.func @embedding_grad_c1(%t: tensor<4xi32>, %d: tensor<5x6xf32>) {
  // expected-error @+1 {{dy: expected 'tensor<4x6xf32>', found 'tensor<5x6xf32>'}}
  %0 = swamla.embedding_grad %t, %d : tensor<4xi32>, tensor<5x6xf32> -> tensor<9x6xf32>
  return
}

// -----

func.func @embedding_grad_c1_tokens(%t: tensor<4xf32>, %d: tensor<4x6xf32>) {
  // expected-error @+1 {{tokens: expected tensor<M x i32>, found 'tensor<4xf32>'}}
  %0 = swamla.embedding_grad %t, %d : tensor<4xf32>, tensor<4x6xf32> -> tensor<9x6xf32>
  return
}

// -----

func.func @embedding_grad_c2(%t: tensor<4xi32>, %d: tensor<4x6xf32>) {
  // expected-error @+1 {{result: expected 'tensor<9x6xf32>', found 'tensor<9x5xf32>'}}
  %0 = swamla.embedding_grad %t, %d : tensor<4xi32>, tensor<4x6xf32> -> tensor<9x5xf32>
  return
}

// -----

func.func @embedding_grad_c2_init(%t: tensor<4xi32>, %d: tensor<4x6xf32>, %i: tensor<8x6xf32>) {
  // expected-error @+1 {{init: expected 'tensor<9x6xf32>', found 'tensor<8x6xf32>'}}
  %0 = swamla.embedding_grad %t, %d init %i : tensor<4xi32>, tensor<4x6xf32>, tensor<8x6xf32> -> tensor<9x6xf32>
  return
}

// -----

func.func @select_row_c1(%x: tensor<4x6xf32>, %i: tensor<2xi32>) {
  // expected-error @+1 {{index: expected 'tensor<1xi32>', found 'tensor<2xi32>'}}
  %0 = swamla.select_row %x, %i : tensor<4x6xf32>, tensor<2xi32> -> tensor<1x6xf32>
  return
}

// -----

func.func @select_row_c2(%x: tensor<4x6xf32>, %i: tensor<1xi32>) {
  // expected-error @+1 {{result: expected 'tensor<1x6xf32>', found 'tensor<6xf32>'}}
  %0 = swamla.select_row %x, %i : tensor<4x6xf32>, tensor<1xi32> -> tensor<6xf32>
  return
}

// -----

func.func @matmul_c5(%a: tensor<4x4xbf16>, %b: tensor<4x4xf32>) {
  // expected-error @+1 {{expected a and b of one element type, found 'bf16' and 'f32'}}
  %0 = swamla.matmul %a, %b : tensor<4x4xbf16>, tensor<4x4xf32> -> tensor<4x4xf32>
  return
}

// -----

func.func @matmul_c5_result(%a: tensor<4x4xf32>) {
  // expected-error @+1 {{result: expected 'tensor<4x4xf32>', found 'tensor<4x4xbf16>'}}
  %0 = swamla.matmul %a, %a : tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x4xbf16>
  return
}
