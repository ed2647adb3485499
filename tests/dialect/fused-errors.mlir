// RUN: swamla-opt %s -split-input-file -verify-diagnostics

func.func @fused_c1(%x: tensor<4x8xf32>, %e: tensor<4x8xf32>) {
  // expected-error @+1 {{expected one map for each of 2 operands, found 1}}
  %0 = swamla.fused [4 | 8] ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
      maps [affine_map<(m, c) -> (m, c)>] {
  ^bb0(%a: f32, %i: f32):
    swamla.yield %a : f32
  } -> tensor<4x8xf32>
  return
}

// -----

func.func @fused_c1_results(%x: tensor<4x8xf32>, %e: tensor<4x8xf32>) {
  // expected-error @+1 {{map 0: expected 2 dims and 2 results, found affine_map<(d0, d1) -> (d1)>}}
  %0 = swamla.fused [4 | 8] ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
      maps [affine_map<(m, c) -> (c)>, affine_map<(m, c) -> (m, c)>] {
  ^bb0(%a: f32, %i: f32):
    swamla.yield %a : f32
  } -> tensor<4x8xf32>
  return
}

// -----

func.func @fused_c1_dims(%x: tensor<4x8xf32>, %e: tensor<4x8xf32>) {
  // expected-error @+1 {{map 1: expected 2 dims and 2 results, found affine_map<(d0, d1, d2) -> (d0, d1)>}}
  %0 = swamla.fused [4 | 8] ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
      maps [affine_map<(m, c) -> (m, c)>, affine_map<(m, c, d) -> (m, c)>] {
  ^bb0(%a: f32, %i: f32):
    swamla.yield %a : f32
  } -> tensor<4x8xf32>
  return
}

// -----

func.func @fused_c1_symbols(%x: tensor<4x8xf32>, %e: tensor<4x8xf32>) {
  // expected-error @+1 {{map 0: expected 0 symbols, found 1}}
  %0 = swamla.fused [4 | 8] ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
      maps [affine_map<(m, c)[s] -> (s, c)>, affine_map<(m, c) -> (m, c)>] {
  ^bb0(%a: f32, %i: f32):
    swamla.yield %a : f32
  } -> tensor<4x8xf32>
  return
}

// -----

func.func @fused_c2(%t: tensor<4xi32>, %x: tensor<4x8xf32>, %e: tensor<4x8xf32>) {
  // expected-error @+1 {{gather: expected one entry for each of 2 ins, found 1}}
  %0 = swamla.fused [4 | 8] ins(%t, %x : tensor<4xi32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) gather [0]
      maps [affine_map<(m, c) -> (m)>, affine_map<(m, c)[s] -> (s, c)>, affine_map<(m, c) -> (m, c)>] {
  ^bb0(%n: i32, %a: f32, %i: f32):
    swamla.yield %a : f32
  } -> tensor<4x8xf32>
  return
}

// -----

func.func @fused_c2_range(%t: tensor<4xi32>, %x: tensor<4x8xf32>, %e: tensor<4x8xf32>) {
  // expected-error @+1 {{gather 1: expected -1 to 1, found 2}}
  %0 = swamla.fused [4 | 8] ins(%t, %x : tensor<4xi32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) gather [-1, 2]
      maps [affine_map<(m, c) -> (m)>, affine_map<(m, c)[s] -> (s, c)>, affine_map<(m, c) -> (m, c)>] {
  ^bb0(%n: i32, %a: f32, %i: f32):
    swamla.yield %a : f32
  } -> tensor<4x8xf32>
  return
}

// -----

func.func @fused_c2_type(%t: tensor<4xf32>, %x: tensor<4x8xf32>, %e: tensor<4x8xf32>) {
  // expected-error @+1 {{gather 1: expected an in of i32 that is not gathered itself, found in 0 of type 'tensor<4xf32>'}}
  %0 = swamla.fused [4 | 8] ins(%t, %x : tensor<4xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) gather [-1, 0]
      maps [affine_map<(m, c) -> (m)>, affine_map<(m, c)[s] -> (s, c)>, affine_map<(m, c) -> (m, c)>] {
  ^bb0(%n: i32, %a: f32, %i: f32):
    swamla.yield %a : f32
  } -> tensor<4x8xf32>
  return
}

// -----

func.func @fused_c2_symbols(%t: tensor<4xi32>, %x: tensor<4x8xf32>, %e: tensor<4x8xf32>) {
  // expected-error @+1 {{map 1: expected 1 symbols, found 0}}
  %0 = swamla.fused [4 | 8] ins(%t, %x : tensor<4xi32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) gather [-1, 0]
      maps [affine_map<(m, c) -> (m)>, affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (m, c)>] {
  ^bb0(%n: i32, %a: f32, %i: f32):
    swamla.yield %a : f32
  } -> tensor<4x8xf32>
  return
}

