// RUN: swamla-opt %s -split-input-file -verify-diagnostics

func.func @bias_add_c1(%x: tensor<4x12xf32>, %b: tensor<4xf32>) {
  // expected-error @+1 {{bias: expected 'tensor<12xf32>', found 'tensor<4xf32>'}}
  %0 = swamla.bias_add %x, %b : tensor<4x12xf32>, tensor<4xf32>
  return
}

// -----

func.func @column_sum_c1(%x: tensor<4x12xf32>) {
  // expected-error @+1 {{result: expected 'tensor<12xf32>', found 'tensor<4xf32>'}}
  %0 = swamla.column_sum %x : tensor<4x12xf32> -> tensor<4xf32>
  return
}

// -----

func.func @column_sum_c1_rank(%x: tensor<12xf32>) {
  // expected-error @+1 {{x: expected tensor<M x C>, found 'tensor<12xf32>'}}
  %0 = swamla.column_sum %x : tensor<12xf32> -> tensor<12xf32>
  return
}

// -----

func.func @sum_c1(%x: tensor<12xf32>) {
  // expected-error @+1 {{result: expected 'tensor<1xf32>', found 'tensor<2xf32>'}}
  %0 = swamla.sum %x : tensor<12xf32> -> tensor<2xf32>
  return
}

// -----

func.func @sum_c1_rank(%x: tensor<3x4xf32>) {
  // expected-error @+1 {{x: expected tensor<N>, found 'tensor<3x4xf32>'}}
  %0 = swamla.sum %x : tensor<3x4xf32> -> tensor<1xf32>
  return
}

// -----

func.func @head_sum_c1(%x: tensor<4x12xf32>) {
  // expected-error @+1 {{heads: expected a divisor of the width of x = 12, found 5}}
  %0 = swamla.head_sum %x heads 5 : tensor<4x12xf32> -> tensor<4x4xf32>
  return
}

// -----

func.func @head_sum_c1_result(%x: tensor<4x12xf32>) {
  // expected-error @+1 {{result: expected 'tensor<4x4xf32>', found 'tensor<4x3xf32>'}}
  %0 = swamla.head_sum %x heads 3 : tensor<4x12xf32> -> tensor<4x3xf32>
  return
}

// -----

func.func @dropout_c1(%x: tensor<4x12xf32>, %key: tensor<1xi32>) {
  // expected-error @+1 {{p: expected 0 < p < 1, found 0.0}}
  %0 = swamla.dropout %x, %key p 0.0 site 0 : tensor<4x12xf32>, tensor<1xi32>
  return
}

// -----

func.func @dropout_c2(%x: tensor<4x12xf32>, %key: tensor<2xi32>) {
  // expected-error @+1 {{key: expected 'tensor<1xi32>', found 'tensor<2xi32>'}}
  %0 = swamla.dropout %x, %key p 0.5 site 0 : tensor<4x12xf32>, tensor<2xi32>
  return
}

// -----

func.func @dropout_c3(%x: tensor<4x12xf32>, %key: tensor<1xi32>) {
  // expected-error @+1 {{site: expected at least 0, found -1}}
  %0 = swamla.dropout %x, %key p 0.5 site -1 : tensor<4x12xf32>, tensor<1xi32>
  return
}

// -----

func.func @cast_c1(%x: tensor<4x4xf32>) {
  // expected-error @+1 {{result: expected 'tensor<4x4xbf16>', found 'tensor<4x5xbf16>'}}
  %0 = swamla.cast %x : tensor<4x4xf32> -> tensor<4x5xbf16>
  return
}

// -----

func.func @cast_c1_element(%x: tensor<4x4xi32>) {
  // expected-error @+1 {{expected float elements, found 'tensor<4x4xi32>' and 'tensor<4x4xbf16>'}}
  %0 = swamla.cast %x : tensor<4x4xi32> -> tensor<4x4xbf16>
  return
}

// -----

func.func @bias_add_c1_narrow(%x: tensor<4x4xbf16>, %b: tensor<4xf16>) {
  // expected-error @+1 {{bias: expected 'tensor<4xbf16>', found 'tensor<4xf16>'}}
  %0 = swamla.bias_add %x, %b : tensor<4x4xbf16>, tensor<4xf16>
  return
}
