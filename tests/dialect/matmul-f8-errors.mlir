// RUN: swamla-opt %s -split-input-file -verify-diagnostics

func.func @matmul_c5_e5m2(%a: tensor<16x32xf8E5M2>, %s: tensor<1xf32>) {
  // expected-error @+1 {{expected a or b of f8E4M3FN, found f8E5M2 for both}}
  %0 = swamla.matmul %a, %a scales %s, %s transpose_b : tensor<16x32xf8E5M2>, tensor<16x32xf8E5M2>, tensor<1xf32>, tensor<1xf32> -> tensor<16x16xbf16>
  return
}

// -----

func.func @matmul_c5_mixed(%a: tensor<16x32xf8E4M3FN>, %b: tensor<16x32xbf16>, %s: tensor<1xf32>) {
  // expected-error @+1 {{expected a and b of one element type, found 'f8E4M3FN' and 'bf16'}}
  %0 = swamla.matmul %a, %b scales %s, %s transpose_b : tensor<16x32xf8E4M3FN>, tensor<16x32xbf16>, tensor<1xf32>, tensor<1xf32> -> tensor<16x16xbf16>
  return
}

// -----

func.func @matmul_c6(%a: tensor<16x32xf8E4M3FN>, %s: tensor<1xf32>) {
  // expected-error @+1 {{result: expected 'tensor<16x16xbf16>', found 'tensor<16x16xf8E4M3FN>'}}
  %0 = swamla.matmul %a, %a scales %s, %s transpose_b : tensor<16x32xf8E4M3FN>, tensor<16x32xf8E4M3FN>, tensor<1xf32>, tensor<1xf32> -> tensor<16x16xf8E4M3FN>
  return
}

// -----

func.func @matmul_c7_none(%a: tensor<16x32xf8E4M3FN>) {
  // expected-error @+1 {{expected scales of a and b exactly where these are f8; found none with operands of 'f8E4M3FN'}}
  %0 = swamla.matmul %a, %a transpose_b : tensor<16x32xf8E4M3FN>, tensor<16x32xf8E4M3FN> -> tensor<16x16xbf16>
  return
}

// -----

func.func @matmul_c7_bf16(%a: tensor<16x32xbf16>, %s: tensor<1xf32>) {
  // expected-error @+1 {{expected scales of a and b exactly where these are f8; found scales with operands of 'bf16'}}
  %0 = swamla.matmul %a, %a scales %s, %s transpose_b : tensor<16x32xbf16>, tensor<16x32xbf16>, tensor<1xf32>, tensor<1xf32> -> tensor<16x16xbf16>
  return
}

// -----

func.func @matmul_c7_mixed(%a: tensor<16x32xf8E4M3FN>, %b: tensor<48x32xf8E4M3FN>, %s: tensor<1xf32>, %t: tensor<48xf32>) {
  // expected-error @+1 {{scales: expected 'tensor<1xf32>' for both, or 'tensor<16xf32>' and 'tensor<48xf32>', found 'tensor<1xf32>' and 'tensor<48xf32>'}}
  %0 = swamla.matmul %a, %b scales %s, %t transpose_b : tensor<16x32xf8E4M3FN>, tensor<48x32xf8E4M3FN>, tensor<1xf32>, tensor<48xf32> -> tensor<16x48xbf16>
  return
}

// -----

func.func @matmul_c8_transpose(%a: tensor<16x32xf8E4M3FN>, %b: tensor<32x16xf8E4M3FN>, %s: tensor<1xf32>) {
  // expected-error @+1 {{expected transpose_b without transpose_a with f8 operands; quantize a transposed copy for other products}}
  %0 = swamla.matmul %a, %b scales %s, %s : tensor<16x32xf8E4M3FN>, tensor<32x16xf8E4M3FN>, tensor<1xf32>, tensor<1xf32> -> tensor<16x16xbf16>
  return
}

// -----

func.func @matmul_c8_sizes(%a: tensor<16x40xf8E4M3FN>, %s: tensor<1xf32>) {
  // expected-error @+1 {{expected m, n and k to be multiples of 16 with f8 operands, found 16, 16 and 40}}
  %0 = swamla.matmul %a, %a scales %s, %s transpose_b : tensor<16x40xf8E4M3FN>, tensor<16x40xf8E4M3FN>, tensor<1xf32>, tensor<1xf32> -> tensor<16x16xbf16>
  return
}

// -----

func.func @matmul_c9(%a: tensor<16x32xbf16>) {
  // expected-error @+1 {{expected f8 operands with fast_accum, found 'bf16'}}
  %0 = swamla.matmul %a, %a transpose_b fast_accum : tensor<16x32xbf16>, tensor<16x32xbf16> -> tensor<16x16xbf16>
  return
}