// -----

func.func @fused_c3(%x: tensor<4x8xf32>, %e: tensor<4x8xf32>) {
  // expected-error @+1 {{expected one block argument for each of 2 operands, found 1}}
  %0 = swamla.fused [4 | 8] ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
      maps [affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (m, c)>] {
  ^bb0(%a: f32):
    swamla.yield %a : f32
  } -> tensor<4x8xf32>
  return
}

// -----

func.func @fused_c3_type(%x: tensor<4x8xf32>, %e: tensor<4x8xf32>) {
  // expected-error @+1 {{block argument 1: expected 'f32', found 'f64'}}
  %0 = swamla.fused [4 | 8] ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
      maps [affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (m, c)>] {
  ^bb0(%a: f32, %i: f64):
    swamla.yield %a : f32
  } -> tensor<4x8xf32>
  return
}

// -----

func.func @fused_c3_yield(%x: tensor<4x8xf32>, %e: tensor<4x8xf32>) {
  // expected-error @+1 {{expected a yield of 1 values, found 2}}
  %0 = swamla.fused [4 | 8] ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
      maps [affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (m, c)>] {
  ^bb0(%a: f32, %i: f32):
    swamla.yield %a, %a : f32, f32
  } -> tensor<4x8xf32>
  return
}

// -----

func.func @fused_c3_yield_type(%t: tensor<4xi32>, %x: tensor<4x8xf32>, %e: tensor<4x8xf32>) {
  %0 = swamla.fused [4 | 8] ins(%t, %x : tensor<4xi32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
      maps [affine_map<(m, c) -> (m)>, affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (m, c)>] {
  ^bb0(%n: i32, %a: f32, %i: f32):
    // expected-error @+1 {{value 0: expected 'f32', found 'i32'}}
    swamla.yield %n : i32
  } -> tensor<4x8xf32>
  return
}

// -----

func.func @fused_c4(%x: tensor<4x8xf32>, %e: tensor<4x8xf32>) {
  // expected-error @+1 {{out 0: expected a store of all dims or of the row dims, no element twice, or a column reduction, found affine_map<(d0, d1) -> (d0 mod 4, d1)>}}
  %0 = swamla.fused [4 | 8] ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
      maps [affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (m mod 4, c)>] {
  ^bb0(%a: f32, %i: f32):
    swamla.yield %a : f32
  } -> tensor<4x8xf32>
  return
}

// -----

func.func @fused_c4_overlap(%x: tensor<4x8xf32>, %e: tensor<32xf32>) {
  // expected-error @+1 {{out 0: expected a store of all dims or of the row dims, no element twice, or a column reduction, found affine_map<(d0, d1) -> (d0 * 7 + d1)>}}
  %0 = swamla.fused [4 | 8] ins(%x : tensor<4x8xf32>) outs(%e : tensor<32xf32>)
      maps [affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (m * 7 + c)>] {
  ^bb0(%a: f32, %i: f32):
    swamla.yield %a : f32
  } -> tensor<32xf32>
  return
}

// -----

func.func @fused_c4_columns_missing(%x: tensor<4x8xf32>, %e: tensor<4x2xf32>) {
  // expected-error @+1 {{out 0: expected a store of all dims or of the row dims, no element twice, or a column reduction, found affine_map<(d0, d1, d2) -> (d0, d1)>}}
  %0 = swamla.fused [4 | 2, 4] ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x2xf32>)
      maps [affine_map<(m, h, d) -> (m, h * 4 + d)>, affine_map<(m, h, d) -> (m, h)>] {
  ^bb0(%a: f32, %i: f32):
    swamla.yield %a : f32
  } -> tensor<4x2xf32>
  return
}

// -----

func.func @fused_c4_twice(%x: tensor<4x8xf32>, %e: tensor<4x8xf32>) {
  // expected-error @+1 {{out 0: expected a store of all dims or of the row dims, no element twice, or a column reduction, found affine_map<(d0, d1) -> (d0, d0)>}}
  %0 = swamla.fused [4 | 8] ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
      maps [affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (m, m)>] {
  ^bb0(%a: f32, %i: f32):
    swamla.yield %a : f32
  } -> tensor<4x8xf32>
  return
}

// -----

func.func @fused_c5(%x: tensor<4x8xf32>, %e: tensor<4x8xf32>) {
  // expected-error @+1 {{expected results of the outs' types ('tensor<4x8xf32>'), found ('tensor<8x4xf32>')}}
  %0 = swamla.fused [4 | 8] ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
      maps [affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (m, c)>] {
  ^bb0(%a: f32, %i: f32):
    swamla.yield %a : f32
  } -> tensor<8x4xf32>
  return
}

