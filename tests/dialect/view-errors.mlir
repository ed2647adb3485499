// RUN: swamla-opt %s -split-input-file -verify-diagnostics

func.func @split_c1(%x: tensor<4x12xf32>) {
  // expected-error @+1 {{expected at least one part, found none}}
  "swamla.split"(%x) <{heads = 1 : i64}> : (tensor<4x12xf32>) -> ()
  return
}

// -----

func.func @split_c1_rows(%x: tensor<4x12xf32>) {
  // expected-error @+1 {{part 1: expected 'tensor<4x4xf32>', found 'tensor<3x4xf32>'}}
  %0:2 = swamla.split %x heads 1 : tensor<4x12xf32> -> tensor<4x8xf32>, tensor<3x4xf32>
  return
}

// -----

func.func @split_c1_source(%x: tensor<12xf32>) {
  // expected-error @+1 {{source: expected tensor<M x C>, found 'tensor<12xf32>'}}
  %0 = swamla.split %x heads 1 : tensor<12xf32> -> tensor<12xf32>
  return
}

// -----

func.func @split_c2(%x: tensor<4x12xf32>) {
  // expected-error @+1 {{heads: expected a divisor of a part's width = 7, found 2}}
  %0:2 = swamla.split %x heads 2 : tensor<4x12xf32> -> tensor<4x7xf32>, tensor<4x5xf32>
  return
}

// -----

func.func @split_c2_sum(%x: tensor<4x12xf32>) {
  // expected-error @+1 {{expected the parts' widths to add up to the source's 12, found 10}}
  %0:2 = swamla.split %x heads 1 : tensor<4x12xf32> -> tensor<4x6xf32>, tensor<4x4xf32>
  return
}

// -----

func.func @join_c1(%x: tensor<4x12xf32>, %y: tensor<4x2xi32>) {
  // expected-error @+1 {{part 1: expected 'tensor<4x2xf32>', found 'tensor<4x2xi32>'}}
  %0 = swamla.join %x, %y heads 1 : tensor<4x12xf32>, tensor<4x2xi32> -> tensor<4x14xf32>
  return
}

// -----

func.func @join_c2(%x: tensor<4x12xf32>, %y: tensor<4x2xf32>) {
  // expected-error @+1 {{expected the parts' widths to add up to the result's 13, found 14}}
  %0 = swamla.join %x, %y heads 1 : tensor<4x12xf32>, tensor<4x2xf32> -> tensor<4x13xf32>
  return
}

// -----

func.func @join_c2_heads(%x: tensor<4x12xf32>, %y: tensor<4x2xf32>) {
  // expected-error @+1 {{heads: expected a divisor of a part's width = 12, found 0}}
  %0 = swamla.join %x, %y heads 0 : tensor<4x12xf32>, tensor<4x2xf32> -> tensor<4x14xf32>
  return
}

// -----

func.func @slice_rows_c1(%x: tensor<4x12xf32>) {
  // expected-error @+1 {{expected rows inside [0, 4), found [2, 5)}}
  %0 = swamla.slice_rows %x from 2 : tensor<4x12xf32> -> tensor<3x12xf32>
  return
}

// -----

func.func @slice_rows_c1_negative(%x: tensor<4x12xf32>) {
  // expected-error @+1 {{expected rows inside [0, 4), found [-1, 2)}}
  %0 = swamla.slice_rows %x from -1 : tensor<4x12xf32> -> tensor<3x12xf32>
  return
}

// -----

func.func @slice_rows_c2(%x: tensor<4x12xf32>) {
  // expected-error @+1 {{result: expected 'tensor<3x12xf32>', found 'tensor<3x11xf32>'}}
  %0 = swamla.slice_rows %x from 0 : tensor<4x12xf32> -> tensor<3x11xf32>
  return
}

// -----

func.func @join_rows_c1(%x: tensor<4x12xf32>) {
  // expected-error @+1 {{expected parts with 9 rows in all, found 8}}
  %0 = swamla.join_rows %x, %x : tensor<4x12xf32>, tensor<4x12xf32> -> tensor<9x12xf32>
  return
}

// -----

func.func @join_rows_c2(%x: tensor<4x12xf32>, %y: tensor<4x11xf32>) {
  // expected-error @+1 {{part 1: expected 'tensor<4x12xf32>', found 'tensor<4x11xf32>'}}
  %0 = swamla.join_rows %x, %y : tensor<4x12xf32>, tensor<4x11xf32> -> tensor<8x12xf32>
  return
}