// -----

func.func @fused_c6(%x: tensor<3x8xf32>, %e: tensor<4x8xf32>) {
  // expected-error @+1 {{map 0: expected indices inside [0, 3) of dim 0, found [0, 4)}}
  %0 = swamla.fused [4 | 8] ins(%x : tensor<3x8xf32>) outs(%e : tensor<4x8xf32>)
      maps [affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (m, c)>] {
  ^bb0(%a: f32, %i: f32):
    swamla.yield %a : f32
  } -> tensor<4x8xf32>
  return
}

// -----

func.func @fused_c6_offset(%x: tensor<4x8xf32>, %e: tensor<4x8xf32>) {
  // expected-error @+1 {{map 1: expected indices inside [0, 8) of dim 1, found [1, 9)}}
  %0 = swamla.fused [4 | 8] ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
      maps [affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (m, c + 1)>] {
  ^bb0(%a: f32, %i: f32):
    swamla.yield %a : f32
  } -> tensor<4x8xf32>
  return
}

// -----

func.func @fused_c6_negative(%x: tensor<4x8xf32>, %e: tensor<4x8xf32>) {
  // expected-error @+1 {{map 0: expected indices inside [0, 8) of dim 1, found [-7, 1)}}
  %0 = swamla.fused [4 | 8] ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
      maps [affine_map<(m, c) -> (m, -c)>, affine_map<(m, c) -> (m, c)>] {
  ^bb0(%a: f32, %i: f32):
    swamla.yield %a : f32
  } -> tensor<4x8xf32>
  return
}

// -----

func.func @fused_c6_form(%x: tensor<4x8xf32>, %e: tensor<4x8xf32>) {
  // expected-error @+1 {{map 0: expected sums of dims, times, mod or floordiv a positive constant, found affine_map<(d0, d1) -> (d0 ceildiv 2, d1)>}}
  %0 = swamla.fused [4 | 8] ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
      maps [affine_map<(m, c) -> (m ceildiv 2, c)>, affine_map<(m, c) -> (m, c)>] {
  ^bb0(%a: f32, %i: f32):
    swamla.yield %a : f32
  } -> tensor<4x8xf32>
  return
}

// -----

func.func @fused_c7(%x: tensor<4x8xf32>, %e: tensor<4x8xf32>) {
  // expected-error @+1 {{an extent of the domain: expected at least 1, found 0}}
  %0 = swamla.fused [0 | 8] ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
      maps [affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (m, c)>] {
  ^bb0(%a: f32, %i: f32):
    swamla.yield %a : f32
  } -> tensor<4x8xf32>
  return
}

// -----

func.func @fused_c7_index(%x: tensor<4x8xf32>, %e: tensor<4x8xf32>) {
  %0 = swamla.fused [4 | 8] ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
      maps [affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (m, c)>] {
  ^bb0(%a: f32, %i: f32):
    // expected-error @+1 {{dim: expected 0 to 1, found 2}}
    %n = swamla.index 2
    swamla.yield %a : f32
  } -> tensor<4x8xf32>
  return
}

// -----

func.func @fused_c7_pair_swap(%x: tensor<4x8xf32>, %e: tensor<4x8xf32>) {
  %0 = swamla.fused [4 | 7] ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
      maps [affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (m, c)>] {
  ^bb0(%a: f32, %i: f32):
    // expected-error @+1 {{expected a domain whose last dim is even, found 7}}
    %n = swamla.pair_swap %a : f32
    swamla.yield %a : f32
  } -> tensor<4x8xf32>
  return
}

// -----

func.func @fused_c7_row_dims(%e: tensor<4x8xf32>) {
  // expected-error @+1 {{expected a domain of row dims and column dims, found 2 dims of which 2 are rows}}
  %0 = "swamla.fused"(%e) <{domain = array<i64: 4, 8>, row_dims = 2 : i64, maps = [affine_map<(m, c) -> (m, c)>], operandSegmentSizes = array<i32: 0, 1>}> ({
  ^bb0(%i: f32):
    "swamla.yield"(%i) : (f32) -> ()
  }) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @fused_dynamic(%e: tensor<?x8xf32>) {
  // expected-error @+1 {{operand 0: expected a static shape, found 'tensor<?x8xf32>'}}
  %0 = swamla.fused [4 | 8] outs(%e : tensor<?x8xf32>) maps [affine_map<(m, c) -> (m, c)>] {
  ^bb0(%i: f32):
    swamla.yield %i : f32
  } -> tensor<?x8xf32>
  return
}
